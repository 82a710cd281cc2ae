import Foundation

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers from the same seed on every machine, which the standard
/// library's own algorithms do not promise.
package struct SplitMix: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// From 0 up to and without 1.
    package mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    /// From 0 up to and without `count`, which must be positive.
    package mutating func below(_ count: Int) -> Int { min(count - 1, Int(uniform() * Double(count))) }

    /// A value of the standard normal distribution (Box and Muller).
    package mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * .pi * uniform())
    }

    /// Fisher and Yates.
    package mutating func shuffle<Element>(_ values: inout [Element]) {
        guard values.count > 1 else { return }
        for last in stride(from: values.count - 1, to: 0, by: -1) { values.swapAt(last, below(last + 1)) }
    }
}
