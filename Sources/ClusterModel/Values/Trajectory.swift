package enum FinishReason: String, Codable, Sendable, Hashable, CaseIterable { case eos, stop, length }

/// One sampled answer. `responseTokens`, `mask`, `logProbabilities` and `versions` have the same length R.
package struct Trajectory: Sendable, Hashable {
    package var row: Int
    /// Of the row in its step; see ``Prompt/occurrence``.
    package var occurrence: Int
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
        row: Int, occurrence: Int = 0, sample: Int, promptTokens: [Int32], responseTokens: [Int32], mask: [UInt8],
        logProbabilities: [Float], versions: [UInt32], finish: FinishReason, promptText: String, responseText: String
    ) {
        self.row = row
        self.occurrence = occurrence
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

    /// The answers that are compared with one another by estimators without a critic: those to one prompt of the step.
    package var group: Group { Group(row: row, occurrence: occurrence) }

    package struct Group: Sendable, Hashable, Comparable {
        package var row: Int
        package var occurrence: Int

        package init(row: Int, occurrence: Int) {
            self.row = row
            self.occurrence = occurrence
        }

        package static func < (a: Group, b: Group) -> Bool { (a.row, a.occurrence) < (b.row, b.occurrence) }
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

extension Scores {
    /// What was said of the rewards that answers must have and some do not; not what names another reward.
    func words(of needed: Set<String>) -> [String] {
        let missing = rewards.filter { $0.value.contains(nil) }.keys
        guard missing.contains(where: needed.contains) else { return [] }
        let others = rewards.keys.filter { !needed.contains($0) }
        return errors.filter { error in
            !others.contains { error.hasPrefix("reward \($0):") || error.hasPrefix("reward \($0) ") }
        }
    }

    /// A scorer sends 20 notes and a sentence for each reward.
    private static let errorsKept = 30
    private static let errorLength = 300

    /// The scores as the coordinator keeps them. A value that is not finite is left out, with a note; notes are few and
    /// short, because workers of other makers write them too.
    var admitted: Scores {
        var scores = self
        for (name, values) in rewards.sorted(by: { $0.key < $1.key }) {
            let broken = values.count { $0.map { !$0.isFinite } ?? false }
            guard broken > 0 else { continue }
            scores.rewards[name] = values.map { $0.flatMap { $0.isFinite ? $0 : nil } }
            scores.errors.append("reward \(name): \(broken) of \(values.count) values are no finite numbers")
        }
        scores.errors = scores.errors.suffix(Self.errorsKept).map { String($0.prefix(Self.errorLength)) }
        return scores
    }
}
