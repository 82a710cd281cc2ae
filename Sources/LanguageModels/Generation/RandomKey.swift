/// Random numbers that are a pure function of what they are for: Philox4x32-10 (Salmon et al. 2011, "Parallel random
/// numbers: as easy as 1, 2, 3"), tested against its published vectors.
///
/// There is no state: the number of a token does not depend on who draws it, when, or how often.
package struct RandomKey: Sendable, Hashable {
    private let key: SIMD2<UInt32>

    /// Of one sample of one prompt in one step of a run; ``uniform(_:)`` then takes the token's position.
    ///
    /// - Parameter occurrence: how often the row stood in the step before.
    package init(seed: UInt64, step: Int, row: Int, occurrence: Int = 0, sample: Int) {
        let first = Self.philox(
            counter: SIMD4(Self.low(step), Self.high(step), Self.low(row), Self.high(row)),
            key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
        // The sample goes into the key too, so that the counter of the tokens has 128 bits for the position.
        let second = Self.philox(
            counter: SIMD4(Self.low(sample), Self.high(sample), first[2], first[3]), key: SIMD2(first[0], first[1]))
        guard occurrence != 0 else {
            key = SIMD2(second[0], second[1])
            return
        }
        let third = Self.philox(
            counter: SIMD4(Self.low(occurrence), Self.high(occurrence), second[2], second[3]),
            key: SIMD2(second[0], second[1]))
        key = SIMD2(third[0], third[1])
    }

    /// 128 random bits for `position`.
    package func bits(_ position: Int) -> SIMD4<UInt32> {
        Self.philox(counter: SIMD4(Self.low(position), Self.high(position), 0, 0), key: key)
    }

    /// Uniform in [0, 1) with 53 bits.
    package func uniform(_ position: Int) -> Double {
        let words = bits(position)
        return Double((UInt64(words[0]) << 32 | UInt64(words[1])) >> 11) * 0x1p-53
    }

    /// One block: ten rounds over a 128-bit counter.
    package static func philox(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
        var (c, k) = (counter, key)
        for round in 0..<10 {
            if round > 0 { k = k &+ SIMD2(0x9E37_79B9, 0xBB67_AE85) }
            let a = UInt64(0xD251_1F53) &* UInt64(c[0])
            let b = UInt64(0xCD9E_8D57) &* UInt64(c[2])
            c = SIMD4(
                UInt32(truncatingIfNeeded: b >> 32) ^ c[1] ^ k[0], UInt32(truncatingIfNeeded: b),
                UInt32(truncatingIfNeeded: a >> 32) ^ c[3] ^ k[1], UInt32(truncatingIfNeeded: a))
        }
        return c
    }

    private static func low(_ value: Int) -> UInt32 { UInt32(truncatingIfNeeded: value) }
    private static func high(_ value: Int) -> UInt32 { UInt32(truncatingIfNeeded: value >> 32) }
}
