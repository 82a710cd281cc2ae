extension RunConfiguration {
    /// Whether PPO measures its steps by held-out prompts.
    /// Whether the learner answers held-out prompts between its steps.
    var measuresSteps: Bool { stages.contains(.ppo) && evaluation.every != nil }

    /// Whether any stage answers held-out prompts.
    package var answersHeldOut: Bool { stages.contains(.evaluate) || measuresSteps }

    func checkEvaluation(_ problems: inout Problems) {
        guard answersHeldOut else { return }
        checkEach(evaluation.rewards, "evaluation.rewards", &problems)
        if !evaluation.rewards.isEmpty, !evaluation.rewards.contains(where: { $0.weight != 0 }) {
            problems.add("evaluation.rewards", "at least one reward must have a weight other than 0")
        }
        for (index, reward) in evaluation.rewards.enumerated() {
            guard let keys = reward.model, keys.path == nil else { continue }
            problems.add(
                "evaluation.rewards.\(index).path",
                "a reward of kind model needs a reward model: name its directory here or in models.reward")
        }
        if evaluation.samples > 1, evaluation.temperature == 0 {
            problems.add(
                "evaluation.samples",
                "at temperature 0 all \(evaluation.samples) answers to a prompt are the same; raise "
                    + "evaluation.temperature, or write samples: 1")
        }
        if measuresSteps { checkBest(&problems) }
    }

    private func checkBest(_ problems: inout Problems) {
        let rewards = evaluationRewards.filter { if case .worker = $0.kind { false } else { true } }
        let parts = evaluation.best.split(separator: "/", maxSplits: 1).map(String.init)
        let parted = rewards.first { $0.name == parts.first }
        guard let name = parts.first, name == EvaluationSection.score || parted != nil
        else {
            let names = [EvaluationSection.score] + rewards.map(\.name)
            problems.add(
                "evaluation.best",
                "no figure is called '\(evaluation.best)'; there are \(names.joined(separator: ", ")), and NAME/pass@K")
            return
        }
        guard parts.count > 1 else { return }
        // The score of several rewards may be 0 or 1 by chance; that of one is known.
        let counted = rewards.filter { $0.weight != 0 }
        if let scores = parted?.kind.bothScores
            ?? (parted == nil && counted.count == 1
                ? counted[0].kind.bothScores?.map { $0 * counted[0].weight } : nil),
            !scores.allSatisfy({ $0 == 0 || $0 == 1 })
        {
            problems.add(
                "evaluation.best",
                "pass@k is of scores that are 0 or 1, and \(name) is "
                    + "\(scores.map { "\($0)" }.joined(separator: " or ")) (match_score, miss_score, weight); write "
                    + "\(name), or give evaluation.rewards with scores of 1 and 0")
            return
        }
        let sizes = sequence(first: 1) { $0 * 2 }.prefix { $0 <= evaluation.samples }
        if !sizes.map({ "pass@\($0)" }).contains(parts[1]) {
            let known = sizes.map { "\(name)/pass@\($0)" }.joined(separator: ", ")
            problems.add(
                "evaluation.best",
                "no figure is called '\(evaluation.best)'; with evaluation.samples \(evaluation.samples) there are \(known)"
            )
        }
    }
}

extension RewardKind {
    /// The two scores that it gives; nil for kinds that may give any.
    fileprivate var bothScores: [Double]? {
        switch self {
        case .math(let keys): [keys.matchScore, keys.missScore]
        case .regex(let keys): [keys.matchScore, keys.missScore]
        default: nil
        }
    }
}
