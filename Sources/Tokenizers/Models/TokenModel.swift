/// The part of a tokenizer that turns words into ids.
protocol TokenModel: Sendable {
    /// Text of each id, nil where the vocabulary has a hole.
    var tokens: [String?] { get }
    /// Number of texts in the vocabulary.
    var count: Int { get }
    func id(of text: String) -> Int32?
    /// Whether another model with the same texts makes the same ids of every word.
    func joins(as other: any TokenModel) -> Bool
    /// Appends the ids of one word, `bytes[range]`, which is UTF-8 and not empty.
    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into ids: inout [Int32], _ scratch: inout Scratch)
}

/// Buffers that the models use again from word to word.
struct Scratch {
    var symbols: [Int32] = []
    var next: [Int32] = []
    var previous: [Int32] = []
    var rank: [Int32] = []
    var merged: [Int32] = []
    var heap: [UInt64] = []
    var scores: [Double] = []
}

/// `vocab` as id and text; checks the ids.
struct VocabularyEntries {
    let entries: [(bytes: [UInt8], id: Int32)]
    let tokens: [String?]

    /// Ids may have holes, but not so many that a list by id would exhaust memory.
    private static let maximumID = 4_000_000

    init(_ value: JSONValue, path: String) throws(TokenizerError) {
        guard case .object(let members) = value else {
            throw TokenizerError(.format, "\(path) is \(value.typeName), expected an object")
        }
        var entries: [(bytes: [UInt8], id: Int32)] = []
        entries.reserveCapacity(members.count)
        var tokens: [String?] = []
        tokens.reserveCapacity(members.count)
        for member in members {
            guard case .integer(let number) = member.value else {
                throw TokenizerError(.format, "\(path)[\(member.key.debugDescription)] is not an integer")
            }
            let id = try tokenID(number, "\(path)[\(member.key.debugDescription)]")
            if number > Self.maximumID {
                throw TokenizerError(.format, "\(path)[\(member.key.debugDescription)]: id \(number) is too large")
            }
            while tokens.count <= number { tokens.append(nil) }
            tokens[number] = member.key
            entries.append((Array(member.key.utf8), id))
        }
        self.entries = entries
        self.tokens = tokens
    }
}
