/// The words of the training texts as they stand after the merges so far, and how often each pair is in them.
struct TrainingWords {
    struct Pair: Hashable {
        var left: Int32
        var right: Int32
    }

    private struct Candidate {
        var count: Int
        var pair: Pair

        /// More frequent first, then the pair with the smaller ids, so that ties do not depend on hashing.
        func precedes(_ other: Candidate) -> Bool {
            if count != other.count { return count > other.count }
            if pair.left != other.pair.left { return pair.left < other.pair.left }
            return pair.right < other.pair.right
        }
    }

    private var words: [[Int32]] = []
    private var counts: [Int] = []
    private var pairCounts: [Pair: Int] = [:]
    /// Words in which a pair was seen; a word may have lost the pair since.
    private var places: [Pair: Set<Int>] = [:]
    private var dropped: Set<Pair> = []
    private var heap: [Candidate] = []

    /// - Parameter firstByteID: ids of bytes follow the order of their characters in the byte alphabet.
    init(_ words: [(word: [UInt8], count: Int)], firstByteID: Int32) {
        let order = ByteAlphabet.scalars.sorted()
        var ids = [Int32](repeating: 0, count: 256)
        for (byte, scalar) in ByteAlphabet.scalars.enumerated() {
            ids[byte] = firstByteID + Int32(order.firstIndex(of: scalar) ?? 0)
        }
        for (word, count) in words {
            self.words.append(word.map { ids[Int($0)] })
            counts.append(count)
        }
        for index in self.words.indices { count(self.words[index], in: index, sign: 1) }
        for (pair, count) in pairCounts { push(Candidate(count: count, pair: pair)) }
    }

    private mutating func count(_ symbols: [Int32], in word: Int, sign: Int) {
        for position in 0..<max(0, symbols.count - 1) {
            let pair = Pair(left: symbols[position], right: symbols[position + 1])
            pairCounts[pair, default: 0] += sign * counts[word]
            if sign > 0 { places[pair, default: []].insert(word) }
        }
    }

    /// The pair to merge next; nil if every word is one symbol.
    mutating func mostFrequentPair() -> Pair? {
        while let candidate = pop() {
            let count = pairCounts[candidate.pair] ?? 0
            if count == 0 || dropped.contains(candidate.pair) { continue }
            if count == candidate.count { return candidate.pair }
            // Out of date: the pair goes back with its count of now.
            push(Candidate(count: count, pair: candidate.pair))
        }
        return nil
    }

    mutating func drop(_ pair: Pair) { dropped.insert(pair) }

    mutating func merge(_ pair: Pair, into id: Int32) {
        var changed: Set<Pair> = []
        for word in places.removeValue(forKey: pair) ?? [] {
            let old = words[word]
            var new: [Int32] = []
            new.reserveCapacity(old.count)
            var position = 0
            while position < old.count {
                if position + 1 < old.count, old[position] == pair.left, old[position + 1] == pair.right {
                    new.append(id)
                    position += 2
                } else {
                    new.append(old[position])
                    position += 1
                }
            }
            if new.count == old.count { continue }
            count(old, in: word, sign: -1)
            count(new, in: word, sign: 1)
            words[word] = new
            for position in 0..<max(0, new.count - 1) where new[position] == id || new[position + 1] == id {
                changed.insert(Pair(left: new[position], right: new[position + 1]))
            }
        }
        pairCounts[pair] = nil
        for pair in changed { push(Candidate(count: pairCounts[pair] ?? 0, pair: pair)) }
    }

    private mutating func push(_ candidate: Candidate) {
        heap.append(candidate)
        var index = heap.count - 1
        while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private mutating func pop() -> Candidate? {
        guard let first = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return first }
        heap[0] = last
        var index = 0
        while true {
            var best = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].precedes(heap[best]) {
                best = child
            }
            if best == index { return first }
            heap.swapAt(index, best)
            index = best
        }
    }
}
