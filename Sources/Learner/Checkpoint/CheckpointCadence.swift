import RunConfiguration

/// When the next checkpoint is due (`ppo.checkpoint_every`). It decides how much is repeated after a crash, and nothing that
/// is learned.
///
/// Owned by ``LearnerLoop``. Times are seconds of any clock.
struct CheckpointCadence: Sendable {
    /// Of the time, at most, where the run file says nothing.
    private static let timeShare = 0.05
    /// Of the bytes of the policies' files, at most.
    private static let byteShare = 0.2
    /// Seconds after which the bytes do not matter any more.
    private static let longest = 1_800.0
    /// Bytes of batches that the coordinator is to keep for the learner.
    private static let mostKept = 64 << 20

    private let rule: PPOSection.CheckpointEvery
    /// Bytes of a checkpoint beside the policy's files, which are linked.
    private let size: Int
    private var step: Int
    private var since: Double
    private var policies = 0
    private var batches = 0

    init(_ rule: PPOSection.CheckpointEvery, size: Int, step: Int, at time: Double) {
        self.rule = rule
        self.size = size
        self.step = step
        since = time
    }

    /// How many steps may have to be repeated at most; nil: no number of them.
    var most: Int? { if case .steps(let count) = rule { count } else { nil } }

    /// A step was made.
    ///
    /// - Parameters:
    ///   - policy: bytes of the policy's file.
    ///   - batch: bytes that it was learned from.
    mutating func add(policy: Int, batch: Int) {
        policies += policy
        batches += batch
    }

    /// - Parameter cost: seconds that the last checkpoint took; nil before the first.
    func isDue(_ step: Int, at time: Double, cost: Double?) -> Bool {
        let elapsed = time - since
        switch rule {
        case .steps(let count): return step - self.step >= count
        case .minutes(let count): return elapsed >= count * 60 || batches >= Self.mostKept
        case .auto:
            let isCheap = Double(size) <= Self.byteShare * Double(policies) || elapsed >= Self.longest
            return batches >= Self.mostKept || (isCheap && elapsed * Self.timeShare >= cost ?? 0)
        }
    }

    /// The checkpoint of so many steps is begun.
    mutating func begin(_ step: Int, at time: Double) {
        (self.step, since) = (step, time)
        (policies, batches) = (0, 0)
    }
}
