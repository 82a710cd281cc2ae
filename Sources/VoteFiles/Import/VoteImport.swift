import Datasets
import Foundation
package import Preferences
import Tokenizers

/// Reads files of votes in a dialect, and counts what became of every label.
package struct VoteImport: Sendable {
    package private(set) var votes: [Vote] = []
    package private(set) var tally = ImportTally()
    /// Rows that were wrong and passed over, the first few with what is wrong.
    package private(set) var skippedRows = 0
    package private(set) var problems: [String] = []
    /// Annotators whose e-mail addresses were replaced by numbers.
    package private(set) var pseudonyms = 0

    /// - Parameters:
    ///   - split: of all rows, where the files name none.
    ///   - skipsBadRows: whether rows that are wrong are counted and passed over; else they end the import.
    /// - Throws: `DatasetError` that names file and line.
    package static func read(
        _ paths: [String], _ dialect: any VoteDialect.Type, _ options: ImportOptions = ImportOptions(),
        split: String? = nil, skipsBadRows: Bool = false
    ) throws -> VoteImport {
        var result = VoteImport()
        let reader: any VoteDialect
        do throws(RowProblem) {
            reader = try dialect.init(options)
        } catch {
            throw DatasetError(.setting, error.message)
        }
        for path in paths {
            try RawRows.each(path) { row, number throws in
                let place = RowPlace(file: URL(filePath: path).lastPathComponent, number: number)
                do throws(RowProblem) {
                    switch row {
                    case .success(let object): result.add(try reader.results(object, place: place), split)
                    case .failure(let problem): throw problem
                    }
                } catch {
                    let text = "\(path):\(number): \(error.message)"
                    guard skipsBadRows else {
                        throw DatasetError(
                            .line, "\(text); expected \(dialect.shape) (--on-error skip passes over such rows)")
                    }
                    result.skippedRows += 1
                    if result.problems.count < 10 { result.problems.append(text) }
                }
            }
        }
        guard !result.votes.isEmpty else {
            let why = result.problems.first.map { ": \($0)" } ?? ""
            throw DatasetError(
                .empty, "\(paths.joined(separator: ", ")) holds no vote of kind \(dialect.kind)\(why)")
        }
        result.hideAddresses()
        return result
    }

    private mutating func add(_ results: [LabelResult], _ split: String?) {
        tally.rows += 1
        if results.isEmpty { tally.rowsWithoutLabel += 1 }
        for result in results {
            switch result.outcome {
            case .vote(var vote):
                vote.split = vote.split ?? split
                tally.count(result.label, vote.verdict.rawValue)
                votes.append(vote)
            case .unused(let reason): tally.count(result.label, "unused: \(reason)")
            }
        }
    }

    /// An address is no pseudonym, and the rows may be passed on.
    private mutating func hideAddresses() {
        var names: [String: String] = [:]
        for index in votes.indices where votes[index].annotator.contains("@") {
            let name = names[votes[index].annotator] ?? "annotator-\(names.count + 1)"
            names[votes[index].annotator] = name
            votes[index].annotator = name
        }
        pseudonyms = names.count
    }
}

/// Counts of labels in and of what was made from them.
package struct ImportTally: Sendable, Equatable {
    package fileprivate(set) var rows = 0
    package fileprivate(set) var rowsWithoutLabel = 0
    /// For each label of the file, how often it became what: a verdict, or `unused: reason`.
    package private(set) var labels: [String: [String: Int]] = [:]

    package init() {}

    fileprivate mutating func count(_ label: String, _ outcome: String) {
        labels[label, default: [:]][outcome, default: 0] += 1
    }

    /// Labels in the files.
    package var read: Int { labels.values.reduce(0) { $0 + $1.values.reduce(0, +) } }

    /// A line for each label and outcome.
    package var lines: [(label: String, outcome: String, count: Int)] {
        labels.sorted { $0.key < $1.key }.flatMap { label, outcomes in
            outcomes.sorted { $0.key < $1.key }.map { (label: label, outcome: $0.key, count: $0.value) }
        }
    }
}

/// Objects of a file of JSON lines, or of one JSON array.
enum RawRows {
    /// - Parameter body: gets each object, or what is wrong with its line, and the number of the line or of the element.
    static func each(_ path: String, _ body: (Result<RowObject, RowProblem>, Int) throws -> Void) throws {
        let reader = try LineReader(path: path)
        var isFirst = true
        while let line = try reader.next() {
            guard let bytes = line.bytes else {
                try body(.failure(RowProblem("the line is too long")), line.number)
                continue
            }
            guard let start = bytes.first(where: { $0 != 0x20 && !(0x09...0x0D).contains($0) }) else { continue }
            if isFirst, start == UInt8(ascii: "[") { return try array(bytes, reader, body) }
            isFirst = false
            try body(Self.object(bytes), line.number)
        }
    }

    private static func object(_ line: Data) -> Result<RowObject, RowProblem> {
        do throws(RowProblem) {
            return .success(try RowObject(line: line))
        } catch {
            return .failure(error)
        }
    }

    /// A whole file as one array, which tools export.
    private static func array(
        _ first: Data, _ reader: LineReader, _ body: (Result<RowObject, RowProblem>, Int) throws -> Void
    ) throws {
        var bytes = first
        while let line = try reader.next() {
            guard let more = line.bytes, bytes.count + more.count < LineReader.longestLine else {
                throw DatasetError(
                    .format,
                    "\(reader.name) is an array of more than \(LineReader.longestLine >> 20) MiB; make JSON lines of it"
                )
            }
            bytes.append(0x0A)
            bytes.append(more)
        }
        let value: JSONValue
        do throws(JSONProblem) {
            value = try JSONValue(line: bytes)
        } catch {
            throw DatasetError(
                .format,
                "\(reader.name):\(error.line): the file is not valid JSON: \(error.reason) (column \(error.column))")
        }
        for (index, element) in (value.array ?? []).enumerated() {
            let row: Result<RowObject, RowProblem> =
                if let members = element.members {
                    .success(RowObject(members))
                } else {
                    .failure(RowProblem("the element is \(element.typeName), not an object"))
                }
            try body(row, index + 1)
        }
    }
}
