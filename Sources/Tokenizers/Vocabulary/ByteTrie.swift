/// A trie over bytes whose edges are in one hash table.
struct ByteTrie: Sendable {
    /// The value of each node, -1 where no text ends. Node 0 is the root.
    private(set) var values: [Int32] = [-1]
    private var keys: [UInt64] = [UInt64](repeating: ByteTrie.empty, count: 64)
    private var children: [Int32] = [Int32](repeating: 0, count: 64)
    private var mask = 63
    private static let empty = UInt64.max

    var isEmpty: Bool { values.count == 1 }

    /// - Returns: the node at which the text ends.
    mutating func insert(_ bytes: some Sequence<UInt8>) -> Int {
        var node = 0
        for byte in bytes { node = child(of: node, byte) ?? addChild(of: node, byte) }
        return node
    }

    mutating func setValue(_ value: Int32, at node: Int) { values[node] = value }

    @inline(__always)
    func child(of node: Int, _ byte: UInt8) -> Int? {
        let key = UInt64(node) << 8 | UInt64(byte)
        let slot = findSlot(key)
        return keys[slot] == Self.empty ? nil : Int(children[slot])
    }

    @inline(__always)
    private func findSlot(_ key: UInt64) -> Int {
        let product = key &* 0x9E37_79B9_7F4A_7C15
        var slot = Int(truncatingIfNeeded: product >> 32) & mask
        while keys[slot] != Self.empty, keys[slot] != key { slot = (slot + 1) & mask }
        return slot
    }

    private mutating func addChild(of node: Int, _ byte: UInt8) -> Int {
        if values.count * 2 >= keys.count { grow() }
        let child = values.count
        values.append(-1)
        let key = UInt64(node) << 8 | UInt64(byte)
        let slot = findSlot(key)
        keys[slot] = key
        children[slot] = Int32(truncatingIfNeeded: child)
        return child
    }

    private mutating func grow() {
        let old = zip(keys, children).filter { $0.0 != Self.empty }
        keys = [UInt64](repeating: Self.empty, count: keys.count * 2)
        children = [Int32](repeating: 0, count: keys.count)
        mask = keys.count - 1
        for (key, child) in old {
            let slot = findSlot(key)
            keys[slot] = key
            children[slot] = child
        }
    }
}
