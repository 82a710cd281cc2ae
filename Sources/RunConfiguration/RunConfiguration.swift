package import ClusterModel
package import RunLayout

/// One run, as its YAML file describes it, with every default filled in.
///
/// A plain value: made once by ``load(path:overrides:)``, checked by ``check()``; what each role is told of it is ``setups()``.
package struct RunConfiguration: Sendable, Equatable {
    package var name = "run"
    package var seed: UInt64 = 1
    package var device = "cpu"
    package var arithmetic = ArithmeticMode.fast
    package var runDirectory = "runs/run"
    package var stages: [Stage] = [.ppo]
    package var models = ModelsSection()
    package var data = DataSection()
    /// Present when the stage pretrain is to make a model from nothing.
    package var architecture: ArchitectureSection?
    package var pretrain = TrainingSection(learningRate: 3e-4, epochs: 1, schedule: .cosine, weightDecay: 0.1)
    package var sft = TrainingSection(learningRate: 2e-5, epochs: 2, loss: .all)
    package var rewardModel = RewardModelSection()
    package var rollout = RolloutSection()
    package var rewards: [RewardSection] = [RewardSection()]
    package var schedule = ScheduleSection()
    package var ppo = PPOSection()
    package var evaluation = EvaluationSection()
    package var coordinator = CoordinatorSection()
    package var start = StartSection()
    package var roles = RolesSection()
    /// Where each key stood, for messages of ``check()``. Not part of the value.
    var places = KeyPlaces()

    static let runDirectoryKey = "run_directory"

    package init() {}

    /// Whether log-probabilities of generator and learner are to be equal to the bit.
    package var isExact: Bool { arithmetic == .exact }

    /// Directories that the stages make.
    package var layout: RunLayout { RunLayout(runDirectory) }
    package var pretrainedDirectory: String { layout[.pretrained] }
    package var sftDirectory: String { layout[.sft] }
    package var rewardModelDirectory: String { layout[.rewardModel] }
    package var policyDirectory: String { layout[.policy] }

    /// What the stage sft starts from: the given base, or what the stage pretrain makes.
    package var baseDirectory: String? {
        stages.contains(.pretrain) ? pretrainedDirectory : models.base
    }

}

extension ArithmeticMode: ChoiceValue {}

extension RunConfiguration: ConfigurationSection {
    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("name", &name, .notEmpty, "Name of the run, for people.", changes: .free)
        keys.value("seed", &seed, "Decides every random number.")
        keys.value("device", &device, .device, "Where tensors live.")
        keys.value(
            "arithmetic", &arithmetic,
            "exact: log-probabilities of generator and learner are equal to the bit, on the cpu, slower. fast: to 1e-4."
        )
        keys.value(
            Self.runDirectoryKey, &runDirectory, .notEmpty, "Where everything of the run is kept.", changes: .free)
        keys.list(
            "stages", &stages, .atLeastOne(), "What is done, in this order: pretrain, sft, reward_model, ppo, evaluate."
        )
        keys.section("models", &models, "The models of the run.")
        keys.section("data", &data, "Files of JSON lines.")
        keys.optionalSection("architecture", &architecture, "Shape of the model that pretrain makes.")
        keys.section(Stage.pretrain.rawValue, &pretrain, "Training on plain text.")
        keys.section(Stage.sft.rawValue, &sft, "Supervised fine-tuning on demonstrations.")
        keys.section(Stage.rewardModel.rawValue, &rewardModel, "Training of the reward model on pairs.")
        keys.section("rollout", &rollout, "How answers are sampled.")
        keys.sections("rewards", &rewards, "What is rewarded.")
        keys.section("schedule", &schedule, "Which version of the policy samples which step.")
        keys.section(Stage.ppo.rawValue, &ppo, "Proximal policy optimization.")
        keys.section("evaluation", &evaluation, "The policy against its start.", changes: .free)
        keys.section("coordinator", &coordinator, "Where the coordinator listens.", changes: .free)
        keys.section("start", &start, "Whom the run waits for at its start.", changes: .free)
        keys.section("roles", &roles, "Processes on this machine.")
    }
}

extension Rule where T == String {
    static var device: Rule {
        Rule(says: "cpu, cuda, cuda:N or mps") { text in
            ["cpu", "mps"].contains(text) || text == "cuda"
                || (text.hasPrefix("cuda:") && UInt8(text.dropFirst(5)) != nil)
        }
    }
}
