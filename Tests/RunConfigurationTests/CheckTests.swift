import Foundation
import Testing

@testable import RunConfiguration

/// A model directory and data files that are there.
struct Workplace: ~Copyable {
    let root: URL

    init() throws {
        root = FileManager.default.temporaryDirectory.appending(path: "check-\(UUID())")
        try FileManager.default.createDirectory(at: root.appending(path: "model"), withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: root.appending(path: "model/config.json"))
        for name in ["text", "demos", "pairs", "prompts", "held"] {
            try Data("{}\n".utf8).write(to: root.appending(path: name))
        }
    }

    deinit { try? FileManager.default.removeItem(at: root) }

    var yaml: String {
        """
        run_directory: \(root.path)/run
        stages: [sft, reward_model, ppo, evaluate]
        models: {base: \(root.path)/model}
        data: {directory: \(root.path), sft: demos, preferences: pairs, prompts: prompts, evaluation_prompts: held}
        """
    }

    func problems(_ overrides: String...) -> [String] { problems(overrides) }

    func problems(_ overrides: [String]) -> [String] {
        do {
            try RunConfiguration.parse(yaml, overrides: overrides).check()
            return []
        } catch let error as ConfigurationError {
            return error.problems.map { "\($0)" }
        } catch {
            return ["\(error)"]
        }
    }
}

