import Foundation
import Testing

@testable import RunConfiguration

func problems(_ yaml: String, set overrides: [String] = []) -> [ConfigurationError.Problem] {
    do {
        _ = try RunConfiguration.parse(yaml, overrides: overrides)
        return []
    } catch let error as ConfigurationError {
        return error.problems
    } catch {
        Issue.record("another error: \(error)")
        return []
    }
}

@Suite struct ReadingTests {
    @Test func emptyFileHasTheDefaultsOfThePublishedPage() throws {
        let configuration = try RunConfiguration.parse("")
        #expect(configuration.ppo.epochs == 4 && configuration.ppo.minibatches == 4)
        #expect(configuration.ppo.lambda == 0.95 && configuration.ppo.gamma == 1)
        #expect(configuration.ppo.learningRate == 3e-6 && configuration.ppo.criticLearningRate == 5e-6)
        #expect(configuration.ppo.betas == [0.9, 0.95] && configuration.ppo.epsilon == 1e-5)
        #expect(configuration.ppo.kl.coefficient == 0.05 && configuration.ppo.kl.target == 6)
        #expect(configuration.ppo.targetKL == 0.1 && configuration.ppo.dualClip == nil)
        #expect(configuration.ppo.rewardClip == 5 && configuration.ppo.missingEOSPenalty == 1)
        #expect(
            configuration.rewards
                == [RewardSection()].map {
                    var r = $0; r.name = "model"; return r
                })
        #expect(configuration.schedule.versionsBehind == 0)
        #expect(configuration.coordinator.status == "127.0.0.1:8265")
        #expect(configuration.rollout.promptsPerJob == 16)
    }

    @Test func aCommentOrNullAloneIsAnEmptyFile() throws {
        #expect(try RunConfiguration.parse("# nothing\n") == RunConfiguration.parse(""))
        #expect(try RunConfiguration.parse("~\n") == RunConfiguration.parse(""))
        #expect(try RunConfiguration.parse("ppo:\n") == RunConfiguration.parse(""))
    }

    @Test func everyKindOfValueIsRead() throws {
        let configuration = try RunConfiguration.parse(
            """
            name: 12
            seed: 18446744073709551615
            stages: [pretrain, sft, reward_model, ppo, evaluate]
            architecture: {layers: 6, hidden: 256, vocabulary: 4_096}
            ppo:
              learning_rate: 3e-4
              target_kl: off
              dual_clip: 3
              critic: shared
              kl: {controller: adaptive, in: loss, estimator: k2}
              guard: {repeated_4gram_alarm: null, window: 5}
            rewards:
              - kind: model
              - {kind: length, name: short, weight: 0.5, maximum: 40, per_token: 0.1}
              - {kind: command, argv: [python3, score.py], timeout_s: 5}
            """)
        #expect(configuration.name == "12" && configuration.seed == .max)
        #expect(configuration.stages == Stage.allCases)
        #expect(configuration.architecture?.layers == 6 && configuration.architecture?.vocabulary == 4096)
        #expect(configuration.ppo.learningRate == 3e-4 && configuration.ppo.targetKL == nil)
        #expect(configuration.ppo.dualClip == 3 && configuration.ppo.critic == .shared)
        #expect(configuration.ppo.kl.controller == .adaptive && configuration.ppo.kl.place == .loss)
        #expect(configuration.ppo.drift.repeated4gramAlarm == nil && configuration.ppo.drift.window == 5)
        #expect(configuration.rewards.map(\.name) == ["model", "short", "command"])
        guard case .length(let length) = configuration.rewards[1].kind else {
            Issue.record("not a length reward")
            return
        }
        #expect(length.maximum == 40 && length.perToken == 0.1 && length.target == nil)
    }

    @Test(arguments: ["{mode: lag, lag: 2}", "{mode: {lag: 2}}", "{lag: 2, mode: lag}"])
    func lagHasTwoSpellings(_ schedule: String) throws {
        #expect(try RunConfiguration.parse("schedule: \(schedule)").schedule.versionsBehind == 2)
    }

    @Test func unknownKeyNamesPlaceAndTheKeyThatWasMeant() {
        let found = problems("name: x\nppo:\n  learning_rte: 1\n  zzz: 2\n")
        #expect(found.count == 2)
        #expect(found.first?.place == "run.yaml:3:3")
        #expect(found.first?.key == "ppo.learning_rte")
        #expect(found.first?.suggestion == "did you mean 'learning_rate'?")
        #expect(found.last?.suggestion?.hasPrefix("known here: steps, epochs") == true)
    }

    @Test func allProblemsAreReportedAtOnce() {
        let found = problems(
            """
            seed: -1
            stages: [sfft]
            ppo:
              clip: 7
              gamma: "0.5"
              whiten_rewards: maybe
            rollout: [1]
            rewards: {kind: model}
            """)
        #expect(
            Set(found.map { "\($0)" }) == [
                "run.yaml:1:7: seed: must be a whole number, 0 or more, not '-1'",
                "run.yaml:2:10: stages.0: must be one of pretrain, sft, reward_model, ppo, evaluate, not 'sfft'; did you mean 'sft'?",
                "run.yaml:7:10: rollout: must be a mapping of keys to values, not a list",
                "run.yaml:8:10: rewards: must be a list of mappings, not a mapping",
                "run.yaml:5:10: ppo.gamma: must be a number, not '0.5' in quotes",
                "run.yaml:6:19: ppo.whiten_rewards: must be true or false, not 'maybe'",
                "run.yaml:4:9: ppo.clip: must be from 1e-06 to 1.0, not '7'",
            ])
    }

    @Test(arguments: [
        "ppo: {learning_rate: nan}", "ppo: {learning_rate: inf}", "ppo: {learning_rate: 0x1p3}",
        "ppo: {learning_rate: 1e999}", "ppo: {epochs: 1.5}", "ppo: {epochs: 99999999999999999999}", "ppo: {steps: 0}",
        "ppo: {betas: [0.9]}", "ppo: {betas: [0.9, 1]}", "ppo: {adam: jax}", "rollout: {temperature: 0}",
        "device: gpu", "device: 'cuda:x'", "coordinator: {bind: 'udp://x'}", "coordinator: {status: '8265'}",
        "run_directory: ''", "run_directory: ~", "ppo: 3", "ppo: {1: 2}", "rewards: [model]",
        "rewards: [{kind: length, pattern: x}]", "evaluation: {kl_budget: 0}", "- a\n- b", "just words",
    ])
    func wrongValuesAreErrorsWithAPlace(_ yaml: String) {
        let found = problems(yaml)
        #expect(!found.isEmpty)
        #expect(found.allSatisfy { $0.place.hasPrefix("run.yaml:1:") || yaml.hasPrefix("-") })
    }

    @Test(arguments: [
        "ppo: {clip: 0.1", "a: b: c", "\tname: x", "name: x\nname: y", "a: *nothing", "? [a, b]\n: c", "\u{0}",
        "--- a\n--- b",
    ])
    func brokenYAMLIsASyntaxError(_ yaml: String) {
        #expect {
            _ = try RunConfiguration.parse(yaml)
        } throws: { error in
            (error as? ConfigurationError).map { $0.code == .syntax && !$0.message.isEmpty } == true
        }
    }

    @Test func deepAndBoundlessFilesAreRefused() {
        let deep = String(repeating: "[", count: 50_000) + String(repeating: "]", count: 50_000)
        #expect(throws: ConfigurationError.self) { try RunConfiguration.parse("name: " + deep) }
        var bomb = "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
        for (name, of) in zip("bcdefghij", "abcdefghi") {
            bomb += "\(name): &\(name) [\(Array(repeating: "*\(of)", count: 10).joined(separator: ", "))]\n"
        }
        #expect(throws: ConfigurationError.self) { try RunConfiguration.parse(bomb) }
    }

    @Test func filesThatCannotBeReadSayWhy() throws {
        #expect {
            try RunConfiguration.load(path: "/nonexistent/run.yaml")
        } throws: { "\($0)".contains("/nonexistent/run.yaml: cannot open the run file: No such file") }
        let directory = FileManager.default.temporaryDirectory.appending(path: "config-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        #expect(throws: ConfigurationError.self) { try RunConfiguration.load(path: directory.path) }
        let file = directory.appending(path: "run.yaml")
        try Data([0x6E, 0xFF, 0xFE]).write(to: file)
        #expect { try RunConfiguration.load(path: file.path) } throws: { "\($0)".contains("not UTF-8") }
        try Data(repeating: 0x20, count: (1 << 20) + 1).write(to: file)
        #expect { try RunConfiguration.load(path: file.path) } throws: { "\($0)".contains("larger than 1 MiB") }
    }

    @Test(arguments: [
        ("learnin_rate", "learning_rate"), ("stpes", "steps"), ("minibatch", "minibatches"), ("lamda", "lambda"),
    ])
    func suggestionsFindTypingErrors(_ typed: String, _ meant: String) {
        let words = ["steps", "epochs", "minibatches", "learning_rate", "lambda", "gamma"]
        #expect(Suggestion.nearest(to: typed, among: words) == meant)
        #expect(Suggestion.nearest(to: "qqqqqq", among: words) == nil)
    }
}
