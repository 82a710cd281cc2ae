import Foundation
import RunConfiguration
import Testing

@testable import Evaluations

/// Which rewards are asked for a trial answer before a run starts.
@Suite struct RewardTrialTests {
    private let broken = "{kind: command, argv: [/no/such/program]}"

    /// - Returns: what is said of the first reward that does not work; nil when all do.
    private func problem(
        _ yaml: String, isTrained: Bool = false, heldOut: String = #"{"prompt": "a"}"#,
        train: String = #"{"prompt": "a"}"#
    ) async throws -> String? {
        try await outcome(yaml, isTrained: isTrained, heldOut: heldOut, train: train).problem
    }

    private func outcome(
        _ yaml: String, isTrained: Bool = false, heldOut: String, train: String
    ) async throws -> (problem: String?, notes: [String]) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-trial-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try (train + "\n").write(toFile: folder + "/p.jsonl", atomically: true, encoding: .utf8)
        try (heldOut + "\n").write(toFile: folder + "/held.jsonl", atomically: true, encoding: .utf8)
        let run = try RunConfiguration.parse(
            yaml.replacing("DATA", with: "data: {prompts: \(folder)/p.jsonl, evaluation_prompts: \(folder)/held.jsonl}")
        )
        do {
            return (nil, try await RewardTrial.run(run, isTrained: isTrained))
        } catch let error as RewardTrialError {
            return (error.message, [])
        }
    }

    @Test func rewardsThatScorersHereAskAreTried() async throws {
        let yaml = "stages: [ppo]\nDATA\nrewards: [{kind: length}, \(broken)]"
        #expect(try await problem(yaml)?.hasPrefix("rewards.1: ") == true)
        // Scorers of other machines have programs of their own, and a run that is trained needs none.
        #expect(try await problem(yaml + "\nroles: {scorer: {count: 0}}") == nil)
        #expect(try await problem(yaml, isTrained: true) == nil)
        // What needs no program is computed anywhere.
        let math = "stages: [ppo]\nDATA\nrewards: [{kind: math}]\nroles: {scorer: {count: 0}}"
        #expect(try await problem(math)?.contains("answer") == true)
    }

    @Test(arguments: [
        ("[ppo, evaluate]", "", false, true), ("[ppo, evaluate]", "", true, true), ("[ppo]", "every: 2, ", false, true),
        ("[ppo]", "every: 2, ", true, false), ("[ppo]", "", false, false),
    ])
    func rewardsOfHeldOutPromptsAreTriedWhenTheyAreAsked(
        _ stages: String, _ every: String, _ isTrained: Bool, _ isTried: Bool
    ) async throws {
        let yaml = """
            stages: \(stages)
            DATA
            rewards: [{kind: length}]
            evaluation: {\(every)rewards: [{kind: math, weight: 0}, \(broken)]}
            roles: {scorer: {count: 0}}
            """
        // A first line without a label is no fault of a measurement.
        let labelled = "{\"prompt\": \"a\"}\n{\"prompt\": \"b\", \"answer\": 2}"
        let problem = try await problem(yaml, isTrained: isTrained, heldOut: labelled)
        #expect((problem != nil) == isTried && problem?.hasPrefix("evaluation.rewards.1: ") ?? true, "\(problem ?? "")")
    }

    /// A held-out file without labels would be a run whose pass@1 is never there.
    @Test(arguments: ["", "evaluation: {rewards: [{kind: math, name: m}]}"])
    func labelsOfHeldOutPromptsAreRead(_ evaluation: String) async throws {
        let yaml = """
            stages: [ppo, evaluate]
            DATA
            rewards: [{kind: length, weight: 0}, {kind: math}]
            \(evaluation)
            """
        let labelled = #"{"prompt": "a", "answer": "1"}"#
        let (problem, _) = try await outcome(yaml, heldOut: #"{"prompt": "a", "label": "1"}"#, train: labelled)
        let key = evaluation.isEmpty ? "rewards.1: " : "evaluation.rewards.0: "
        #expect(problem?.hasPrefix(key) == true && problem?.contains("held.jsonl") == true, "\(problem ?? "")")
        let (none, notes) = try await outcome(yaml, heldOut: labelled + "\n{\"prompt\": \"b\"}", train: labelled)
        #expect(none == nil && notes.count == 1 && notes.first?.contains("line 2") == true, "\(notes)")
        // Beyond the prompts that are answered nobody needs a label.
        let few =
            evaluation.isEmpty
            ? yaml + "evaluation: {prompts: 1}" : yaml.replacing("{rewards", with: "{prompts: 1, rewards")
        let (_, fewer) = try await outcome(few, heldOut: labelled + "\n{\"prompt\": \"b\"}", train: labelled)
        #expect(fewer.isEmpty, "\(fewer)")
    }
}
