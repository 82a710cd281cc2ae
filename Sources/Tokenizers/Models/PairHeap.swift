/// A binary heap of (rank, place), least rank first, then least place. Both fit in 32 bits, so an entry is one word.
struct PairHeap {
    private(set) var storage: [UInt64]

    /// Takes over the memory of an old heap.
    init(_ storage: [UInt64]) {
        self.storage = storage
        self.storage.removeAll(keepingCapacity: true)
    }

    /// Adds without keeping the order; `heapify` restores it.
    mutating func append(_ rank: Int32, _ place: Int) {
        storage.append(UInt64(UInt32(bitPattern: rank)) << 32 | UInt64(UInt32(truncatingIfNeeded: place)))
    }

    mutating func heapify() {
        for index in stride(from: storage.count / 2 - 1, through: 0, by: -1) { siftDown(index) }
    }

    mutating func push(_ rank: Int32, _ place: Int) {
        append(rank, place)
        var index = storage.count - 1
        let value = storage[index]
        while index > 0 {
            let parent = (index - 1) / 2
            if storage[parent] <= value { break }
            storage[index] = storage[parent]
            index = parent
        }
        storage[index] = value
    }

    mutating func pop() -> (rank: Int32, place: Int)? {
        guard let first = storage.first, let last = storage.popLast() else { return nil }
        if !storage.isEmpty {
            storage[0] = last
            siftDown(0)
        }
        return (Int32(truncatingIfNeeded: first >> 32), Int(first & 0xFFFF_FFFF))
    }

    private mutating func siftDown(_ start: Int) {
        storage.withUnsafeMutableBufferPointer { storage in
            var index = start
            let value = storage[index]
            while true {
                var child = 2 * index + 1
                if child >= storage.count { break }
                if child + 1 < storage.count, storage[child + 1] < storage[child] { child += 1 }
                if storage[child] >= value { break }
                storage[index] = storage[child]
                index = child
            }
            storage[index] = value
        }
    }
}
