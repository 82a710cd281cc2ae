package import Tokenizers

/// What became of one row.
package enum RowOutcome<Value: Sendable>: Sendable {
    case row(Value)
    /// Of use after it was cut to the limit; with what was too long.
    case cut(Value, String)
    case tooLong(String)
}

/// Rows of a file in the form that a stage computes with. All are read and checked before the stage starts.
package struct EncodedRows<Value: Sendable>: Sendable {
    package private(set) var values: [Value] = []
    /// Number of the line of each value.
    package private(set) var lines: [Int] = []
    /// Bad lines that were passed over.
    package private(set) var skipped = 0
    /// Rows that were left out for their length.
    package private(set) var tooLong = 0
    /// Rows that were cut.
    package private(set) var cut = 0
    /// The first few of all these, with what was done and why.
    package private(set) var problems: [String] = []
    private let path: String

    /// - Parameters:
    ///   - limit: rows at most.
    ///   - rule: what a row does that is too long.
    ///   - encode: a row that the template refuses is as bad as one that is not well formed.
    package init<Row: DatasetRow>(
        _ row: Row.Type, path: String, onBadLine: BadLine, limit: Int? = nil, rule: LengthLimit.Rule,
        encode: (Row) throws -> RowOutcome<Value>
    ) throws {
        self.path = path
        let reader = try RowReader<Row>(path: path, onBadLine: onBadLine)
        while values.count < limit ?? .max, let row = try reader.next() {
            do {
                switch try encode(row) {
                case .row(let value): add(value, reader.line)
                case .cut(let value, let problem):
                    cut += 1
                    note("\(path):\(reader.line): \(problem)")
                    add(value, reader.line)
                case .tooLong(let problem):
                    guard rule == .error else {
                        tooLong += 1
                        note("\(path):\(reader.line): \(problem)")
                        continue
                    }
                    try reader.reject("\(problem); data.too_long: skip or truncate goes on")
                }
            } catch let error as TokenizerError {
                try reader.reject("\(error)")
            } catch let error as RowProblem {
                try reader.reject(error.message)
            }
        }
        skipped = reader.skipped
        problems = Array((reader.problems + problems).prefix(10))
        guard !values.isEmpty else {
            let left = skipped + tooLong
            let why = left > 0 ? "none of its \(left) lines is good: \(problems.first ?? "")" : "it is empty"
            throw DatasetError(
                .empty, "\(path) holds no \(Row.shape): \(why)" + (reader.hint.map { "; \($0)" } ?? ""))
        }
    }

    private mutating func add(_ value: Value, _ line: Int) {
        values.append(value)
        lines.append(line)
    }

    private mutating func note(_ problem: String) { if problems.count < 10 { problems.append(problem) } }

    /// For the report.
    package var figures: [String: Double] {
        ["skipped": Double(skipped), "too_long": Double(tooLong), "truncated": Double(cut)]
    }

    /// For people; nil when every row was taken as it is.
    package var summary: String? {
        let parts = [(skipped, "bad"), (tooLong, "too long"), (cut, "cut to the limit")].filter { $0.0 > 0 }
        guard !parts.isEmpty else { return nil }
        let left = values.count + skipped + tooLong
        return "\(path): of \(left) rows " + parts.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
            + "; \(problems.joined(separator: "; "))"
    }
}
