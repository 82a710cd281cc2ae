/// Byte-pair encoding: starts from the characters of a word and joins the pair of lowest rank, the leftmost first, until
/// no pair is in the table. Source: Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units"
/// (2016), algorithm 1.
struct BPEModel: TokenModel {
    let tokens: [String?]
    let count: Int
    private let table: TokenTable
    private let merges: MergeTable
    /// Id of each scalar below U+0400, -1 where there is none.
    private let scalarIDs: [Int32]
    /// Id of each byte if the vocabulary has `<0x00>` … and the model falls back on them.
    private let byteIDs: [Int32]?
    private let unknownID: Int32?
    private let fusesUnknown: Bool
    private let ignoresMerges: Bool

    /// Above this many symbols a heap finds the next pair, below a scan does.
    private static let scanLimit = 24

    init(_ section: JSONSection) throws(TokenizerError) {
        try section.allow([
            "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
            "byte_fallback", "ignore_merges", "vocab", "merges",
        ])
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
            if let text = try section.optionalString(key), !text.isEmpty {
                throw section.unsupported("\(key) other than \"\"")
            }
        }
        switch section.value("dropout") {
        case nil, .integer(0), .number(0): break
        default: throw section.unsupported("dropout, which makes ids random,")
        }
        let vocabulary = try VocabularyEntries(try section.required("vocab"), path: "\(section.path).vocab")
        let table = TokenTable(vocabulary.entries)
        self.table = table
        tokens = vocabulary.tokens
        count = vocabulary.entries.count
        merges = MergeTable(try Self.merges(section, table))
        scalarIDs = (0..<UInt32(0x400)).map { value in
            Unicode.Scalar(value).flatMap { table.id(String($0)) } ?? -1
        }
        ignoresMerges = try section.bool("ignore_merges", default: false)
        fusesUnknown = try section.bool("fuse_unk", default: false)
        if let unknown = try section.optionalString("unk_token") {
            guard let id = table.id(unknown) else {
                throw TokenizerError(.format, "\(section.path).unk_token '\(unknown)' is not in the vocabulary")
            }
            unknownID = id
        } else {
            unknownID = nil
        }
        byteIDs =
            try section.bool("byte_fallback", default: false)
            ? (0..<256).map { table.id(byteToken(UInt8($0))) ?? -1 } : nil
    }

    private static func merges(
        _ section: JSONSection, _ table: TokenTable
    ) throws(TokenizerError) -> [(left: Int32, right: Int32, id: Int32)] {
        var result: [(left: Int32, right: Int32, id: Int32)] = []
        let lines = try section.array("merges")
        result.reserveCapacity(lines.count)
        for (index, line) in lines.enumerated() {
            let pair: [String]
            switch line {
            case .string(let text): pair = text.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            case .array(let parts): pair = parts.compactMap(\.string)
            default: pair = []
            }
            guard pair.count == 2 else {
                throw TokenizerError(.format, "\(section.path).merges[\(index)] is not a pair of tokens")
            }
            var ids: [Int32] = []
            for text in [pair[0], pair[1], pair[0] + pair[1]] {
                guard let id = table.id(text) else {
                    throw TokenizerError(
                        .format,
                        "\(section.path).merges[\(index)] names \(text.debugDescription), which is not in the vocabulary"
                    )
                }
                ids.append(id)
            }
            result.append((ids[0], ids[1], ids[2]))
        }
        return result
    }

    func id(of text: String) -> Int32? { table.id(text) }

    func joins(as other: any TokenModel) -> Bool {
        guard let other = other as? BPEModel else { return false }
        return merges == other.merges && ignoresMerges == other.ignoresMerges && byteIDs == other.byteIDs
    }

    func encode(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, into ids: inout [Int32], _ scratch: inout Scratch
    ) {
        if ignoresMerges, let id = table.id(bytes, range) {
            ids.append(id)
            return
        }
        scratch.symbols.removeAll(keepingCapacity: true)
        appendSymbols(bytes, range, to: &scratch.symbols)
        if scratch.symbols.count <= Self.scanLimit {
            mergeByScan(&scratch.symbols)
            ids += scratch.symbols
        } else {
            mergeByHeap(&scratch, into: &ids)
        }
    }

    private func appendSymbols(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, to symbols: inout [Int32]) {
        var unknownPending = false
        var position = range.lowerBound
        while position < range.upperBound {
            let (scalar, length) = decodeScalar(bytes, position)
            let next = position + length
            defer { position = next }
            var id = Int32(-1)
            if scalar.value < 0x400 {
                id = scalarIDs[Int(scalar.value)]
            } else if let known = table.id(bytes, position..<next) {
                id = known
            }
            if id >= 0 {
                if unknownPending, let unknownID { symbols.append(unknownID) }
                unknownPending = false
                symbols.append(id)
                continue
            }
            if let byteIDs, bytes[position..<next].allSatisfy({ byteIDs[Int($0)] >= 0 }) {
                // An unknown that waits here comes out behind these bytes, as it does in the reference.
                for byte in bytes[position..<next] { symbols.append(byteIDs[Int(byte)]) }
                continue
            }
            guard let unknownID else { continue }
            if unknownPending, !fusesUnknown { symbols.append(unknownID) }
            unknownPending = true
        }
        if unknownPending, let unknownID { symbols.append(unknownID) }
    }

    private func mergeByScan(_ symbols: inout [Int32]) {
        var ranks = [Int32](repeating: .max, count: Self.scanLimit)
        var results = [Int32](repeating: 0, count: Self.scanLimit)
        func look(_ index: Int) {
            guard index >= 0, index + 1 < symbols.count else { return }
            let merge = merges.merge(symbols[index], symbols[index + 1])
            ranks[index] = merge?.rank ?? .max
            results[index] = merge?.id ?? 0
        }
        for index in 0..<max(0, symbols.count - 1) { look(index) }
        while symbols.count > 1 {
            var best = 0
            for index in 1..<max(1, symbols.count - 1) where ranks[index] < ranks[best] { best = index }
            if ranks[best] == .max { return }
            symbols[best] = results[best]
            symbols.remove(at: best + 1)
            for index in best..<max(best, symbols.count - 1) where index + 1 < ranks.count {
                ranks[index] = ranks[index + 1]
                results[index] = results[index + 1]
            }
            look(best)
            look(best - 1)
        }
    }

    /// O(n log n): a linked list of symbols and a heap of (rank, place). An entry of the heap whose place has another
    /// rank by now is out of date.
    private func mergeByHeap(_ scratch: inout Scratch, into ids: inout [Int32]) {
        let count = scratch.symbols.count
        scratch.next = Array(1...Int32(count))
        scratch.previous = Array(-1..<Int32(count - 1))
        scratch.rank = [Int32](repeating: .max, count: count)
        scratch.merged = [Int32](repeating: 0, count: count)
        var heap = PairHeap(scratch.heap)
        for index in 0..<count - 1 {
            guard let merge = merges.merge(scratch.symbols[index], scratch.symbols[index + 1]) else { continue }
            scratch.rank[index] = merge.rank
            scratch.merged[index] = merge.id
            heap.append(merge.rank, index)
        }
        heap.heapify()
        while let (rank, index) = heap.pop() {
            guard scratch.rank[index] == rank else { continue }
            let removed = Int(scratch.next[index])
            let after = Int(scratch.next[removed])
            scratch.symbols[index] = scratch.merged[index]
            scratch.rank[removed] = .max
            scratch.symbols[removed] = -1
            scratch.next[index] = Int32(after)
            if after < count { scratch.previous[after] = Int32(index) }
            for left in [Int(scratch.previous[index]), index] where left >= 0 {
                let right = Int(scratch.next[left])
                scratch.rank[left] = .max
                guard right < count, let merge = merges.merge(scratch.symbols[left], scratch.symbols[right]) else {
                    continue
                }
                scratch.rank[left] = merge.rank
                scratch.merged[left] = merge.id
                heap.push(merge.rank, left)
            }
        }
        for symbol in scratch.symbols where symbol >= 0 { ids.append(symbol) }
        scratch.heap = heap.storage
    }
}

/// How SentencePiece vocabularies write a byte.
func byteToken(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 16, uppercase: true)
    return byte < 16 ? "<0x0\(digits)>" : "<0x\(digits)>"
}
