package enum FinishReason: String, Codable, Sendable, Hashable, CaseIterable { case eos, stop, length }

/// One sampled answer. `responseTokens`, `mask`, `logProbabilities` and `versions` have the same length R.
package struct Trajectory: Sendable, Hashable {
    package var row: Int
    package var sample: Int
    package var promptTokens: [Int32]
    package var responseTokens: [Int32]
    /// [R] 1 = sampled by the policy.
    package var mask: [UInt8]
    /// [R] of the behaviour policy, nats.
    package var logProbabilities: [Float]
    /// [R] policy version number of each response token.
    package var versions: [UInt32]
    package var finish: FinishReason
    package var promptText: String
    package var responseText: String

    package init(
        row: Int, sample: Int, promptTokens: [Int32], responseTokens: [Int32], mask: [UInt8],
        logProbabilities: [Float], versions: [UInt32], finish: FinishReason, promptText: String, responseText: String
    ) {
        self.row = row
        self.sample = sample
        self.promptTokens = promptTokens
        self.responseTokens = responseTokens
        self.mask = mask
        self.logProbabilities = logProbabilities
        self.versions = versions
        self.finish = finish
        self.promptText = promptText
        self.responseText = responseText
    }

    /// True when the four arrays over response tokens have one length.
    package var isConsistent: Bool {
        let count = responseTokens.count
        return mask.count == count && logProbabilities.count == count && versions.count == count
    }
}

/// What scorers found for the trajectories of one generate job, in their order.
package struct Scores: Sendable, Hashable {
    /// [trajectory][response token]; empty if it was not asked for.
    package var referenceLogProbabilities: [[Float]]
    /// Name of the reward -> one value a trajectory; nil = that reward failed for this sample.
    package var rewards: [String: [Float?]]
    package var errors: [String]

    package init(
        referenceLogProbabilities: [[Float]] = [], rewards: [String: [Float?]] = [:], errors: [String] = []
    ) {
        self.referenceLogProbabilities = referenceLogProbabilities
        self.rewards = rewards
        self.errors = errors
    }
}
