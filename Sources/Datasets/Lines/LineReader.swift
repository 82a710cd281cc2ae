package import Foundation

/// Lines of a file, one after the other, in bounded memory. Not shared between threads; closes its file when freed.
///
/// LF and CRLF end a line, the last one may lack its end, and a byte order mark at the start is no part of it. A file
/// that is compressed by gzip is unpacked as it is read; other packed and binary formats are refused by name.
package final class LineReader {
    /// One line without its end; nil bytes when it was longer than the limit and was passed over.
    package struct Line {
        /// From 1.
        package var number: Int
        package var bytes: Data?
    }

    /// Of the longest line that is read.
    package static let longestLine = 256 << 20

    /// For messages: the path, or "standard input".
    package let name: String
    /// The first bytes of the text, for ``FileFormat/document(_:name:)``.
    let head: [UInt8]
    private let source: any ByteSource
    private let longest: Int
    private var buffer: [UInt8] = []
    /// Where the next line starts in the buffer.
    private var start = 0
    private var number = 0
    private var atEnd = false

    /// - Parameters:
    ///   - path: of the file; `-` is standard input.
    ///   - longest: bytes of the longest line that is read.
    package init(path: String, longest: Int = LineReader.longestLine) throws {
        let file = try FileSource(path: path)
        name = file.name
        self.longest = longest
        var first = try PrecededSource.head(of: file, atLeast: FileFormat.headBytes)
        var source: any ByteSource = file
        if FileFormat.isGzip(first) {
            source = try GzipSource(PrecededSource(first, then: file), name: name)
            first = try PrecededSource.head(of: source, atLeast: FileFormat.headBytes)
        }
        if let problem = FileFormat.container(first, name: name) { throw DatasetError(.format, problem) }
        if first.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
        self.source = source
        head = Array(first.dropFirst(start).prefix(4096))
        buffer = first
    }

    /// The next line, or nil at the end of the file.
    package func next() throws -> Line? {
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
            let more = try source.read()
            if more.isEmpty { atEnd = true } else { buffer += more }
        }
    }

    private func line(_ bytes: ArraySlice<UInt8>, tooLong: Bool) -> Line {
        number += 1
        return Line(number: number, bytes: tooLong || bytes.count > longest ? nil : Data(bytes))
    }
}
