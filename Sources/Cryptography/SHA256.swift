import CCrypto
package import Foundation

/// SHA-256 by libcrypto, whole or piece by piece, with the processor's own instructions where it has them.
package struct SHA256: ~Copyable {
    package static let size = 32
    private let context: OpaquePointer?

    package init() {
        context = EVP_MD_CTX_new()
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit { EVP_MD_CTX_free(context) }

    package func update(_ bytes: UnsafeRawBufferPointer) { EVP_DigestUpdate(context, bytes.baseAddress, bytes.count) }
    package func update(_ data: Data) { data.withUnsafeBytes { update($0) } }
    package func update(_ text: String) { update(Data(text.utf8)) }

    /// The digest in lower-case hexadecimal.
    package consuming func finish() -> String {
        var digest = [UInt8](repeating: 0, count: Self.size)
        EVP_DigestFinal_ex(context, &digest, nil)
        return Hexadecimal.text(digest)
    }

    /// 32 bytes.
    package static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: size)
        EVP_Digest(bytes.baseAddress, bytes.count, &digest, nil, EVP_sha256(), nil)
        return digest
    }

    package static func hash(_ data: Data) -> String { data.withUnsafeBytes { hash($0) } }
    package static func hash(_ bytes: UnsafeRawBufferPointer) -> String { Hexadecimal.text(digest(bytes)) }

    /// Hash of a file, read in pieces.
    package static func hash(fileAt path: String) throws -> String {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        let hash = SHA256()
        while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(piece) }
        return hash.finish()
    }
}
