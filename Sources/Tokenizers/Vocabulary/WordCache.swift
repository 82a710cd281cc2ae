/// Remembers the ids of words. Each word has one place by its hash, so memory is bounded and nothing needs evicting.
struct WordCache {
    private struct Entry {
        var word: [UInt8]
        var ids: [Int32]
    }

    private var entries = [Entry](repeating: Entry(word: [], ids: []), count: WordCache.size)
    private static let size = 1 << 14
    private static let longestWord = 48

    @inline(__always)
    func place(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
        if range.count > Self.longestWord { return nil }
        return Int(truncatingIfNeeded: TokenTable.hash(bytes, range)) & (Self.size - 1)
    }

    /// Appends the ids if the word is known.
    func read(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, place: Int, into ids: inout [Int32]
    ) -> Bool {
        let word = entries[place].word
        guard word.count == range.count else { return false }
        for index in 0..<word.count where word[index] != bytes[range.lowerBound + index] { return false }
        ids += entries[place].ids
        return true
    }

    mutating func write(
        _ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, place: Int, ids: ArraySlice<Int32>
    ) {
        entries[place] = Entry(word: Array(bytes[range]), ids: Array(ids))
    }
}
