package import RunConfiguration
package import Torch

/// How a supervised stage walks through its data.
package struct TrainingPlan: Sendable, Equatable {
    package var stage: String
    package var epochs: Double
    /// Optimizer steps at most.
    package var maxSteps: Int?
    /// Rows (or pairs) of one optimizer step.
    package var batch: Int
    package var microBatchTokens: Int
    /// Whether the rows of a micro-batch share lines, so that no padding counts.
    package var packs = false
    package var learningRate: Double
    package var warmup: Double
    package var decay: TrainingSection.Decay
    package var optimizer: AdamW.Settings
    package var gradientNorm: Double
    package var seed: UInt64
    /// Steps between looks at the held-out data; nil = an epoch.
    package var evaluateEvery: Int?
    /// Looks in a row that find nothing better before the stage stops; nil = it never does.
    package var patience: Int?
    /// Steps between checkpoints; nil = none.
    package var checkpointEvery: Int?

    package init(
        stage: String, epochs: Double = 1, maxSteps: Int? = nil, batch: Int, microBatchTokens: Int = 4096,
        learningRate: Double, warmup: Double = 0.05, decay: TrainingSection.Decay = .linear,
        optimizer: AdamW.Settings = AdamW.Settings(), gradientNorm: Double = 1, seed: UInt64,
        evaluateEvery: Int? = nil, patience: Int? = nil, checkpointEvery: Int? = nil
    ) {
        self.stage = stage
        self.epochs = epochs
        self.maxSteps = maxSteps
        self.batch = batch
        self.microBatchTokens = microBatchTokens
        self.learningRate = learningRate
        self.warmup = warmup
        self.decay = decay
        self.optimizer = optimizer
        self.gradientNorm = gradientNorm
        self.seed = seed
        self.evaluateEvery = evaluateEvery
        self.patience = patience
        self.checkpointEvery = checkpointEvery
    }

    /// Steps of the whole stage, should nothing stop it early.
    func steps(perEpoch: Int) -> Int {
        let wanted = max(1, (epochs * Double(perEpoch)).rounded())
        let steps = wanted < 1e12 ? Int(wanted) : 1_000_000_000_000
        return min(steps, max(1, maxSteps ?? steps))
    }
}
