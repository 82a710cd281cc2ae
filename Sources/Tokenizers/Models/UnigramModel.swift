/// The segmentation of highest probability under a unigram model of pieces. Source: Kudo, "Subword Regularization"
/// (2018), section 3.2; the search is Viterbi's, from left to right over the places where a character starts.
struct UnigramModel: TokenModel {
    let tokens: [String?]
    var count: Int { tokens.count }
    private let table: TokenTable
    private let trie: ByteTrie
    private let scores: [Double]
    private let unknownID: Int32
    /// Score of a character that no piece covers.
    private let unknownScore: Double
    private let byteIDs: [Int32]?

    init(_ section: JSONSection) throws(TokenizerError) {
        try section.allow(["type", "unk_id", "vocab", "byte_fallback"])
        var entries: [(bytes: [UInt8], id: Int32)] = []
        var tokens: [String?] = []
        var scores: [Double] = []
        for (index, entry) in try section.array("vocab").enumerated() {
            guard case .array(let pair) = entry, pair.count == 2, let text = pair[0].string else {
                throw TokenizerError(.format, "\(section.path).vocab[\(index)] is not a text and its score")
            }
            guard text.utf8.count <= AddedToken.longest else {
                throw TokenizerError(
                    .format, "\(section.path).vocab[\(index)] is longer than \(AddedToken.longest) bytes")
            }
            switch pair[1] {
            case .number(let score): scores.append(score)
            case .integer(let score): scores.append(Double(score))
            default: throw TokenizerError(.format, "\(section.path).vocab[\(index)] has no score")
            }
            tokens.append(text)
            entries.append((Array(text.utf8), try tokenID(index, "\(section.path).vocab")))
        }
        guard section.value("unk_id") != nil else {
            throw section.unsupported("a unigram model without unk_id, which cannot encode every text,")
        }
        unknownID = try tokenID(section.integer("unk_id"), "\(section.path).unk_id")
        guard Int(unknownID) < tokens.count else {
            throw TokenizerError(.format, "\(section.path).unk_id \(unknownID) is beyond the vocabulary")
        }
        var trie = ByteTrie()
        for entry in entries where !entry.bytes.isEmpty { trie.setValue(entry.id, at: trie.insert(entry.bytes)) }
        let table = TokenTable(entries)
        byteIDs =
            try section.bool("byte_fallback", default: false)
            ? (0..<256).map { table.id(byteToken(UInt8($0))) ?? -1 } : nil
        self.trie = trie
        self.table = table
        self.tokens = tokens
        self.scores = scores
        unknownScore = (scores.min() ?? 0) - 10
    }

    func id(of text: String) -> Int32? { table.id(text) }

    func joins(as other: any TokenModel) -> Bool {
        guard let other = other as? UnigramModel else { return false }
        return other.scores.starts(with: scores) && unknownID == other.unknownID && byteIDs == other.byteIDs
    }

    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into ids: inout [Int32], _ scratch: inout Scratch
    ) {
        search(bytes, range, &scratch)
        // From the end to the start; neighbours that are unknown become one piece.
        var pieces: [Range<Int>] = []
        var end = range.count
        var unknownEnd = -1
        while end > 0 {
            let start = Int(scratch.previous[end])
            if scratch.symbols[end] == unknownID {
                if unknownEnd < 0 { unknownEnd = end }
            } else {
                if unknownEnd >= 0 { pieces.append(end..<unknownEnd) }
                unknownEnd = -1
                pieces.append(start..<end)
            }
            end = start
        }
        if unknownEnd >= 0 { pieces.append(0..<unknownEnd) }
        for piece in pieces.reversed() {
            let place = (range.lowerBound + piece.lowerBound)..<(range.lowerBound + piece.upperBound)
            if let id = table.id(bytes, place) {
                ids.append(id)
            } else if let byteIDs, bytes[place].allSatisfy({ byteIDs[Int($0)] >= 0 }) {
                for byte in bytes[place] { ids.append(byteIDs[Int(byte)]) }
            } else {
                ids.append(unknownID)
            }
        }
    }

    /// Leaves, for each place where a piece can end, the best piece (`symbols`), its start (`previous`) and the score
    /// of the best way there (`scores`).
    private func search(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ scratch: inout Scratch) {
        let count = range.count
        scratch.scores = [Double](repeating: 0, count: count + 1)
        scratch.previous = [Int32](repeating: -1, count: count + 1)
        scratch.symbols = [Int32](repeating: -1, count: count + 1)
        var start = 0
        while start < count {
            let base = scratch.scores[start]
            let length = decodeScalar(bytes, range.lowerBound + start).length
            var coversCharacter = false
            func reach(_ end: Int, _ id: Int32, _ score: Double) {
                if scratch.previous[end] < 0 || score > scratch.scores[end] {
                    scratch.scores[end] = score
                    scratch.previous[end] = Int32(truncatingIfNeeded: start)
                    scratch.symbols[end] = id
                }
            }
            var node = 0
            var end = start
            while end < count, let child = trie.child(of: node, bytes[range.lowerBound + end]) {
                node = child
                end += 1
                let id = trie.values[node]
                guard id >= 0 else { continue }
                reach(end, id, scores[Int(id)] + base)
                if end - start == length { coversCharacter = true }
            }
            if !coversCharacter { reach(min(start + length, count), unknownID, unknownScore + base) }
            start += length
        }
    }
}
