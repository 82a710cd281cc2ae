import Foundation

/// `summary.json`: the figures of the report for programs, not rounded.
struct RunSummary: Encodable {
    private struct Measured: Encodable {
        var before: Estimate?
        var after: Estimate?
        var difference: Estimate?
        var winRate: Estimate?
        var passAtK: [String: Evaluation.Comparison]?
        var failedBefore: Int?
        var failedAfter: Int?

        init(_ figure: Evaluation.Figure) {
            self.init(figure.values)
            winRate = figure.winRate
            let passes = figure.passAtK.map {
                ("\($0.k)", Evaluation.Comparison(before: $0.before, after: $0.after))
            }
            if !passes.isEmpty { passAtK = Dictionary(uniqueKeysWithValues: passes) }
            failedBefore = figure.failedBefore
            failedAfter = figure.failedAfter
        }

        init(_ values: Evaluation.Comparison) {
            before = values.before
            after = values.after
            difference = values.difference
        }
    }

    private struct HeldOut: Encodable {
        var prompts: Int
        var samples: Int
        var score: Measured?
        var rewards: [String: Measured]
        var responseLength: Measured
        var notes: [String]
    }

    private struct Reward: Encodable { var first: Double; var last: Double; var steps: Int }
    private struct Best: Encodable { var step: Int; var figure: String; var value: Estimate }

    /// `done`, `degraded` or `unfinished`; nil for a run without PPO.
    private var outcome: String?
    /// Why it is degraded.
    private var reason: String?
    private var alarms: [RunAlarm]
    private var evaluation: HeldOut?
    /// By the score, on held-out prompts.
    private var winRate: Double?
    private var sequenceKL: Double?
    private var klBudget: Double?
    /// Of the answers that were trained on.
    private var reward: Reward?
    private var best: Best?
    private var evaluations: [HeldOutFigures]?
    private var rewardAccuracy: Estimate?
    private var rewardEce: Double?
    private var seconds: [String: Double]
    private var policySha256: String?
    private var jobs: [String: Int]?
    private var seed: UInt64?

    init(_ record: RunRecord) {
        reason = record.degradation
        if record.facts.steps != nil {
            outcome = reason != nil ? "degraded" : record.isFinished ? "done" : "unfinished"
        }
        alarms = record.facts.alarms
        if let found = record.evaluation {
            evaluation = HeldOut(
                prompts: found.prompts, samples: found.samples, score: found.score.map(Measured.init),
                rewards: Dictionary(found.rewards.map { ($0.name, Measured($0)) }) { first, _ in first },
                responseLength: Measured(found.length), notes: found.notes)
            winRate = found.score?.winRate?.mean
            sequenceKL = found.sequenceKL?.mean
            klBudget = found.klBudget
        }
        reward = record.reward.map { Reward(first: $0.first, last: $0.last, steps: $0.steps) }
        best = record.best.map { Best(step: $0.step, figure: record.facts.best, value: $0.value) }
        if !record.history.lines.isEmpty { evaluations = record.history.lines }
        rewardAccuracy = record.accuracy
        rewardEce = record.rewardModel["ece"]
        seconds = record.seconds
        policySha256 = record.facts.policySHA256
        jobs = record.facts.jobs
        seed = record.facts.seed
    }

    func data() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return try encoder.encode(self)
    }
}
