import Foundation
import Testing

@testable import RunConfiguration

@Suite struct RoundTripTests {
    private let full = """
        name: "a: b # c"
        stages: [pretrain, sft, reward_model, ppo, evaluate]
        architecture: {layers: 2}
        data: {directory: some/where, prompts: "p\\tq.jsonl", sft: ~/demos.jsonl, pretrain: /abs/x.jsonl}
        rollout: {stop: ["\\n\\n", "off", "3", "\\u0001", "é", "-", ""], prompts_per_step: 32}
        ppo: {learning_rate: 3.5e-7, target_kl: off, overlong: {maximum: 50, cache: 10}, kl: {horizon: 1e9}}
        rewards:
          - {kind: model}
          - {kind: keyword, words: ["yes", "null"], maximum: off}
          - {kind: regex, pattern: '\\d+"'}
          - {kind: worker, name: toxicity, weight: -1}
        schedule: {mode: lag, lag: 3}
        """

    @Test func resolvedFileGivesTheSameConfigurationAgain() throws {
        let configuration = try RunConfiguration.parse(full)
        let written = configuration.resolvedYAML()
        let again = try RunConfiguration.parse(written)
        #expect(again == configuration)
        #expect(again.resolvedYAML() == written)
        #expect(configuration.rollout.stop == ["\n\n", "off", "3", "\u{1}", "é", "-", ""])
    }

    @Test func referencePageIsAValidRunFileWithEveryKeyExplained() throws {
        let page = RunConfiguration.referenceYAML()
        // What stands there for show is not what a file without it has.
        for (key, mark) in [
            ("architecture:", "Off by default"), ("  lora:", "Off by default"), ("rewards:", "Empty by default"),
            ("  rewards:", "Empty by default"),
        ] {
            let lines = page.split(separator: "\n")
            let place = try #require(lines.firstIndex { $0 == key })
            #expect(lines[place - 1].contains(mark) && lines[place - 1].contains("example"), "\(lines[place - 1])")
        }
        #expect(!RunConfiguration().resolvedYAML().contains("example"))
        let read = try RunConfiguration.parse(
            page, overrides: ["rewards.2.pattern=x", "rewards.3.words=[a]", "rewards.5.argv=[a]"])
        #expect(read.ppo == PPOSection())
        let lines = page.split(separator: "\n")
        for (before, line) in zip(lines, lines.dropFirst()) where !line.contains("#") {
            let text = line.drop { $0 == " " }
            #expect(text == "-" || before.contains("# "), "no help for \(line)")
        }
    }

    @Test func pathsAreAbsoluteAndFollowFromTheStages() throws {
        let configuration = try RunConfiguration.parse(full, overrides: ["run_directory=/r/x/../y"])
        #expect(configuration.runDirectory == "/r/y")
        #expect(configuration.data.prompts?.hasSuffix("/some/where/p\tq.jsonl") == true)
        #expect(configuration.data.pretrain == "/abs/x.jsonl" && configuration.data.sft?.hasPrefix("/") == true)
        #expect(configuration.baseDirectory == "/r/y/pretrained" && configuration.models.policy == "/r/y/sft")
        #expect(configuration.models.reference == "/r/y/sft" && configuration.models.reward == "/r/y/reward-model")
        let plain = try RunConfiguration.parse("models: {base: /m, reference: /n}\nstages: [ppo]")
        #expect(plain.models.policy == "/m" && plain.models.reference == "/n" && plain.models.reward == nil)
    }
}
