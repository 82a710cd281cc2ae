import Foundation

/// What a bad line does.
package enum BadLine: String, Sendable {
    case stop, skip
}

/// Rows of a file of JSON lines, one after the other, in bounded memory. Not shared between threads.
package final class RowReader<Row: DatasetRow> {
    /// Lines that were skipped so far, and the first few of them with what is wrong.
    package private(set) var skipped = 0
    package private(set) var problems: [String] = []
    /// Number of the line of the last row, from 1.
    package private(set) var line = 0

    private let path: String
    private let onBadLine: BadLine
    private let lines: LineReader
    private let longest: Int
    private let decoder = JSONDecoder()

    /// - Parameter longest: bytes of the longest line that is read.
    package init(path: String, onBadLine: BadLine = .stop, longest: Int = 16 << 20) throws {
        self.path = path
        self.onBadLine = onBadLine
        self.longest = longest
        lines = try LineReader(path: path, longest: longest)
    }

    /// The next good row; nil at the end of the file. Blank lines are passed over.
    package func next() throws -> Row? {
        while let line = try lines.next() {
            if let bytes = line.bytes, bytes.allSatisfy({ [0x20, 0x09, 0x0D].contains($0) }) { continue }
            self.line = line.number
            do throws(RowProblem) {
                guard let bytes = line.bytes else { throw RowProblem("the line is longer than \(longest) bytes") }
                return try Row(RowObject(line: bytes, decoder: decoder))
            } catch {
                try reject(error.message, line: line.number)
            }
        }
        return nil
    }

    /// Counts a line as bad that was read well and is of no use, for example a prompt longer than the context.
    package func reject(_ message: String, line: Int? = nil) throws {
        let text = "\(path):\(line ?? self.line): \(message)"
        guard onBadLine == .skip else {
            throw DatasetError(.line, "\(text); expected \(Row.shape) (data.on_error: skip passes over bad lines)")
        }
        skipped += 1
        if problems.count < 10 { problems.append(text) }
    }
}

/// All rows of a file.
package struct LoadedRows<Row: DatasetRow>: Sendable {
    package var rows: [Row]
    /// Number of the line of each row, for messages about it.
    package var lines: [Int]
    package var skipped: Int
    /// The first few of the lines that were skipped, and why.
    package var problems: [String]

    /// Reads the whole file. A file without a good row is an error.
    package static func read(
        path: String, onBadLine: BadLine = .stop, limit: Int? = nil, longest: Int = 16 << 20
    ) throws -> LoadedRows {
        let reader = try RowReader<Row>(path: path, onBadLine: onBadLine, longest: longest)
        var rows: [Row] = []
        var lines: [Int] = []
        while rows.count < limit ?? .max, let row = try reader.next() {
            rows.append(row)
            lines.append(reader.line)
        }
        guard !rows.isEmpty else {
            let why =
                reader.skipped > 0
                ? "none of its \(reader.skipped) lines is good: \(reader.problems[0])" : "it is empty"
            throw DatasetError(.empty, "\(path) holds no \(Row.shape): \(why)")
        }
        return LoadedRows(rows: rows, lines: lines, skipped: reader.skipped, problems: reader.problems)
    }
}
