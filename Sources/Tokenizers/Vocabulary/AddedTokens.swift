/// A token that is found in the text before the model sees it.
struct AddedToken: Sendable, Equatable {
    /// Bytes. At every place of a text the search may go as far as the longest token.
    static let longest = 1000

    let content: String
    /// Found only where no word character stands beside it.
    var isSingleWord = false
    /// Takes the white space to its left (right) with it.
    var stripsLeft = false
    var stripsRight = false
    /// Searched for in the normalized text rather than in the text as it came.
    var isNormalized = true
    /// Left out by a decode that skips special tokens.
    var isSpecial = false

    init(content: String) { self.content = content }

    init(_ section: JSONSection, allowing extra: Set<String> = []) throws(TokenizerError) {
        try section.allow(
            Set(["content", "single_word", "lstrip", "rstrip", "normalized", "special"]).union(extra))
        content = try section.string("content")
        guard content.utf8.count <= Self.longest else {
            throw TokenizerError(.format, "\(section.path).content is longer than \(Self.longest) bytes")
        }
        isSingleWord = try section.bool("single_word", default: false)
        stripsLeft = try section.bool("lstrip", default: false)
        stripsRight = try section.bool("rstrip", default: false)
        isSpecial = try section.bool("special", default: false)
        isNormalized = try section.bool("normalized", default: !isSpecial)
    }
}

/// The added tokens of a tokenizer and where they are in a text.
struct AddedVocabulary: Sendable {
    private(set) var byID: [Int32: AddedToken] = [:]
    /// By bytes: texts that Unicode calls equivalent are different tokens, and `String` would not tell them apart.
    private var ids: [[UInt8]: Int32] = [:]
    /// By text, since a vocabulary may have a text under two ids.
    private var specialContents: Set<[UInt8]> = []
    private var raw = TokenFinder()
    private var normalized = TokenFinder()

    /// Ids count as the format's reference counts them: a text that the model knows keeps its id, any other takes the
    /// next free one, whatever id the file says.
    mutating func add(_ token: AddedToken, model: any TokenModel) {
        if token.content.isEmpty { return }
        let id: Int32
        if let known = self.id(of: token.content) ?? model.id(of: token.content) {
            id = known
        } else {
            let base = Int32(truncatingIfNeeded: model.count)
            let highest = byID.keys.max() ?? -1
            id = highest >= base || base == 0 ? highest + 1 : base
        }
        byID[id] = token
        ids[Array(token.content.utf8)] = id
        if token.isSpecial { specialContents.insert(Array(token.content.utf8)) }
    }

    func id(of content: String) -> Int32? { ids[Array(content.utf8)] }

    func isSpecial(_ text: [UInt8]) -> Bool { specialContents.contains(text) }

    /// Must be called after the last `add`.
    mutating func finish(normalize: ([UInt8]) -> [UInt8]) {
        raw = TokenFinder()
        normalized = TokenFinder()
        for (id, token) in byID.sorted(by: { $0.key < $1.key }) {
            let bytes = Array(token.content.utf8)
            if token.isNormalized { normalized.insert(normalize(bytes), id) } else { raw.insert(bytes, id) }
        }
    }

    /// A stretch of text, or the added token that stands there.
    struct Stretch {
        var range: Range<Int>
        var id: Int32?
    }

    /// - Parameter isNormalized: which of the two kinds of tokens to look for.
    func split(_ bytes: [UInt8], isNormalized: Bool) -> [Stretch] {
        let finder = isNormalized ? normalized : raw
        if bytes.isEmpty { return [] }
        if finder.isEmpty { return [Stretch(range: 0..<bytes.count, id: nil)] }
        var result: [Stretch] = []
        var done = 0
        bytes.withUnsafeBufferPointer { buffer in
            var position = 0
            while let match = finder.next(in: buffer, from: position) {
                position = match.range.upperBound
                guard let token = byID[match.id] else { continue }
                var start = match.range.lowerBound
                var end = match.range.upperBound
                if token.isSingleWord, !isAlone(match.range, buffer) { continue }
                if token.stripsLeft { start = max(spaceStart(before: start, buffer), done) }
                if token.stripsRight { end = spaceEnd(after: end, buffer) }
                if done < start { result.append(Stretch(range: done..<start, id: nil)) }
                result.append(Stretch(range: min(start, end)..<end, id: match.id))
                done = end
            }
        }
        if done < bytes.count { result.append(Stretch(range: done..<bytes.count, id: nil)) }
        return result
    }

    private func isAlone(_ range: Range<Int>, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if range.upperBound < bytes.count, isWord(decodeScalar(bytes, range.upperBound).scalar) { return false }
        if range.lowerBound > 0, isWord(scalarBefore(range.lowerBound, bytes).scalar) { return false }
        return true
    }

    /// Word characters here include the two joiners, unlike in patterns.
    private func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value == 0x200C || scalar.value == 0x200D || Category.isWord(scalar)
    }

    private func spaceStart(before position: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var start = position
        while start > 0 {
            let before = scalarBefore(start, bytes)
            guard before.scalar.properties.isWhitespace else { break }
            start = before.start
        }
        return start
    }

    private func spaceEnd(after position: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
        var end = position
        while end < bytes.count {
            let (scalar, length) = decodeScalar(bytes, end)
            guard scalar.properties.isWhitespace else { break }
            end += length
        }
        return end
    }

    private func scalarBefore(
        _ position: Int, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> (scalar: Unicode.Scalar, start: Int) {
        var start = position - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return (decodeScalar(bytes, start).scalar, start)
    }
}

/// Finds the leftmost and there the longest of a set of texts, by a trie over bytes. Time is linear in the text times
/// the length of the longest token.
struct TokenFinder: Sendable {
    private var trie = ByteTrie()
    private var starts = [Bool](repeating: false, count: 256)

    var isEmpty: Bool { trie.isEmpty }

    mutating func insert(_ bytes: [UInt8], _ id: Int32) {
        guard let first = bytes.first else { return }
        starts[Int(first)] = true
        let node = trie.insert(bytes)
        // Of two tokens whose normalized texts are the same the first counts.
        if trie.values[node] < 0 { trie.setValue(id, at: node) }
    }

    func next(in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> (range: Range<Int>, id: Int32)? {
        var position = start
        while position < bytes.count {
            if starts[Int(bytes[position])], let match = longest(in: bytes, at: position) { return match }
            position += 1
        }
        return nil
    }

    private func longest(
        in bytes: UnsafeBufferPointer<UInt8>, at start: Int
    ) -> (range: Range<Int>, id: Int32)? {
        var node = 0
        var best: (range: Range<Int>, id: Int32)?
        var position = start
        while position < bytes.count, let child = trie.child(of: node, bytes[position]) {
            node = child
            position += 1
            if trie.values[node] >= 0 { best = (start..<position, trie.values[node]) }
        }
        return best
    }
}
