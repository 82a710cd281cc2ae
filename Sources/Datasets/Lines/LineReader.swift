import Foundation

/// Lines of a file, one after the other, in bounded memory. Not shared between threads; closes its file when freed.
///
/// LF and CRLF end a line, the last one may lack its end, and a byte order mark at the start is no part of it.
final class LineReader {
    /// One line without its end; nil bytes when it was longer than the limit and was passed over.
    struct Line {
        /// From 1.
        var number: Int
        var bytes: Data?
    }

    private let handle: FileHandle
    private let path: String
    private let longest: Int
    private var buffer: [UInt8] = []
    /// Where the next line starts in the buffer.
    private var start = 0
    private var number = 0
    private var atEnd = false
    private static let chunk = 1 << 16

    init(path: String, longest: Int) throws {
        var directory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &directory), directory.boolValue {
            throw DatasetError(.io, "\(path) is a directory; name the file of JSON lines in it")
        }
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw DatasetError(.io, "cannot open \(path): \(String(cString: strerror(errno)))")
        }
        self.handle = handle
        self.path = path
        self.longest = longest
        try fill()
        if buffer.starts(with: [0x1F, 0x8B]) {
            throw DatasetError(.io, "\(path) is compressed; unpack it first (gzip -d)")
        }
        if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
    }

    deinit { try? handle.close() }

    func next() throws -> Line? {
        var searched = start
        var tooLong = false
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                let bytes = buffer[start..<end]
                start = end + 1
                return line(bytes.last == 0x0D ? bytes.dropLast() : bytes, tooLong: tooLong)
            }
            if buffer.count - start > longest {
                tooLong = true
                start = buffer.count
            }
            if atEnd {
                let bytes = buffer[start...]
                start = buffer.count
                return tooLong || !bytes.isEmpty ? line(bytes, tooLong: tooLong) : nil
            }
            searched = buffer.count - start
            buffer.removeFirst(start)
            start = 0
            try fill()
        }
    }

    private func line(_ bytes: ArraySlice<UInt8>, tooLong: Bool) -> Line {
        number += 1
        return Line(number: number, bytes: tooLong || bytes.count > longest ? nil : Data(bytes))
    }

    private func fill() throws {
        do {
            let more = try handle.read(upToCount: Self.chunk) ?? Data()
            if more.isEmpty { atEnd = true } else { buffer += more }
        } catch {
            throw DatasetError(.io, "cannot read \(path) after line \(number)", cause: error)
        }
    }
}