@Suite struct CheckTests {
    @Test func aRunThatCanWorkPasses() throws {
        let place = try Workplace()
        #expect(place.problems() == [])
        try place.writeRewardModel("rm", "{}", ["score.weight": [1, 2]])
        #expect(place.problems("stages=[ppo]", "models.reward=\(place.root.path)/rm") == [])
        #expect(place.problems("stages=[ppo]", "rewards=[{kind: regex, pattern: x}]", "ppo.critic_from=policy") == [])
        let servers =
            "[{kind: http, url: 'http://[::1]:8000/score'}, {kind: http, name: b, url: 'https://judge.example/v1/x'}]"
        #expect(place.problems("stages=[ppo]", "rewards=\(servers)", "ppo.critic_from=policy") == [])
        #expect(
            place.problems(
                "stages=[pretrain,sft,reward_model,ppo]", "models.base=", "architecture={}", "data.pretrain=text")
                == [])
    }

    /// The samples of one prompt need not fit into one message.
    @Test func manyLongSamplesPass() throws {
        let place = try Workplace()
        #expect(
            place.problems(
                "rollout.samples_per_prompt=64", "rollout.max_new_tokens=8192", "rollout.prompts_per_step=4",
                "ppo.minibatches=4") == [])
        #expect(place.problems("rollout.prompts_per_job=64", "rollout.max_new_tokens=4096") == [])
        #expect(place.problems("rollout.samples_per_prompt=1024", "rollout.max_new_tokens=32768") == [])
    }

    /// One engine checks and searches, in Python's syntax.
    @Test func patternsAreThoseOfPython() throws {
        let place = try Workplace()
        func problems(_ pattern: String) -> [String] {
            place.problems("rewards=[{kind: regex, pattern: '\(pattern)'}]")
        }
        for pattern in ["(?P<x>a)(?P=x)", "a{,3}", "(?<=a)b", "[]a]", "(?s)^<think>.*?</think>$", "a++"] {
            #expect(problems(pattern) == [], "\(pattern)")
        }
        for (pattern, reason) in [
            ("(", "this group is not closed"), ("(a)(?(1)b)", "conditional"), ("a(?i)b", "whole pattern"),
            (#"\h"#, "does not exist in Python"), ("a**", "multiple repeat"),
        ] {
            let found = problems(pattern)
            #expect(found.count == 1 && found[0].contains("rewards.0.pattern") && found[0].contains(reason), "\(found)")
        }
    }

    @Test func exactArithmeticIsForTheCPUInFloat32() throws {
        let place = try Workplace()
        #expect(place.problems("arithmetic=exact") == [])
        #expect(place.problems("ppo.dtype=bfloat16") == [])
        let found = place.problems("arithmetic=exact", "device=cuda", "ppo.dtype=bfloat16")
        #expect(found.contains { $0.contains("arithmetic") } && found.contains { $0.contains("ppo.dtype") }, "\(found)")
    }

    @Test func filesThatAreMissingAreNamedWithTheirPlace() throws {
        let place = try Workplace()
        let found = place.problems("models.reference=\(place.root.path)/gone", "data.sft=gone.jsonl")
        #expect(found.count == 2)
        #expect(found.contains { $0.contains("models.reference: there is no directory") })
        #expect(found.contains { $0.hasPrefix("--set data.sft=gone.jsonl: data.sft: there is no file") })
        try FileManager.default.removeItem(at: place.root.appending(path: "model/config.json"))
        #expect(place.problems().first?.contains("run.yaml:3:16: models.base:") == true)
        #expect(place.problems().first?.contains("holds no config.json") == true)
        #expect(place.problems("data.prompts=model").contains { $0.contains("is a directory") })
    }

    @Test func keysThatDoNotWorkTogetherAreNamed() throws {
        let place = try Workplace()
        let cases: [([String], String)] = [
            (["ppo.minibatches=5"], "ppo.minibatches: a step has 64 samples"),
            (["stages=[ppo,sft]"], "stages: must stand in this order"),
            (["stages=[sft,sft]"], "each stage may stand only once"),
            (["stages=[ppo]"], "models.reward: a reward of kind model needs a reward model"),
            (
                ["stages=[pretrain]", "models.base=", "data.pretrain=text"],
                "architecture: the stage pretrain needs the shape"
            ),
            (["ppo.critic=shared", "ppo.advantage=rloo"], "ppo.critic: shared needs advantage gae"),
            (["ppo.advantage=grpo"], "rollout.samples_per_prompt: advantage grpo compares"),
            (["rollout.prompts_per_job=65"], "a job of 65 prompts"),
            (["rollout.max_new_tokens=43000"], "one answer may take"),
            (["rewards=[{kind: model},{kind: model}]"], "two rewards are called 'model'"),
            (["rewards=[{kind: model, weight: 0}]"], "at least one reward must have a weight"),
            (["rewards=[{kind: regex}]"], "needs a pattern"),
            (["rewards=[{kind: regex, pattern: '('}]"], "is no regular expression"),
            (["rewards=[{kind: length}]"], "needs a target, a minimum or a maximum"),
            (["rewards=[{kind: length, minimum: 3, maximum: 2}]"], "the minimum 3 is above"),
            (["rewards=[{kind: keyword, words: ['']}]"], "needs words"),
            (["rewards=[{kind: command}]"], "needs a program"),
            (["rewards=[{kind: swift}]"], "needs the name it is registered under"),
            (["rewards=[{kind: http}]"], "needs the URL of a server"),
            (["rewards=[{kind: http, url: 'ftp://127.0.0.1/'}]"], "starts neither with http:// nor"),
            (["rewards=[{kind: http, url: 'http://judge.example/score'}]"], "judge.example is not this machine"),
            (["rewards=[{kind: http, url: 'http://127.0.0.1.example/'}]"], "is not this machine"),
            (["rewards=[{kind: http, url: 'https://me:secret@judge.example/'}]"], "by token_env"),
            (["ppo.guard.held_out_reward=x"], "no reward is called 'x'"),
            (["ppo.guard.held_out_reward=model"], "is trained on"),
            (["ppo.old_log_probabilities=generator", "schedule.mode=lag"], "older version in mode lag"),
        ]
        for (overrides, message) in cases {
            do {
                try RunConfiguration.parse(place.yaml, overrides: overrides).check()
                Issue.record("\(overrides) passes")
            } catch {
                #expect("\(error)".contains(message), "\(overrides)")
            }
        }
    }

    @Test func aNewModelMustHaveAShapeThatWorks() throws {
        let place = try Workplace()
        let shape = "architecture={hidden: 100, heads: 8, kv_heads: 3, context: 64}"
        let found = place.problems(
            "stages=[pretrain,sft,reward_model,ppo]", "models.base=", "data.pretrain=text", shape)
        #expect(found.contains { $0.contains("hidden (100) must be a multiple of heads (8)") })
        #expect(found.contains { $0.contains("heads (8) must be a multiple of kv_heads (3)") })
        #expect(found.contains { $0.contains("leave no room for a prompt") })
    }

    @Test func asManyHeadsOfKeysAsHeadsUnlessTheFileSaysSo() throws {
        let place = try Workplace()
        for (shape, count) in [
            ("{heads: 2}", 2), ("{heads: 8}", 8), ("{heads: 8, kv_heads: 2}", 2), ("{layers: 1}", 4),
        ] {
            let run = try RunConfiguration.parse(place.yaml, overrides: ["architecture=\(shape)"])
            #expect(run.architecture?.kvHeads == count, "\(shape)")
        }
    }
}
