import Foundation
import Testing

@testable import RunConfiguration

/// Which keys a run that has started may change.
@Suite struct ConfigurationChangeTests {
    private func changes(_ before: String, _ after: String) throws -> ConfigurationChanges {
        try ConfigurationChanges(from: RunConfiguration.parse(before), to: RunConfiguration.parse(after))
    }

    /// `skein compare`: name and place of a run are no difference, nor is what lies in its own directory.
    @Test func differencesOfSeveralRunsHaveAValueForEach() throws {
        func run(_ name: String, _ keys: String) throws -> RunConfiguration {
            try RunConfiguration.parse("name: \(name)\nrun_directory: /\(name)\nmodels: {base: /\(name)/sft}\n\(keys)")
        }
        let runs = try [
            run("a", "ppo: {steps: 20}"), run("b", "ppo: {steps: 20, lora: {rank: 2}}"), run("c", "ppo: {steps: 30}"),
        ]
        #expect(
            ConfigurationDifference.betweenRuns(runs) == [
                ConfigurationDifference(key: "ppo.steps", values: ["20", "20", "30"]),
                ConfigurationDifference(key: "ppo.lora", values: ["off", "set", "off"]),
            ])
        #expect(ConfigurationDifference.betweenRuns([runs[0], runs[0]]).isEmpty)
    }

    @Test(arguments: [
        ("ppo: {steps: 20}", "ppo: {steps: 30}", "ppo.steps 20 -> 30", KeyChange.nextStep),
        ("ppo: {learning_rate: 1e-5}", "ppo: {learning_rate: 5e-6}", "ppo.learning_rate 1e-05 -> 5e-06", .nextStep),
        ("ppo: {kl_stop: off}", "ppo: {kl_stop: 12}", "ppo.kl_stop off -> 12", .nextStep),
        ("ppo: {kl: {coefficient: 0.1}}", "ppo: {kl: {coefficient: 0}}", "ppo.kl.coefficient 0.1 -> 0", .nextStep),
        (
            "roles: {generator: {count: 1}}", "roles: {generator: {count: 3}}", "roles.generator.count 1 -> 3", .free
        ),
        ("data: {prompts: /a}", "data: {prompts: /b}", "data.prompts /a -> /b", .place),
        ("seed: 1", "seed: 2", "seed 1 -> 2", .fixed),
        ("ppo: {lora: off}", "ppo: {lora: {rank: 2}}", "ppo.lora off -> set", .fixed),
        (
            "rewards: [{kind: length, target: 3}]", "rewards: [{kind: length, target: 4}]",
            "rewards.0.target 3 -> 4", .fixed
        ),
        (
            "rewards: [{kind: command, argv: [a], timeout_s: 1}]",
            "rewards: [{kind: command, argv: [a], timeout_s: 2}]",
            "rewards.0.timeout_s 1 -> 2", .free
        ),
        (
            "rewards: [{kind: length}]", "rewards: [{kind: length}, {kind: regex}]",
            "rewards a list of 1 -> a list of 2", .fixed
        ),
    ])
    func oneChangeIsNamedOnce(_ before: String, _ after: String, _ text: String, _ kind: KeyChange) throws {
        let all = try changes(before, after).all
        #expect(all.map(\.description) == [text] && all.first?.kind == kind, "\(all)")
    }

    @Test func aDirectoryAndAnEvaluationMoreAreNoChange() throws {
        let before = try RunConfiguration.parse("run_directory: /old/run\nstages: [sft, ppo]")
        var after = try RunConfiguration.parse("run_directory: /new/run\nstages: [sft, ppo, evaluate]")
        var moved = before
        moved.move(to: "/new/run")
        #expect(ConfigurationChanges(from: moved, to: after).isEmpty)
        #expect(moved.models.policy == "/new/run/sft")
        after.stages = [.ppo, .evaluate]
        #expect(ConfigurationChanges(from: moved, to: after).refused(committed: 0).map(\.key) == ["stages"])
    }

    /// No path of a moved run names the former place, whatever key it stands under.
    @Test func everyPathOfARunMovesWithIt() throws {
        let before = try RunConfiguration.parse(
            """
            run_directory: /gone/run
            stages: [reward_model, ppo, evaluate]
            models: {base: /gone/run/base, policy: /gone/run/p, reference: /gone/run/r, reward: /gone/run/rm}
            data: {directory: /gone/run/d, prompts: /gone/run/p.jsonl, evaluation_prompts: /gone/run/e.jsonl}
            rewards: [{kind: model, path: /gone/run/rm2}, {kind: length}]
            evaluation: {rewards: [{kind: model, path: /gone/run/rm3}, {kind: model, name: x, path: /else/rm4}]}
            """)
        var after = before
        after.move(to: "/new/place")
        #expect(after.evaluation.rewards.map { $0.model?.path } == ["/new/place/rm3", "/else/rm4"])
        #expect(!after.resolvedYAML().contains("/gone"))
        #expect(before.resolvedYAML().contains("/gone"))
    }

    @Test func stepsThatAreMadeCannotBeTakenAway() throws {
        let fewer = try changes("ppo: {steps: 20}", "ppo: {steps: 10}")
        #expect(fewer.refused(committed: 12).map(\.key) == ["ppo.steps"])
        #expect(fewer.refused(committed: 10).isEmpty)
    }

    @Test func aRunFileOfARunDirectoryIsWhereItLies() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "own-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let before = try RunConfiguration.parse(
            "run_directory: /gone/run\nstages: [sft, ppo]\ndata: {prompts: /gone/run/p.jsonl, sft: /gone/runner/s.jsonl}"
        )
        let file = folder + "/run.yaml"
        try before.ownYAML().write(toFile: file, atomically: true, encoding: .utf8)
        // A copy in a folder that is no run directory is a run file as any other.
        #expect(try RunConfiguration.load(path: file).runDirectory == "/gone/run")
        try "".write(toFile: folder + "/run.lock", atomically: true, encoding: .utf8)
        let own = try RunConfiguration.load(path: file)
        #expect(own.runDirectory == folder && own.models.policy == folder + "/sft")
        #expect(own.data.prompts == folder + "/p.jsonl" && own.data.sft == "/gone/runner/s.jsonl")
        #expect(try RunConfiguration.load(path: file, overrides: ["run_directory=/x"]).runDirectory == "/x")
        let read = try #require(try RunConfiguration.loadOwn(folder))
        #expect(read.configuration == own && read.former == "/gone/run")
        #expect(try RunConfiguration.loadOwn("/nowhere") == nil)
    }
}

