import CTorch

/// How numbers are computed where there is a choice.
package enum Arithmetic: String, Sendable, CaseIterable {
    /// The fastest kernel for the shapes at hand: the last bits depend on batch and cache.
    case fast
    /// Kernels whose result for a position is the same to the bit whatever stands beside it, and whether its past was
    /// computed with it or comes from a cache: what a decoder sampled from is what a training forward computes. fp32 on
    /// the CPU; equal on processors with the same vector instructions (AVX-512, AVX2 with FMA, others).
    case exact

    /// Runs `body` so, on this thread.
    package func callAsFunction<Result>(_ body: () throws -> Result) rethrows -> Result {
        let former = ctorch_set_exact(self == .exact)
        defer { _ = ctorch_set_exact(former) }
        return try body()
    }

    /// Of this thread, now.
    package static var current: Arithmetic { ctorch_exact() ? .exact : .fast }
}
