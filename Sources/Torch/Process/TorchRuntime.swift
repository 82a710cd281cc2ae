import CTorch

/// Settings of the whole process.
package enum TorchRuntime {
    /// Sets libtorch's threads and tunes the allocator. Call once, before any other work, on the compute thread.
    ///
    /// Sums depend on how work is cut among threads: bits are equal from process to process only at the same count.
    package static func configure(threads: Int, interOpThreads: Int = 1) throws {
        guard (1...1024).contains(threads), (1...1024).contains(interOpThreads) else {
            throw TorchError(.argument, "threads must be 1 to 1024, not \(threads) and \(interOpThreads)")
        }
        ctorch_keep_freed_memory()
        try check(ctorch_set_threads(Int32(threads), Int32(interOpThreads)))
    }

    /// Threads inside one operation.
    package static var threads: Int { Int(ctorch_intra_op_threads()) }
    package static var interOpThreads: Int { Int(ctorch_inter_op_threads()) }
    package static var version: String { String(cString: ctorch_version()) }
    package static var hasCUDA: Bool { ctorch_has_cuda() }

    /// Whether fused forms are used where there are some (the default). Off, everything is libtorch's plain operations:
    /// the reference that tests compare with. Of the whole process.
    package static var fused: Bool {
        get { ctorch_fused() }
        set { ctorch_set_fused(newValue) }
    }

    /// Seeds libtorch's own generator. Sampling and initialisation never use it.
    package static func seed(_ seed: UInt64) throws { try check(ctorch_manual_seed(seed)) }

    /// State of libtorch's CPU generator, uint8.
    package static func randomState() throws -> Tensor { try Tensor.make { ctorch_rng_state($0) } }

    package static func setRandomState(_ state: Tensor) throws { try check(ctorch_set_rng_state(state.handle)) }
}
