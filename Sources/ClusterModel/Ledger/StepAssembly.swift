/// The batch of one step while it comes together: generate jobs, then the score jobs of each, then complete.
package struct StepAssembly: Sendable {
    package let step: Int
    package let jobs: [GenerateJob]
    /// Number of score jobs that each generate job's trajectories need; 0 = none.
    package let parts: Int
    package private(set) var trajectories: [Int: [Trajectory]] = [:]
    package private(set) var scores: [Int: [Int: Scores]] = [:]
    /// Generate jobs that were given up: once the journal knows, the batch has no answers of theirs.
    package private(set) var givenUp: Set<Int> = []
    private var skipped: Set<Int> = []
    /// Generate jobs of which everything is here, or will never be.
    package private(set) var finished = 0

    package init(step: Int, jobs: [GenerateJob], parts: Int) {
        self.step = step
        self.jobs = jobs
        self.parts = parts
    }

    package var isComplete: Bool { finished == jobs.count }

    /// All jobs of the step that exist so far or will.
    package var allJobs: [JobID] {
        jobs.flatMap { jobs(of: $0.id.index) }
    }

    /// Refuses what does not answer the job, so that one broken worker cannot spoil a batch.
    ///
    /// - Parameters:
    ///   - vocabulary: how many tokens the policy's model knows.
    ///   - anyVersion: for the simulator alone.
    package func problem(
        with result: [Trajectory], of index: Int, vocabulary: Int = .max, anyVersion: Bool = false
    ) -> String? {
        guard jobs.indices.contains(index) else { return "no such job" }
        let job = jobs[index]
        guard result.count == job.prompts.count * job.samples.count else {
            return "\(result.count) trajectories in place of \(job.prompts.count * job.samples.count)"
        }
        for (position, item) in result.enumerated() {
            let prompt = job.prompts[position / job.samples.count]
            guard item.row == prompt.row, item.occurrence == prompt.occurrence,
                item.sample == job.samples.lowerBound + position % job.samples.count,
                item.promptTokens == prompt.tokens, item.promptText == prompt.text
            else { return "trajectory \(position) answers another prompt" }
            let count = item.responseTokens.count
            guard count > 0, count <= job.sampling.maxNewTokens, item.mask.count == count,
                item.logProbabilities.count == count, item.versions.count == count
            else { return "trajectory \(position) has \(count) tokens and fields of other lengths" }
            guard anyVersion || item.versions.allSatisfy({ Int($0) == job.version.number }) else {
                return "trajectory \(position) was sampled by another version than \(job.version.number)"
            }
            if let token = item.responseTokens.first(where: { $0 < 0 || Int($0) >= vocabulary }) {
                return "trajectory \(position) has the token \(token), which is not in the vocabulary"
            }
            guard item.logProbabilities.allSatisfy(\.isFinite) else {
                return "trajectory \(position) has a log-probability that is not finite"
            }
        }
        return nil
    }

    /// Why the answers of a job cannot go on to scorers and the learner; nil when they can. Trying again changes nothing.
    package func excess(of result: [Trajectory], of index: Int) -> String? {
        let data = jobs.indices.contains(index) ? jobs[index].prompts.reduce(0) { $0 + $1.data.size } : 0
        let bytes = JobPlan.bytes(of: result) + data
        guard bytes > JobPlan.largestJob else { return nil }
        return
            "its answers and their scores take \(bytes) bytes, and a message holds \(JobPlan.largestJob); "
            + "lower rollout.samples_per_job, prompts_per_job or max_new_tokens"
    }

    package func problem(with result: Scores, of index: Int, reference: Bool, rewards: [String]) -> String? {
        guard let rows = trajectories[index] else { return "no trajectories to score" }
        if reference {
            guard result.referenceLogProbabilities.count == rows.count,
                zip(result.referenceLogProbabilities, rows).allSatisfy({
                    $0.count == $1.responseTokens.count && $0.allSatisfy(\.isFinite)
                })
            else { return "the reference log-probabilities do not fit the trajectories" }
        } else if !result.referenceLogProbabilities.isEmpty {
            return "reference log-probabilities were not asked for"
        }
        for name in rewards {
            guard let values = result.rewards[name], values.count == rows.count else {
                let count = result.rewards[name]?.count ?? 0
                return "\(count) values of the reward \(name) came for \(rows.count) answers"
            }
        }
        if let other = result.rewards.keys.filter({ !rewards.contains($0) }).min() {
            return "the reward \(other) was not asked for"
        }
        return nil
    }

    package mutating func giveUp(_ index: Int) { givenUp.insert(index) }

    /// Leaves the answers of a job out, whatever of them is here.
    package mutating func skip(_ index: Int) {
        givenUp.insert(index)
        guard jobs.indices.contains(index), skipped.insert(index).inserted else { return }
        let isFinished = trajectories[index] != nil && (scores[index]?.count ?? 0) == parts
        if !isFinished { finished += 1 }
        trajectories[index] = []
        scores[index] = nil
    }

    /// The jobs that a generate job stands for: itself, and the scoring of its answers.
    package func jobs(of index: Int) -> [JobID] {
        [JobID(step: step, index: index, kind: .generate)]
            + (0..<parts).map { JobID(step: step, index: index, kind: .score, part: $0) }
    }

    package mutating func add(_ result: [Trajectory], of index: Int) {
        if trajectories.updateValue(result, forKey: index) == nil, parts == 0 { finished += 1 }
    }

    package mutating func add(_ result: Scores, of index: Int, part: Int) {
        let before = scores[index]?.count ?? 0
        scores[index, default: [:]][part] = result.admitted
        if before < parts, scores[index]?.count == parts { finished += 1 }
    }

    /// Why nothing can be learned from the step: not one of its answers has all the rewards that it needs.
    ///
    /// - Returns: nil when one has, or some are still to come; else what failed, and the score jobs to be done again.
    package func withoutReward(_ needed: Set<String>) -> (reason: String, jobs: [JobID])? {
        guard isComplete, !needed.isEmpty else { return nil }
        var failed: Set<Int> = []
        var errors: [String] = []
        var answers = 0
        for job in jobs {
            let index = job.id.index
            let merged = mergedScores(of: index)
            let count = trajectories[index]?.count ?? 0
            answers += count
            for answer in 0..<count {
                let isScored = needed.allSatisfy { name in
                    guard let values = merged.rewards[name], values.indices.contains(answer) else { return false }
                    return values[answer] != nil
                }
                if isScored { return nil }
            }
            for (part, scores) in (scores[index] ?? [:]).sorted(by: { $0.key < $1.key })
            where scores.rewards.contains(where: { needed.contains($0.key) && $0.value.contains(nil) }) {
                failed.insert(part)
                errors += scores.words(of: needed)
            }
        }
        guard answers > 0 else { return nil }
        let ids = jobs.flatMap { job in
            failed.sorted().map { JobID(step: step, index: job.id.index, kind: .score, part: $0) }
        }
        // The last word is the most telling: the first says only how many failed.
        return ("none of its \(answers) answers has a reward: \(errors.last ?? "no scorer said why")", ids)
    }

    /// Score jobs that gave a needed reward to not one of their answers. Behind a reward that is down there are some in steps
    /// that have only begun.
    package func scoredInVain(_ needed: Set<String>) -> [JobID] {
        scores.sorted { $0.key < $1.key }.flatMap { index, parts in
            parts.sorted { $0.key < $1.key }.compactMap { part, scores in
                let isInVain = scores.rewards.contains { needed.contains($0.key) && $0.value.allSatisfy { $0 == nil } }
                return isInVain ? JobID(step: step, index: index, kind: .score, part: part) : nil
            }
        }
    }

    /// Why answers were dropped, in a scorer's words: those on a reward that is needed, where somebody said something of
    /// one. The last word is the most telling.
    package func cause(_ needed: Set<String>) -> String? {
        let parts = scores.sorted { $0.key < $1.key }.flatMap { $0.value.sorted { $0.key < $1.key }.map(\.value) }
        return parts.flatMap { $0.words(of: needed) }.last ?? parts.flatMap(\.errors).last
    }

    /// The scores of all parts of a job as one.
    package func mergedScores(of index: Int) -> Scores {
        var merged = Scores(referenceLogProbabilities: [], rewards: [:], errors: [])
        for (_, part) in (scores[index] ?? [:]).sorted(by: { $0.key < $1.key }) {
            if !part.referenceLogProbabilities.isEmpty {
                merged.referenceLogProbabilities = part.referenceLogProbabilities
            }
            merged.rewards.merge(part.rewards) { $1 }
            merged.errors += part.errors
        }
        return merged
    }
}
