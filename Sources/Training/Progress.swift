/// How far a stage is.
package struct TrainingProgress: Sendable, Equatable {
    /// Name of the stage, for example `sft`.
    package var stage: String
    /// Done, from 1 on.
    package var step: Int
    package var total: Int
    /// Mean over the tokens (or pairs) of the step.
    package var loss: Double
    package var tokensPerSecond: Double

    package init(stage: String, step: Int, total: Int, loss: Double, tokensPerSecond: Double) {
        self.stage = stage
        self.step = step
        self.total = total
        self.loss = loss
        self.tokensPerSecond = tokensPerSecond
    }
}

/// Told of every step of a stage, on the thread that computes; must return quickly.
package protocol ProgressReporter: Sendable {
    func report(_ progress: TrainingProgress)
    /// A line for the log: what is re-used, what was left out and why.
    func note(_ message: String)
}

/// Says nothing.
package struct SilentProgress: ProgressReporter {
    package init() {}
    package func report(_ progress: TrainingProgress) {}
    package func note(_ message: String) {}
}
