import ClusterModel
import Foundation

extension RunConfiguration {
    /// What must hold between keys, and files that must exist; all that does not is in the one error that is thrown.
    package func check() throws {
        var problems = Problems(places: places)
        if arithmetic == .exact, device != "cpu" {
            problems.add("arithmetic", "exact arithmetic is for the cpu; leave it out, or write device: cpu")
        }
        if arithmetic == .exact, ppo.dtype != .float32 {
            problems.add("ppo.dtype", "exact arithmetic is in float32; leave one of the two out")
        }
        checkStages(&problems)
        checkModels(&problems)
        checkData(&problems)
        checkArchitecture(&problems)
        checkTraining(&problems)
        if stages.contains(.ppo) {
            checkRollout(&problems)
            checkRewards(&problems)
            checkPPO(&problems)
        }
        checkEvaluation(&problems)
        guard problems.found.isEmpty else { throw ConfigurationError(.rule, problems.found) }
    }

    private func checkStages(_ problems: inout Problems) {
        if Set(stages).count != stages.count { problems.add("stages", "each stage may stand only once") }
        let order = stages.compactMap { Stage.allCases.firstIndex(of: $0) }
        if order != order.sorted() {
            problems.add("stages", "must stand in this order: \(Stage.choices.joined(separator: ", "))")
        }
        if stages.contains(.evaluate), !stages.contains(.ppo), !Files.isDirectory(policyDirectory) {
            problems.add("stages", "evaluate needs the stage ppo, or a policy at \(policyDirectory)")
        }
    }

    private func checkModels(_ problems: inout Problems) {
        if stages.contains(.pretrain) {
            if models.base == nil, architecture == nil {
                problems.add(
                    "architecture",
                    "the stage pretrain needs the shape of a new model here, or models.base to go on from")
            }
            if models.base != nil, architecture != nil {
                problems.add("architecture", "models.base already has a shape; leave one of the two out")
            }
        } else if models.base == nil, stages.contains(.sft) {
            problems.add("models.base", "the stage sft needs a model to start from: name a Hugging Face directory")
        }
        if stages.contains(.rewardModel), models.policy == nil {
            problems.add(
                "models.base", "the stage reward_model needs a model to start from: name a Hugging Face directory")
        }
        if stages.contains(.ppo) {
            if models.policy == nil {
                problems.add("models.policy", "the stage ppo needs a policy: name models.base or models.policy")
            }
            if rewards.contains(where: { $0.model.map { $0.path == nil } ?? false }) {
                problems.add(
                    "models.reward",
                    "a reward of kind model needs a reward model: name its directory, or add the stage reward_model")
            }
        }
        let made = Set(
            (stages.contains(.pretrain) ? [pretrainedDirectory] : []) + (stages.contains(.sft) ? [sftDirectory] : [])
                + (stages.contains(.rewardModel) ? [rewardModelDirectory] : []))
        func paths(_ rewards: [RewardSection], _ list: String) -> [(String, String?)] {
            rewards.enumerated().compactMap { index, reward in
                reward.model?.path.flatMap { $0 == models.reward ? nil : ("\(list).\(index).path", $0) }
            }
        }
        let rewardPaths =
            paths(rewards, "rewards") + (answersHeldOut ? paths(evaluation.rewards, "evaluation.rewards") : [])
        let named = [
            ("models.base", models.base), ("models.policy", models.policy), ("models.reference", models.reference),
            ("models.reward", models.reward),
        ]
        // Policy and reference take their value from the base: a wrong path is said once.
        var missing: Set<String> = []
        for case (let key, let path?) in named + rewardPaths where !made.contains(path) && !missing.contains(path) {
            if !Files.exists(path + "/config.json") { missing.insert(path) }
            if !Files.isDirectory(path) {
                problems.add(key, "there is no directory \(path)")
            } else if !Files.exists(path + "/config.json") {
                let isAdapter = Files.exists(path + "/adapter_config.json")
                problems.add(
                    key,
                    isAdapter
                        ? "\(path) is a PEFT adapter alone; merge it into its model (merge_and_unload) and name the result"
                        : "\(path) holds no config.json, so it is no Hugging Face directory")
            } else if key == "models.reward" ? stages.contains(.ppo) : key.hasSuffix(".path"),
                let trouble = RewardModelLayout(path).trouble
            {
                problems.add(key, trouble)
            }
        }
    }

    private func checkData(_ problems: inout Problems) {
        let needed: [(Stage, String, String?)] = [
            (.pretrain, "data.pretrain", data.pretrain), (.sft, "data.sft", data.sft),
            (.rewardModel, "data.preferences", data.preferences), (.ppo, "data.prompts", data.prompts),
            (.evaluate, "data.evaluation_prompts", data.evaluationPrompts),
        ]
        if stages.contains(.ppo), !stages.contains(.evaluate), evaluation.every != nil {
            if let path = data.evaluationPrompts {
                if let trouble = Files.trouble(path) { problems.add("data.evaluation_prompts", trouble) }
            } else {
                problems.add("data.evaluation_prompts", "evaluation.every needs this file")
            }
        }
        for (stage, key, path) in needed where stages.contains(stage) {
            guard let path else {
                problems.add(key, "the stage \(stage.rawValue) needs this file")
                continue
            }
            if let trouble = Files.trouble(path) { problems.add(key, trouble) }
        }
        if stages.contains(.rewardModel), let path = data.preferencesValidation, let trouble = Files.trouble(path) {
            problems.add("data.preferences_validation", trouble)
        }
    }

    private func checkArchitecture(_ problems: inout Problems) {
        guard stages.contains(.pretrain), let shape = architecture else { return }
        if shape.hidden % shape.heads != 0 {
            problems.add("architecture.heads", "hidden (\(shape.hidden)) must be a multiple of heads (\(shape.heads))")
        } else if (shape.hidden / shape.heads) % 2 != 0 {
            problems.add("architecture.heads", "hidden / heads must be even: rotary embeddings turn pairs")
        }
        if shape.heads % shape.kvHeads != 0 {
            problems.add(
                "architecture.kv_heads", "heads (\(shape.heads)) must be a multiple of kv_heads (\(shape.kvHeads))")
        }
        if stages.contains(.ppo), rollout.maxNewTokens >= shape.context {
            problems.add(
                "rollout.max_new_tokens",
                "\(rollout.maxNewTokens) new tokens leave no room for a prompt in architecture.context \(shape.context)"
            )
        }
    }
}

/// What is wrong, each with its place in the file.
struct Problems {
    let places: KeyPlaces
    var found: [ConfigurationError.Problem] = []

    init(places: KeyPlaces) { self.places = places }

    mutating func add(_ key: String, _ message: String) {
        found.append(.init(place: places.place(of: key), key: key, message: message))
    }
}

/// Questions to the file system.
enum Files {
    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    static func isDirectory(_ path: String) -> Bool {
        var directory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &directory) && directory.boolValue
    }

    /// Why the file cannot be read; nil when it can.
    static func trouble(_ path: String) -> String? {
        if !exists(path) { return "there is no file \(path)" }
        if isDirectory(path) { return "\(path) is a directory; name the file of JSON lines in it" }
        return FileManager.default.isReadableFile(atPath: path) ? nil : "\(path) may not be read"
    }
}