/// Keys at the wrong place.
@Suite struct MisplacedKeyTests {
    @Test(arguments: [
        ("ppo:\nsteps: 5", "steps", "'steps' belongs under ppo:; indent it"),
        ("steps: 5", "steps", "'steps' belongs under ppo:"),
        ("ppo:\nkl:\ncoefficient: 0.1", "coefficient", "'coefficient' belongs under ppo.kl:"),
        ("ppo:\n  rollout: {temperature: 1}", "ppo.rollout", "'rollout' belongs at the left margin"),
        ("rollout: {clip: 0.1}", "rollout.clip", "'clip' belongs under ppo:"),
        ("ppo.steps: 5", "ppo.steps", "a key with dots is for --set; write ppo: {steps: ...}"),
        ("weight: 2", "weight", "'weight' belongs under an entry of rewards:"),
        ("patience: 2", "patience", "'patience' belongs under pretrain:, sft: or reward_model:"),
        ("ppo: {learning_rte: 1}", "ppo.learning_rte", "did you mean 'learning_rate'?"),
    ])
    func theSectionIsNamed(_ yaml: String, _ key: String, _ hint: String) {
        do {
            _ = try RunConfiguration.parse(yaml)
            Issue.record("\(yaml) was taken")
        } catch let error as ConfigurationError {
            let problem = error.problems.first { $0.key == key }
            #expect(problem?.suggestion == hint && problem?.message == "unknown key", "\(error)")
        } catch {
            Issue.record(error)
        }
    }
}
