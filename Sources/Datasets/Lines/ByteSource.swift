import Foundation

/// Where the bytes of a file come from, a part at a time. Used by one thread.
protocol ByteSource: AnyObject {
    /// The next bytes; empty at the end and ever after.
    func read() throws -> [UInt8]
}

/// A file, or standard input by the name `-`. Closes the file when freed.
final class FileSource: ByteSource {
    /// For messages.
    let name: String
    private let handle: FileHandle
    private let isOwned: Bool
    private static let chunk = 1 << 16

    init(path: String) throws {
        isOwned = path != "-"
        name = isOwned ? path : "standard input"
        guard isOwned else {
            handle = .standardInput
            return
        }
        var directory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &directory), directory.boolValue {
            throw DatasetError(.io, "\(path) is a directory; name the file of JSON lines in it")
        }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw DatasetError(.io, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        self.handle = handle
    }

    deinit { if isOwned { try? handle.close() } }

    func read() throws -> [UInt8] {
        do {
            return [UInt8](try handle.read(upToCount: Self.chunk) ?? Data())
        } catch {
            throw DatasetError(.io, "cannot read \(name)", cause: error)
        }
    }
}

/// Bytes that were read to see what a file is, and then the rest of it.
final class PrecededSource: ByteSource {
    private var first: [UInt8]
    private let rest: any ByteSource

    init(_ first: [UInt8], then rest: any ByteSource) {
        self.first = first
        self.rest = rest
    }

    func read() throws -> [UInt8] {
        guard first.isEmpty else {
            defer { first = [] }
            return first
        }
        return try rest.read()
    }

    /// Reads until `count` bytes are there, or the source ends.
    static func head(of source: any ByteSource, atLeast count: Int) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            let more = try source.read()
            if more.isEmpty { break }
            bytes += more
        }
        return bytes
    }
}
