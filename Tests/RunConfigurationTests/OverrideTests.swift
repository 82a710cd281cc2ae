import Testing

@testable import RunConfiguration

@Suite struct OverrideTests {
    @Test func overridesGoThroughTheSameChecks() throws {
        let configuration = try RunConfiguration.parse(
            "ppo: {clip: 0.3}\nrewards: [{kind: model}]",
            overrides: [
                "ppo.clip=0.1", "ppo.kl.coefficient=0.2", "rewards.0.weight=2", "rewards[1].kind=regex",
                "rewards[1].pattern=\"^[A-Z]\"", "seed=7", "ppo.target_kl=off", "rollout.stop=[\"a\", b]", "seed=8",
                "schedule.mode={lag: 3}", "name=a=b",
            ])
        #expect(configuration.ppo.clip == 0.1 && configuration.ppo.kl.coefficient == 0.2)
        #expect(configuration.rewards.map(\.weight) == [2, 1] && configuration.rewards[1].name == "regex")
        #expect(configuration.seed == 8 && configuration.ppo.targetKL == nil)
        #expect(configuration.rollout.stop == ["a", "b"] && configuration.schedule.versionsBehind == 3)
        #expect(configuration.name == "a=b")
    }

    @Test func errorsNameTheOverride() {
        let found = problems("", set: ["ppo.clp=0.1", "ppo.clip=x", "seed", "a..b=1", "=1", "rewards.5.weight=1"])
        let text = found.map { "\($0)" }.joined(separator: "\n")
        #expect(text.contains("--set ppo.clp=0.1: ppo.clp: unknown key; did you mean 'clip'?"))
        #expect(text.contains("--set ppo.clip=x: ppo.clip: must be a number, not 'x'"))
        #expect(text.contains("--set seed: write --set key=value"))
        #expect(text.contains("--set a..b=1: 'a..b' is no key path"))
        #expect(text.contains("--set =1: write --set key=value"))
        #expect(!problems("rewards: []", set: ["rewards.5.weight=1"]).isEmpty)
        #expect(!problems("name: x", set: ["name.y=1"]).isEmpty)
        #expect(!problems("", set: ["ppo={"]).isEmpty)
        #expect(!problems("", set: [String(repeating: "a.", count: 5000) + "a=1"]).isEmpty)
    }

    @Test func emptyOverrideTurnsAnOptionalOff() throws {
        #expect(try RunConfiguration.parse("", overrides: ["ppo.target_kl="]).ppo.targetKL == nil)
    }
}
