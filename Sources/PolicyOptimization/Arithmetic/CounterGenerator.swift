/// Random numbers that are a pure function of a key and a counter (SplitMix64: Steele, Lea and Flood 2014).
///
/// There is no hidden state to save: a resumed run makes the same generator from the same key and goes on.
package struct CounterGenerator: RandomNumberGenerator, Sendable {
    private let key: UInt64
    private var counter: UInt64 = 0

    /// - Parameter words: what the numbers belong to, in order: run seed, purpose, step, epoch, ...
    package init(_ words: UInt64...) {
        var key: UInt64 = 0x736b_6569_6e00_0001
        for word in words { key = Self.mix(key ^ Self.mix(word &+ 0x9e37_79b9_7f4a_7c15)) }
        self.key = key
    }

    package mutating func next() -> UInt64 {
        counter &+= 1
        return Self.mix(key &+ counter &* 0x9e37_79b9_7f4a_7c15)
    }

    /// Uniform in [0, 1) with 53 bits.
    package mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// A permutation of `0..<count` (Fisher-Yates, from the end).
    ///
    /// Written out, since the algorithm of the standard library's `shuffled(using:)` is not part of its contract
    /// and a run must be repeatable with the next compiler.
    package mutating func permutation(_ count: Int) -> [Int] {
        var order = Array(0..<max(0, count))
        var last = order.count - 1
        while last > 0 {
            order.swapAt(last, below(last + 1))
            last -= 1
        }
        return order
    }

    /// Uniform in `0..<bound` without bias (Lemire 2019).
    private mutating func below(_ bound: Int) -> Int {
        let range = UInt64(bound)
        var product = next().multipliedFullWidth(by: range)
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold { product = next().multipliedFullWidth(by: range) }
        }
        return Int(product.high)
    }

    private static func mix(_ word: UInt64) -> UInt64 {
        var z = word
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
