import ClusterModel
import Foundation
import Testing

@testable import RunConfiguration

/// What each role is told of a run.
@Suite struct SetupTests {
    private static let fixture = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "Fixtures/every-key.yaml")

    /// With what a file must give.
    private static func complete(_ reward: RewardSection) -> RewardSection {
        var reward = reward
        switch reward.kind {
        case .regex(var keys):
            keys.pattern = "x"
            reward.kind = .regex(keys)
        case .keyword(var keys):
            keys.words = ["x"]
            reward.kind = .keyword(keys)
        case .command(var keys):
            keys.argv = ["x"]
            reward.kind = .command(keys)
        default: break
        }
        return reward
    }

    /// Learners of the present protocol send and read these names. After a new key, with the protocol as it is, nothing
    /// here changes; after another name of a key, `Wire.version` goes up and `SKEIN_WRITE_FIXTURES=1 swift test --filter
    /// SetupTests` writes the file anew.
    @Test func everyKeyIsReadByItsName() throws {
        if ProcessInfo.processInfo.environment["SKEIN_WRITE_FIXTURES"] != nil {
            var example = RunConfiguration.example
            example.runDirectory = "/runs/run"
            example.resolve()
            for list in [\RunConfiguration.rewards, \.evaluation.rewards] {
                example[keyPath: list] = example[keyPath: list].map(Self.complete)
            }
            try example.resolvedYAML().write(to: Self.fixture, atomically: true, encoding: .utf8)
        }
        let text = try String(contentsOf: Self.fixture, encoding: .utf8)
        var rest = try RunConfiguration(LearnerSetup(runFile: text)).resolvedYAML().split(separator: "\n")[...]
        for line in text.split(separator: "\n") {
            let place = try #require(rest.firstIndex(of: line), "\(line)")
            rest = rest[(place + 1)...]
        }
    }

    private let run = """
        device: cuda:2
        arithmetic: exact
        data: {chat_template: none, template_arguments: {enable_thinking: false}}
        rollout: {rows_in_flight: 7}
        schedule: {mode: lag, lag: 3}
        roles: {generator: {threads: 5}, scorer: {threads: 6}}
        ppo: {lora: {rank: 2}, shared_reference: true}
        rewards:
          - {kind: model, path: /m, name: "a: b"}
          - {kind: length, target: 12}
          - {kind: regex, pattern: '\\d+"', match_score: -2.5}
          - {kind: keyword, words: ["yes", "null", "#"], maximum: off}
          - {kind: math, answer_key: result}
          - {kind: command, argv: [a, "b c"], timeout_s: 0.5}
          - {kind: worker, name: taste, weight: -1}
          - {kind: http, url: "http://127.0.0.1:1/x", format: sglang, token_env: T}
          - {kind: swift, function: f}
        """

    @Test func generatorsAndScorersAreToldWhatTheyNeed() throws {
        var run = try RunConfiguration.parse(run)
        run.data.clock = 12.5
        run.rewards[0].model?.encodesAgain = true
        run.rewards[0].model?.usesTemplate = true
        let setups = run.setups()
        #expect(
            setups.generator
                == GeneratorSetup(
                    computation: Computation(device: "cuda:2", arithmetic: "exact", threads: 5), rowsInFlight: 7,
                    versionsBehind: 3))
        #expect(setups.scorer.computation == Computation(device: "cuda:2", arithmetic: "exact", threads: 6))
        #expect(!setups.scorer.reference && !setups.scorer.chatTemplate && setups.scorer.clock == 12.5)
        #expect(setups.scorer.templateArguments == #"{"enable_thinking": false}"#)
        // A foreign worker looks for its own name.
        #expect(setups.scorer.rewards.contains { $0.name == "taste" && $0.kind == "worker" })
        #expect(try setups.scorer.rewards.map { try RewardSection($0) } == run.rewards)
        let learner = try RunConfiguration(setups.learner)
        #expect(learner.data.clock == 12.5)
        run.rewards[0].model = ModelKeys()
        run.rewards[0].model?.path = "/m"
        #expect(learner == run)
        for role in Role.allCases { #expect(setups[role].problem == nil) }
    }

    @Test func whatCannotBeReadIsRefusedByName() throws {
        for (text, name) in [
            ("ppo: {clip: .nan}", "clip"), ("ppo: {clip: 7}", "clip"), ("ppo: {learningRate: 1}", "learningRate"),
            ("rollout: {prompts_per_step: 99999999999999999999}", "prompts_per_step"), ("[", "run file"),
            ("roles: {learner: {threads: -1}}", "threads"), ("a: &a [*a, *a]", "run file"),
        ] {
            #expect { try RunConfiguration(LearnerSetup(runFile: text)) } throws: { "\($0)".contains(name) }
        }
        for setup in [
            RewardSetup(name: "r", kind: "length", section: "kind: length\nname: r\ntarget: -1\n"),
            RewardSetup(name: "r", kind: "length", section: "kind: length\nname: r\nlonger: 1\n"),
            RewardSetup(name: "r", kind: "length", section: "kind: regex\nname: r\npattern: x\n"),
            RewardSetup(name: "r", kind: "length", section: "kind: length\nname: other\n"),
            RewardSetup(name: "r", kind: "length", section: "- 1"), RewardSetup(name: "", kind: "", section: ""),
        ] {
            #expect(throws: ConfigurationError.self, "\(setup)") { try RewardSection(setup) }
        }
    }
}
