/// Finds the id of a token by its bytes without making a string of them. Open addressing over one block of bytes.
struct TokenTable: Sendable {
    private var blob: [UInt8] = []
    private var offsets: [Int32] = [0]
    private var ids: [Int32] = []
    private var slots: [Int32]
    private let mask: Int

    /// - Parameter tokens: if a text comes twice, the later id counts.
    init(_ tokens: [(bytes: [UInt8], id: Int32)]) {
        var capacity = 16
        while capacity < tokens.count * 2 { capacity *= 2 }
        slots = [Int32](repeating: -1, count: capacity)
        mask = capacity - 1
        blob.reserveCapacity(tokens.reduce(0) { $0 + $1.bytes.count })
        offsets.reserveCapacity(tokens.count + 1)
        ids.reserveCapacity(tokens.count)
        for (bytes, id) in tokens {
            let slot = bytes.withUnsafeBufferPointer { findSlot($0, 0..<$0.count) }
            if slots[slot] >= 0 {
                ids[Int(slots[slot])] = id
                continue
            }
            slots[slot] = Int32(truncatingIfNeeded: ids.count)
            ids.append(id)
            blob += bytes
            offsets.append(Int32(truncatingIfNeeded: blob.count))
        }
    }

    @inline(__always)
    static func hash(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for index in range { hash = (hash ^ UInt64(bytes[index])) &* 0x100_0000_01B3 }
        return hash ^ hash >> 32
    }

    private func findSlot(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int {
        var slot = Int(truncatingIfNeeded: Self.hash(bytes, range)) & mask
        while true {
            let entry = Int(slots[slot])
            if entry < 0 { return slot }
            let start = Int(offsets[entry])
            if Int(offsets[entry + 1]) - start == range.count {
                var same = true
                for index in 0..<range.count where blob[start + index] != bytes[range.lowerBound + index] {
                    same = false
                    break
                }
                if same { return slot }
            }
            slot = (slot + 1) & mask
        }
    }

    func id(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int32? {
        let entry = slots[findSlot(bytes, range)]
        return entry < 0 ? nil : ids[Int(entry)]
    }

    func id(_ text: String) -> Int32? {
        Array(text.utf8).withUnsafeBufferPointer { id($0, 0..<$0.count) }
    }
}

/// From a pair of ids to the rank of their merge and the id it gives.
struct MergeTable: Sendable, Equatable {
    private var keys: [UInt64]
    private var values: [(rank: Int32, id: Int32)]
    private let mask: Int
    private static let empty = UInt64.max

    /// - Parameter merges: in order of rank; if a pair comes twice, the later rank counts.
    init(_ merges: [(left: Int32, right: Int32, id: Int32)]) {
        var capacity = 16
        while capacity < merges.count * 2 { capacity *= 2 }
        mask = capacity - 1
        keys = [UInt64](repeating: Self.empty, count: capacity)
        values = [(Int32, Int32)](repeating: (0, 0), count: capacity)
        for (rank, merge) in merges.enumerated() {
            let key = Self.key(merge.left, merge.right)
            let slot = findSlot(key)
            keys[slot] = key
            values[slot] = (Int32(truncatingIfNeeded: rank), merge.id)
        }
    }

    /// The same merges in the same order.
    static func == (a: MergeTable, b: MergeTable) -> Bool {
        a.keys == b.keys && a.values.elementsEqual(b.values) { $0 == $1 }
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func findSlot(_ key: UInt64) -> Int {
        let product = key &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: product ^ product >> 32) & mask
        while keys[slot] != Self.empty, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }

    @inline(__always)
    func merge(_ left: Int32, _ right: Int32) -> (rank: Int32, id: Int32)? {
        let slot = findSlot(Self.key(left, right))
        return keys[slot] == Self.empty ? nil : values[slot]
    }
}
