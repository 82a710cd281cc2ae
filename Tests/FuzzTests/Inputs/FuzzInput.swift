/// A kind of bytes that come from outside. What reads them must never trap, hang or take memory beyond measure, and must
/// say what is wrong in an error of its own.
///
/// The fuzzer (`scripts/fuzz`) and the test of the committed corpora run the same function.
enum FuzzInput: String, CaseIterable, Sendable {
    /// Frames of one message.
    case envelope
    /// Messages of workers and of the learner to a coordinator.
    case coordinator
    /// Messages of a coordinator to a worker.
    case session
    /// The list of files of an artifact, as JSON in the journal.
    case manifest
    /// A SQLite file in the place of the journal.
    case journal
    /// Values in the columns of a journal.
    case rows
    /// tokenizer.json, and what stands beside it.
    case tokenizer
    /// A regular expression of a tokenizer.
    case pattern
    case template
    /// A line of data as Python reads it, and a file of JSON.
    case json
    /// A file of rows of every kind, packed or not.
    case lines
    /// A file of votes, in every dialect.
    case votes
    /// A run file and `--set`.
    case yaml
    /// Formulas of models and labels.
    case math
    /// What reward servers and programs answer.
    case answer
    #if canImport(LanguageModels)
        case safetensors
        /// config.json of a model.
        case config
        /// A model's directory: config.json, weights and adapter.
        case model
    #endif

    /// - Throws: ``Finding``
    func run(_ bytes: [UInt8]) throws {
        switch self {
        case .envelope: try WireInputs.envelope(bytes)
        case .coordinator: try MachineInputs.coordinator(bytes)
        case .session: try MachineInputs.session(bytes)
        case .manifest: try WireInputs.manifest(bytes)
        case .journal: try JournalInputs.file(bytes)
        case .rows: try JournalInputs.rows(bytes)
        case .tokenizer: try TokenizerInputs.files(bytes)
        case .pattern: try TokenizerInputs.pattern(bytes)
        case .template: try TokenizerInputs.template(bytes)
        case .json: try DataInputs.json(bytes)
        case .lines: try DataInputs.lines(bytes)
        case .votes: try VoteInputs.file(bytes)
        case .yaml: try DataInputs.yaml(bytes)
        case .math: try RewardInputs.math(bytes)
        case .answer: try RewardInputs.answer(bytes)
        #if canImport(LanguageModels)
            case .safetensors: try ModelInputs.safetensors(bytes)
            case .config: try ModelInputs.config(bytes)
            case .model: try ModelInputs.directory(bytes)
        #endif
        }
    }
}

/// Something that should not be, short of a trap.
struct Finding: Error, CustomStringConvertible {
    var description: String

    init(_ description: String) { self.description = description }

    /// Runs what reads an input; nil when it refused it.
    ///
    /// - Parameter isExpected: the reader's own errors. Any other has no place, key or advice in it.
    static func refusing<Value>(_ isExpected: (any Error) -> Bool, _ body: () throws -> Value) throws -> Value? {
        do {
            return try body()
        } catch let finding as Finding {
            throw finding
        } catch {
            guard isExpected(error) else { throw Finding("an error of type \(type(of: error)): \(error)") }
            guard !"\(error)".isEmpty else { throw Finding("an error without words") }
            return nil
        }
    }

    static func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws {
        if !holds { throw Finding(what()) }
    }
}

/// Takes an input apart, front to back; whatever the bytes are, there is a meaning.
struct ByteReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }
    mutating func short() -> Int { Int(byte()) | Int(byte()) << 8 }

    mutating func word() -> UInt64 { (0..<8).reduce(0) { $0 | UInt64(byte()) << (8 * UInt64($1)) } }

    mutating func take(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// Bytes behind their length.
    mutating func piece() -> [UInt8] { take(short()) }

    mutating func text() -> String { String(decoding: piece(), as: UTF8.self) }

    /// Frames of a message behind their number, each behind its length.
    mutating func frames() -> [[UInt8]] {
        let count = Int(byte() % 8)
        return (0..<count).map { _ in piece() }
    }

    /// The parts between bytes that no UTF-8 text has.
    static func parts(_ bytes: [UInt8]) -> [[UInt8]] {
        bytes.split(separator: 0xFF, omittingEmptySubsequences: false).map { Array($0) }
    }
}
