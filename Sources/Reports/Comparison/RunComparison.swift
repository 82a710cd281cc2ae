import Foundation

/// Two or more runs side by side, finished or live: `skein compare`.
package struct RunComparison: Sendable {
    /// What only others know of a run.
    package struct Facts: Sendable {
        /// As it was given.
        package var directory: String
        package var name: String
        /// For people: `finished`, `live`, or how it ended.
        package var state: String
        /// The steps that the run is to make.
        package var steps: Int
        /// The figure by which a step is the best, as `evaluation.best` has it.
        package var best: String

        package init(directory: String, name: String, state: String, steps: Int, best: String) {
            self.directory = directory
            self.name = name
            self.state = state
            self.steps = steps
            self.best = best
        }
    }

    /// A key of the configuration that is not the same everywhere, with its value in each run.
    package struct Difference: Sendable, Encodable {
        package var key: String
        package var values: [String?]

        package init(key: String, values: [String?]) {
            self.key = key
            self.values = values
        }
    }

    let runs: [ComparedRun]
    let differences: [Difference]

    /// - Parameter differences: with a value for each run, in their order.
    package init(_ runs: [Facts], differences: [Difference]) {
        self.runs = runs.map(ComparedRun.init)
        self.differences = differences
    }

    /// The last step that all of them have made; nil when they share no step.
    var commonStep: Int? {
        guard let first = runs.first else { return nil }
        return first.steps.figures.keys.filter { step in runs.allSatisfy { $0.steps.figures[step] != nil } }.max()
    }
}

/// The figures of one run of a comparison.
struct ComparedRun: Sendable {
    let facts: RunComparison.Facts
    let steps: RunSteps
    let heldOut: HeldOut?

    /// Held-out prompts by the run's own figure.
    struct HeldOut: Sendable, Encodable {
        struct Value: Sendable, Encodable {
            /// Steps that led to the policy; nil: of the run as a whole.
            var step: Int?
            var value: Estimate
        }

        var figure: String
        var first: Value?
        var best: Value?
        var last: Value?
    }

    init(_ facts: RunComparison.Facts) {
        self.facts = facts
        let record = RunRecord(runDirectory: facts.directory, facts: RunReport.Facts(best: facts.best))
        steps = RunSteps(record.steps)
        heldOut = Self.heldOut(record)
    }

    private static func heldOut(_ record: RunRecord) -> HeldOut? {
        let key = HeldOutFigures.key(record.facts.best)
        let measured = record.history.comparable.compactMap { line in
            line.figures[key].map { HeldOut.Value(step: line.step, value: $0) }
        }
        if !measured.isEmpty {
            return HeldOut(
                figure: record.facts.best, first: measured.first,
                best: record.best.map { HeldOut.Value(step: $0.step, value: $0.value) }, last: measured.last)
        }
        // The stage evaluate alone compares start and end.
        guard let evaluation = record.evaluation, let score = evaluation.score else { return nil }
        return HeldOut(
            figure: evaluation.scoreName, first: score.values.before.map { HeldOut.Value(value: $0) },
            last: score.values.after.map { HeldOut.Value(value: $0) })
    }
}
