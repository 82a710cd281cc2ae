import Foundation
import Testing

/// How answers are split into jobs, and prompts that stand twice in a step, with real processes.
@Suite(.serialized, .onItsOwnThread) struct SplitJobTests {
    private struct Answer: Decodable, Hashable {
        var step: Int
        var row: Int
        var occurrence: Int
        var sample: Int
        var response: String
    }

    private func samples(_ run: TinyRun) throws -> [Answer] {
        try String(contentsOfFile: run.directory + "/samples.jsonl", encoding: .utf8).split(separator: "\n").map {
            try JSONDecoder().decode(Answer.self, from: Data($0.utf8))
        }
    }

    private func finished(_ run: TinyRun, _ overrides: String...) async throws {
        let words = ["run", run.file] + overrides.flatMap { ["--set", $0] }
        let result = try await Running(Skein.executable.path, words).result()
        try #require(result.status == 0, "\(result.error) \(run.logs())")
    }

    /// Six samples of each prompt in jobs of six, of two and of one: the same policy to the bit.
    @Test func noBitDependsOnTheSplit() async throws {
        var policies: Set<Data> = []
        var answers: Set<[Answer]> = []
        var jobs: [Int] = []
        for perJob in [6, 4, 1] {
            let run = try await TinyRun(steps: 2, keys: "rewards: [{kind: length, target: 12}]\narithmetic: exact")
            try await finished(
                run, "rollout.prompts_per_step=4", "rollout.samples_per_prompt=6", "rollout.samples_per_job=\(perJob)",
                "ppo.advantage=rloo")
            policies.insert(try run.policy())
            answers.insert(try samples(run))
            let counted = try #require(try run.summary()["jobs"] as? [String: Int])
            jobs.append(counted["generate"] ?? 0)
        }
        #expect(policies.count == 1)
        // The first answers of a step: 16 of them, whatever the jobs.
        #expect(answers.count == 1 && answers.first?.count == 32)
        // 4 prompts in jobs of 2; each prompt in ranges of 3; each answer alone.
        #expect(jobs == [4, 16, 48])
    }

    /// 3 rows and 8 prompts in a step: a row is answered up to three times, by other random numbers each time.
    @Test(arguments: ["gae", "rloo"]) func copiesOfAPromptAreAnsweredAnew(_ advantage: String) async throws {
        let run = try await TinyRun(steps: 1)
        try run.folder.write("prompts.jsonl", (0..<3).map { #"{"prompt":"Say \#($0)"}"# }.joined(separator: "\n"))
        try await finished(
            run, "rollout.prompts_per_step=8", "rollout.samples_per_prompt=2", "ppo.advantage=\(advantage)",
            "rollout.prompts_per_job=8")
        let found = try samples(run)
        try #require(found.count == 16)
        #expect(Set(found.map { [$0.row, $0.occurrence, $0.sample] }).count == 16)
        #expect(Set(found.map(\.occurrence)) == [0, 1, 2])
        #expect(Set(found.map { "\($0.row) \($0.response)" }).count == 16, "\(found)")
    }
}
