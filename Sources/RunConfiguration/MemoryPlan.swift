/// About how much memory each process of a PPO run takes at its peak.
///
/// The terms are what the code holds at a time; the factors are fitted to measured peaks (resident memory of the processes,
/// fp32, Linux x86_64): 113 million parameters, `token_budget` 1,024: learner 5.9 GB, generator 2.1, scorer 1.0; 191 million,
/// 640 tokens: learner 10.9, generators 3.1 to 3.8; Gemma 3 270M with LoRA, `token_budget` 4,096: learner 10.0. Computed
/// figures were within a fifth of these.
package struct MemoryPlan: Sendable {
    /// What the plan needs to know of the policy.
    package struct Model: Sendable, Codable {
        /// Weights of the model, embeddings included.
        package var parameters: Int
        package var layers: Int
        package var hidden: Int
        package var intermediate: Int
        package var vocabulary: Int
        /// Key-value heads times their size.
        package var keyValueWidth: Int

        package init(
            parameters: Int, layers: Int, hidden: Int, intermediate: Int, vocabulary: Int, keyValueWidth: Int
        ) {
            self.parameters = parameters
            self.layers = layers
            self.hidden = hidden
            self.intermediate = intermediate
            self.vocabulary = vocabulary
            self.keyValueWidth = keyValueWidth
        }
    }

    package struct Part: Sendable, Equatable {
        package var name: String
        package var count: Int
        /// Bytes of one process.
        package var bytes: Double
    }

    private static let float = 4.0
    /// An engine without a model.
    private static let process = 0.16e9
    /// Rows of log-probabilities that are computed at a time, and tensors of their size.
    private static let headRows = 1024.0
    private static let headCopies = 3.0
    /// Copies of the weights in a generator while it takes a new version: those in use, the packed ones, what arrives.
    private static let generatorCopies = 4.3
    /// Beside weights, gradients and two moments: versions that are served, and a checkpoint under way.
    private static let servedCopies = 2.5
    private static let scorerCopies = 2.0

    package let parts: [Part]
    /// Bytes of all processes on one machine.
    package var total: Double { parts.reduce(0) { $0 + Double($1.count) * $1.bytes } }

    package init(_ run: RunConfiguration, _ model: Model) {
        let weights = Self.float * Double(model.parameters)
        var parts = [Part(name: "learner", count: 1, bytes: Self.learner(run, model, weights))]
        if run.roles.generator.count > 0 {
            let rows = Double(
                min(run.rollout.rowsInFlight, (run.rollout.promptsPerJob ?? 16) * run.rollout.samplesPerPrompt))
            let places = Double(run.rollout.maxNewTokens + run.rollout.maxPromptTokens)
            let cache = rows * places * Double(model.layers * 2 * model.keyValueWidth) * Self.float
            parts.append(
                Part(
                    name: "generator", count: run.roles.generator.count,
                    bytes: Self.process + Self.generatorCopies * weights + cache))
        }
        if run.roles.scorer.count > 0 {
            let models = (run.ppo.referenceFromBase ? 0 : 1) + run.rewards.count { $0.model != nil }
            parts.append(
                Part(
                    name: "scorer", count: run.roles.scorer.count,
                    bytes: Self.process + Double(models) * Self.scorerCopies * weights))
        }
        self.parts = parts
    }

    private static func learner(_ run: RunConfiguration, _ model: Model, _ weights: Double) -> Double {
        let tokens = Double(run.ppo.tokenBudget)
        let layer = float * Double(14 * model.hidden + 4 * model.intermediate)
        let kept =
            run.ppo.gradientCheckpointing
            ? Double(model.layers) * float * Double(model.hidden) + layer : Double(model.layers) * layer
        let head = min(tokens, headRows) * Double(model.vocabulary) * float * headCopies
        let models: Double
        if run.ppo.lora == nil {
            models = (run.ppo.advantage == .gae ? 8 : 4) + servedCopies
        } else {
            models = run.ppo.sharesBase || run.ppo.advantage != .gae ? 1 : 2
        }
        // The learner measures held-out prompts itself: by the policy as it is exported, and its reference.
        let measured = run.measuresSteps ? 2.0 : 0
        return process + (models + measured) * weights + tokens * kept + head
    }

    /// `memory, about: learner 5.9 GB, 2 generators of 2.1 GB, scorer 1.0 GB: 11 GB in all; this machine has 25 GB`
    ///
    /// - Parameter machine: bytes of the machine that the command runs on.
    package func sentence(machine: Double) -> String {
        func gigabytes(_ bytes: Double) -> String {
            let value = bytes / 1e9
            return value < 10 ? "\((value * 10).rounded() / 10) GB" : "\(Int(value.rounded())) GB"
        }
        let words = parts.map { part in
            part.count == 1
                ? "\(part.name) \(gigabytes(part.bytes))"
                : "\(part.count) \(part.name)s of \(gigabytes(part.bytes))"
        }
        let fits = total <= machine
        return "memory, about: \(words.joined(separator: ", ")): \(gigabytes(total)) in all; "
            + "this machine has \(gigabytes(machine))"
            + (fits
                ? ""
                : ", too little for all of them: lower ppo.token_budget, train with ppo.lora, or start workers elsewhere")
    }
}
