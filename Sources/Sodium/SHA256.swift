import CSodium
package import Foundation

/// SHA-256 by libsodium, whole or piece by piece.
package struct SHA256 {
    private var state = crypto_hash_sha256_state()

    package init() {
        Sodium.start()
        crypto_hash_sha256_init(&state)
    }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.bindMemory(to: UInt8.self).baseAddress else { return }
        crypto_hash_sha256_update(&state, base, UInt64(bytes.count))
    }

    package mutating func update(_ data: Data) { data.withUnsafeBytes { update($0) } }
    package mutating func update(_ text: String) { update(Data(text.utf8)) }

    /// The digest in lower-case hexadecimal; the value is used up by it.
    package mutating func finish() -> String { Sodium.hexadecimal(digest()) }

    private mutating func digest() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
        crypto_hash_sha256_final(&state, &digest)
        return digest
    }

    /// 32 bytes.
    package static func digest(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.digest()
    }

    package static func hash(_ data: Data) -> String {
        var hash = SHA256()
        hash.update(data)
        return hash.finish()
    }

    package static func hash(_ bytes: UnsafeRawBufferPointer) -> String {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// Hash of a file, read in pieces.
    package static func hash(fileAt path: String) throws -> String {
        let file = try FileHandle(forReadingFrom: URL(filePath: path))
        defer { try? file.close() }
        var hash = SHA256()
        while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty { hash.update(piece) }
        return hash.finish()
    }
}

/// What else of libsodium is used.
package enum Sodium {
    private static let isStarted = sodium_init() >= 0

    @discardableResult
    package static func start() -> Bool { isStarted }

    package static func randomBytes(_ count: Int) -> [UInt8] {
        start()
        var bytes = [UInt8](repeating: 0, count: count)
        randombytes_buf(&bytes, count)
        return bytes
    }

    package static func randomUInt64() -> UInt64 { randomBytes(8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// Compares secrets in a time that does not depend on where they differ.
    package static func areEqual(_ a: [UInt8], _ b: [UInt8]) -> Bool {
        start()
        return a.count == b.count && sodium_memcmp(a, b, a.count) == 0
    }

    package static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count * 2)
        for byte in bytes {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// nil when the text is anything but pairs of hexadecimal digits.
    package static func bytes(hexadecimal text: String) -> [UInt8]? {
        let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
        guard digits.count.isMultiple(of: 2), !digits.contains(nil) else { return nil }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8((digits[$0] ?? 0) << 4 | (digits[$0 + 1] ?? 0)) }
    }
}
