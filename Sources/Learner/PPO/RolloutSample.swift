package import ClusterModel

/// One answer with all that scorers found: a row of the learner's batch.
package struct RolloutSample: Sendable, Equatable {
    package var trajectory: Trajectory
    /// [R] nats.
    package var reference: [Float]
    /// Name -> value; nil = that reward failed for this answer.
    package var rewards: [String: Float?]

    package init(trajectory: Trajectory, reference: [Float], rewards: [String: Float?]) {
        self.trajectory = trajectory
        self.reference = reference
        self.rewards = rewards
    }
}

/// One job of a step's batch, as fetched from the coordinator.
package struct RolloutJob: Sendable, Equatable {
    package var index: Int
    package var trajectories: [Trajectory]
    package var scores: Scores

    package init(index: Int, trajectories: [Trajectory], scores: Scores) {
        self.index = index
        self.trajectories = trajectories
        self.scores = scores
    }
}

package enum Rollouts {
    /// The batch in its one order: by prompt row, occurrence and sample; never by arrival, nor by how samples were split
    /// into jobs.
    ///
    /// - Throws: when scores and trajectories of a job do not belong together.
    package static func samples(_ jobs: [RolloutJob]) throws -> [RolloutSample] {
        let samples = try jobs.sorted { $0.index < $1.index }.flatMap { job -> [RolloutSample] in
            let count = job.trajectories.count
            let references = job.scores.referenceLogProbabilities
            guard references.isEmpty || references.count == count else {
                throw LearnerError(
                    .batch,
                    "job \(job.index) has \(count) trajectories and reference log-probabilities of \(references.count)")
            }
            for (name, values) in job.scores.rewards where values.count != count {
                throw LearnerError(
                    .batch, "job \(job.index) has \(count) trajectories and \(values.count) values of reward '\(name)'")
            }
            return job.trajectories.indices.map { index in
                RolloutSample(
                    trajectory: job.trajectories[index], reference: references.isEmpty ? [] : references[index],
                    rewards: job.scores.rewards.mapValues { $0[index] })
            }
        }
        return samples.enumerated().sorted { first, second in
            let (a, b) = (first.element.trajectory, second.element.trajectory)
            return (a.group, a.sample, first.offset) < (b.group, b.sample, second.offset)
        }.map(\.element)
    }

    /// The number of each answer's group: equal for the answers that are compared with one another.
    package static func groups(_ trajectories: [Trajectory]) -> [Int] {
        var numbers: [Trajectory.Group: Int] = [:]
        return trajectories.map { trajectory in
            if let number = numbers[trajectory.group] { return number }
            let number = numbers.count
            numbers[trajectory.group] = number
            return number
        }
    }

    /// Refuses samples that do not fit the model: the arithmetic below trusts every length and id.
    package static func validate(
        _ samples: [RolloutSample], vocabulary: Int, context: Int, needsReference: Bool
    ) throws {
        for sample in samples {
            let t = sample.trajectory
            let name = "prompt row \(t.row), occurrence \(t.occurrence), sample \(t.sample)"
            guard t.isConsistent else { throw LearnerError(.batch, "\(name): token arrays differ in length") }
            guard !t.promptTokens.isEmpty else { throw LearnerError(.batch, "\(name): the prompt has no token") }
            guard !needsReference || sample.reference.count == t.responseTokens.count else {
                throw LearnerError(
                    .batch,
                    "\(name): \(t.responseTokens.count) tokens, \(sample.reference.count) reference log-probabilities")
            }
            guard t.promptTokens.count + t.responseTokens.count <= context else {
                throw LearnerError(
                    .batch,
                    "\(name): \(t.promptTokens.count + t.responseTokens.count) tokens do not fit the context of \(context)"
                )
            }
            let valid = 0..<Int32(clamping: vocabulary)
            if let bad = (t.promptTokens + t.responseTokens).first(where: { !valid.contains($0) }) {
                throw LearnerError(.batch, "\(name): token id \(bad) is outside the vocabulary of \(vocabulary)")
            }
        }
    }
}
