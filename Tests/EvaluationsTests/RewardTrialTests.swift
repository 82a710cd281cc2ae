import Foundation
import RunConfiguration
import Testing

@testable import Evaluations

/// Which rewards are asked for a trial answer before a run starts.
@Suite struct RewardTrialTests {
    private let broken = "{kind: command, argv: [/no/such/program]}"

    /// - Returns: what is said of the first reward that does not work; nil when all do.
    private func problem(_ yaml: String, isTrained: Bool = false) async throws -> String? {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-trial-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try "{\"prompt\": \"a\"}\n".write(toFile: folder + "/p.jsonl", atomically: true, encoding: .utf8)
        let run = try RunConfiguration.parse(
            yaml.replacing("DATA", with: "data: {prompts: \(folder)/p.jsonl, evaluation_prompts: \(folder)/p.jsonl}"))
        do {
            _ = try await RewardTrial.run(run, isTrained: isTrained)
            return nil
        } catch let error as RewardTrialError {
            return error.message
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
        let problem = try await problem(yaml, isTrained: isTrained)
        #expect((problem != nil) == isTried && problem?.hasPrefix("evaluation.rewards.1: ") ?? true, "\(problem ?? "")")
    }
}
