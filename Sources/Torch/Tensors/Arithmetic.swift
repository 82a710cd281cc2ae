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

/// Vector instructions that the kernels of decoding and of exact arithmetic are compiled for.
package enum VectorInstructions: Int, Sendable, CaseIterable {
    case any, avx2, avx512

    /// What this machine and this thread's limit allow.
    package static var inUse: VectorInstructions {
        VectorInstructions(rawValue: Int(ctorch_vectors_in_use().rawValue)) ?? .any
    }

    /// Runs `body` on this thread with at most these, to see what another machine would compute.
    package func limiting<Result>(_ body: () throws -> Result) rethrows -> Result {
        let former = ctorch_limit_vectors(ctorch_vectors(UInt32(rawValue)))
        defer { _ = ctorch_limit_vectors(former) }
        return try body()
    }
}
