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
    /// What the file seems to be, and how to make JSON lines of it, when its first line is no JSON object.
    package var hint: String? { document?.hint }
    private var document: FileFormat.Document?

    private let onBadLine: BadLine
    private let lines: LineReader
    private let longest: Int
    private let isSkippable: Bool
    private var isFirst = true

    /// - Parameters:
    ///   - path: of the file; `-` is standard input.
    ///   - longest: bytes of the longest line that is read.
    ///   - isSkippable: whether messages may speak of `data.on_error: skip`; a command without a run file has none.
    package init(
        path: String, onBadLine: BadLine = .stop, longest: Int = LineReader.longestLine, isSkippable: Bool = true
    ) throws {
        self.onBadLine = onBadLine
        self.longest = longest
        self.isSkippable = isSkippable
        lines = try LineReader(path: path, longest: longest)
    }

    /// The next good row; nil at the end of the file. Blank lines are passed over.
    package func next() throws -> Row? {
        while let line = try lines.next() {
            if let bytes = line.bytes, bytes.allSatisfy(Self.isSpace) { continue }
            self.line = line.number
            defer { isFirst = false }
            let object: RowObject
            do throws(RowProblem) {
                guard let bytes = line.bytes else { throw RowProblem("the line is longer than \(longest) bytes") }
                object = try RowObject(line: bytes)
            } catch {
                if isFirst { document = FileFormat.document(lines.head.drop(while: Self.isSpace), name: lines.name) }
                try reject(error.message, line: line.number)
                continue
            }
            do throws(RowProblem) {
                return try Row(object)
            } catch {
                try reject(error.message, line: line.number)
            }
        }
        return nil
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    /// Counts a line as bad that was read well and is of no use, for example a prompt longer than the context.
    package func reject(_ message: String, line: Int? = nil) throws {
        let text = "\(lines.name):\(line ?? self.line): \(message)"
        guard onBadLine == .skip, document?.isCertain != true else {
            if let hint { throw DatasetError(.format, "\(text); \(hint)") }
            let advice = isSkippable ? " (data.on_error: skip passes over bad lines)" : ""
            throw DatasetError(.line, "\(text); expected \(Row.shape)\(advice)")
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
        path: String, onBadLine: BadLine = .stop, limit: Int? = nil, longest: Int = LineReader.longestLine,
        isSkippable: Bool = true
    ) throws -> LoadedRows {
        let reader = try RowReader<Row>(path: path, onBadLine: onBadLine, longest: longest, isSkippable: isSkippable)
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
            let hint = reader.hint.map { "; \($0)" } ?? ""
            throw DatasetError(.empty, "\(path) holds no \(Row.shape): \(why)\(hint)")
        }
        return LoadedRows(rows: rows, lines: lines, skipped: reader.skipped, problems: reader.problems)
    }
}
