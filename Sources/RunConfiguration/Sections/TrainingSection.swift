import ClusterModel

/// How a supervised stage trains: pretrain, sft and, with more keys, reward_model.
package struct TrainingSection: ConfigurationSection, Equatable {
    package enum Precision: String, Sendable, CaseIterable, ChoiceValue { case float32, bfloat16 }
    /// What weight decay leaves alone: see `weight_decay_on`.
    package enum WeightDecayScope: String, Sendable, CaseIterable, ChoiceValue { case matrices, all }
    package enum TurnLoss: String, Sendable, CaseIterable, ChoiceValue { case all, last }
    package enum Decay: String, Sendable, CaseIterable, ChoiceValue { case linear, cosine, constant }

    /// Which of the assistant's turns are learned; nil where there are no conversations.
    package var loss: TurnLoss?
    package var epochs = 1.0
    package var maxSteps: Int?
    package var learningRate = 2e-5
    package var batchSize = 32
    package var tokenBudget = 4096
    package var warmup = 0.05
    package var schedule = Decay.linear
    package var weightDecay = 0.0
    package var weightDecayOn = WeightDecayScope.matrices
    package var betas = [0.9, 0.95]
    package var epsilon = 1e-8
    package var clipNorm = 1.0
    package var validationFraction = 0.02
    package var evaluateEvery: Int?
    package var patience: Int?
    package var checkpointEvery: Int?
    package var packing = false
    package var dtype = Precision.float32
    package var gradientCheckpointing = false
    package var threads = 2
    package var lora: LoRASection?

    package init() {}

    init(
        learningRate: Double, epochs: Double, schedule: Decay = .linear, weightDecay: Double = 0, loss: TurnLoss? = nil
    ) {
        self.loss = loss
        self.learningRate = learningRate
        self.epochs = epochs
        self.schedule = schedule
        self.weightDecay = weightDecay
    }

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        if var chosen = loss {
            keys.value("loss", &chosen, "Which of the assistant's turns of a conversation are learned.")
            loss = chosen
        }
        keys.value("epochs", &epochs, .above(0), "Passes over the data; a fraction is allowed.")
        keys.optional("max_steps", &maxSteps, .atLeast(1), "Optimizer steps at most; off: as many as the epochs take.")
        keys.value("learning_rate", &learningRate, .within(0...10), "Peak learning rate.")
        keys.value("batch_size", &batchSize, .within(1...1_000_000), "Sequences (or pairs) of one optimizer step.")
        keys.value("token_budget", &tokenBudget, .atLeast(1), "Tokens of one micro-batch, padding included.")
        keys.value("warmup", &warmup, .within(0...1), "Share of the steps over which the rate climbs to its peak.")
        keys.value("schedule", &schedule, "What the rate does after that.")
        keys.value("weight_decay", &weightDecay, .within(0...10), "AdamW's weight decay.")
        keys.value("weight_decay_on", &weightDecayOn, .weightDecayHelp)
        keys.list("betas", &betas, .betas, "AdamW's two betas.")
        keys.value("epsilon", &epsilon, .above(0), "AdamW's epsilon.")
        keys.value("clip_norm", &clipNorm, .above(0), "Gradients are scaled down to this norm.")
        keys.value("validation_fraction", &validationFraction, .within(0...0.5), "Share of the data that is held out.")
        keys.optional(
            "evaluate_every", &evaluateEvery, .atLeast(1),
            "Steps between looks at the held-out data; the best weights are kept. off: each epoch if patience is set.")
        keys.optional(
            "patience", &patience, .atLeast(1), "Looks in a row that find nothing better before it stops early.")
        keys.optional(
            "checkpoint_every", &checkpointEvery, .atLeast(1),
            "Steps between checkpoints, from which the same command goes on after an interruption, bit for bit.",
            changes: .free)
        keys.value(
            "dtype", &dtype,
            "Of the weights that compute; with bfloat16 the optimizer keeps copies in float32, or only the adapter is.")
        keys.value(
            "packing", &packing,
            "Put several sequences into a line, apart by masks and positions: no time goes into padding.")
        keys.value(
            "gradient_checkpointing", &gradientCheckpointing,
            "Keep less for the backward pass and compute it again: less memory, a third more work, the same bits.",
            changes: .free)
        keys.value(
            "threads", &threads, .within(SetupLimits.threads),
            "Threads that compute; the result depends on their number.")
        keys.optionalSection("lora", &lora, "Train low-rank adapters in place of the whole model.")
    }

    /// Whether held-out data are looked at while it trains.
    package var validates: Bool { patience != nil || evaluateEvery != nil }
}

extension String {
    static let weightDecayHelp = "matrices: neither biases, norms nor embeddings decay. all: every parameter does."
}

extension Rule where T == [Double] {
    static var betas: Rule {
        Rule(says: "two numbers from 0 to below 1") { $0.count == 2 && $0.allSatisfy { (0..<1).contains($0) } }
    }
}

/// How the reward model is trained.
package struct RewardModelSection: ConfigurationSection, Equatable {
    package var training = TrainingSection(learningRate: 1e-5, epochs: 1)
    package var labelSmoothing = 0.0
    package var margin = 0.0
    package var normalise = true

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        training.visit(&keys)
        keys.value("label_smoothing", &labelSmoothing, .within(0...0.5), "Share of labels that are taken to be wrong.")
        keys.value(
            "margin", &margin, .within(0...100),
            "By how much the chosen answer must win before the loss is content; a pair's own margin is added.")
        keys.value(
            "normalise", &normalise,
            "Shift and scale rewards to mean 0 and deviation 1 over the held-out completions; with fewer than 50, not.")
    }
}
