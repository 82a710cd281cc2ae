/// How many more rollouts may be started so that none is older than `eta` versions when it is learned from
/// (Fu et al. 2025, AReaL, section 5.1).
package struct StalenessGate: Sendable, Equatable {
    /// Largest distance between the version that samples and the version that learns.
    package var eta: Int
    /// Trajectories of one step.
    package var batch: Int
    /// Most rollouts that may run at once.
    package var concurrency: Int

    package init(eta: Int, batch: Int, concurrency: Int) {
        self.eta = eta
        self.batch = batch
        self.concurrency = concurrency
    }

    /// - Parameters:
    ///   - version: of the policy now.
    ///   - accepted: trajectories ever taken into the buffer.
    ///   - running: rollouts under way.
    /// - Returns: may be negative, which means the same as 0.
    package func capacity(version: Int, accepted: Int, running: Int) -> Int {
        min(
            max(1, concurrency) - running,
            (eta + version + 1) * max(1, batch) - (accepted + running))
    }
}
