import ClusterModel
import Foundation
import Cryptography

/// The SHA-256 of each chunk of a file, one after another: what a file is known by, however large it is.
struct ChunkList: Sendable {
    static let hashSize = 32

    let bytes: Data
    private let chunkSize: Int

    /// Hashes each chunk once.
    init(of content: Data) {
        chunkSize = Wire.chunkSize
        var bytes = Data(capacity: Self.chunks(content.count, chunkSize) * Self.hashSize)
        content.withUnsafeBytes { content in
            for start in stride(from: 0, to: content.count, by: Wire.chunkSize) {
                let end = min(start + Wire.chunkSize, content.count)
                bytes.append(contentsOf: SHA256.digest(UnsafeRawBufferPointer(rebasing: content[start..<end])))
            }
        }
        self.bytes = bytes
    }

    /// A list that came from elsewhere; nil when it is not that of `file`.
    init?(_ bytes: Data, of file: ArtifactFile) {
        guard bytes.count == file.chunks * Self.hashSize else { return nil }
        self.bytes = bytes
        chunkSize = file.chunkSize
        guard identity == file.sha256 else { return nil }
    }

    /// Of a file of one chunk, which is its own list.
    init?(of file: ArtifactFile) {
        guard file.chunks == 1, let bytes = Hexadecimal.bytes(file.sha256), bytes.count == Self.hashSize else {
            return nil
        }
        self.bytes = Data(bytes)
        chunkSize = file.chunkSize
    }

    /// What is ``ArtifactFile/sha256``.
    var identity: String {
        bytes.count == Self.hashSize ? Hexadecimal.text(Array(bytes)) : SHA256.hash(bytes)
    }

    func holds(_ chunk: UnsafeRawBufferPointer, at index: Int) -> Bool {
        let start = index * Self.hashSize
        guard index >= 0, start < bytes.count else { return false }
        return SHA256.digest(chunk).elementsEqual(bytes[start..<start + Self.hashSize])
    }

    static func chunks(_ size: Int, _ chunkSize: Int) -> Int { size / chunkSize + (size % chunkSize == 0 ? 0 : 1) }
}

extension ArtifactFile {
    /// How many chunks its content has.
    var chunks: Int { ChunkList.chunks(size, chunkSize) }
}

/// Memory for a file that arrives in pieces; becomes its bytes without a copy.
final class Landing {
    let count: Int
    private var base: UnsafeMutableRawPointer?

    /// - Returns: nil when there is not as much memory.
    init?(count: Int) {
        guard count > 0, let base = calloc(1, count) else { return nil }
        self.count = count
        self.base = base
    }

    deinit { free(base) }

    /// - Parameter offset: it and what follows lie within `count`.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        guard let base, let source = bytes.baseAddress, offset >= 0, bytes.count <= count - offset else { return }
        base.advanced(by: offset).copyMemory(from: source, byteCount: bytes.count)
    }

    /// Everything that was written; once.
    func take() -> Data {
        guard let base else { return Data() }
        self.base = nil
        return Data(bytesNoCopy: base, count: count, deallocator: .free)
    }
}
