import Foundation
import Testing

/// What commands print, and what they are linked with.
@Suite(.serialized, .onItsOwnThread) struct CommandTests {
    @Test func skeinItselfHasNoLibtorch() async throws {
        let result = try await Running("/usr/bin/ldd", [Skein.executable.path]).result()
        #expect(result.output.contains("libzmq") && !result.output.contains("torch"), "\(result.output)")
    }

    /// No coordinator listens there: it is refused before one is asked.
    @Test func aWorkersNameIsCheckedFirst() async throws {
        for name in ["node#1", "g\u{E9}n\u{E9}rateur", "", "a\nb"] {
            let words = ["generator", "--coordinator", "tcp://127.0.0.1:9", "--name", name]
            let result = try await Skein.run(words, within: 60)
            #expect(result.status == 78 && result.error.contains("--name"), "\(result.error)")
            #expect(result.error.contains("1 to 100 printable ASCII characters"), "\(result.error)")
        }
    }

    /// `skein run ... 2>&1 | head -1`.
    @Test func aRunGoesOnWhenNobodyReadsWhatItSays() async throws {
        let run = try await TinyRun()
        let status = "\(run.folder.path)/exit"
        let command = "(\"$0\" run \"$1\"; echo $? > \"$2\") 2>&1 | head -1"
        _ = try await Running("/bin/sh", ["-c", command, Skein.executable.path, run.file, status]).result(within: 300)
        #expect(try String(contentsOfFile: status, encoding: .utf8) == "0\n")
    }

    /// What a run would refuse, the check refuses.
    @Test func configCheckChecksAllThatARunChecks() async throws {
        let run = try await TinyRun()
        let fine = try await Skein.run(["config", "check", run.file])
        #expect(fine.status == 0 && fine.output.contains("prompts_per_step: 16"), "\(fine.error)")
        for (override, named) in [
            ("models.base=/nowhere", "/nowhere"), ("ppo.minibatches=3", "ppo.minibatches"),
            ("data.prompts=gone.jsonl", "gone.jsonl"),
        ] {
            let refused = try await Skein.run(["config", "check", run.file, "--set", override])
            #expect(refused.status == 78 && refused.error.contains(named), "\(refused.error)")
        }
        let reference = try await Skein.run(["config", "reference"])
        #expect(reference.output.contains("shared_reference") && reference.output.contains("# "))
    }

    /// All of them, not the first alone.
    @Test func labelsOfMathAreReadBeforeARun() async throws {
        let run = try await TinyRun(keys: "rewards: [{kind: math, answer_key: right}]")
        let without = try await Skein.run(["config", "check", run.file])
        #expect(
            without.status == 78 && without.error.contains("rewards.0: reward math: no line of"), "\(without.error)")
        #expect(without.error.ranges(of: "rewards.0").count == 1, "\(without.error)")
        let prompts = (0..<40).map { index in
            let label =
                index % 8 == 0 ? "" : index % 8 == 1 ? #","right":"whatever you can think of here""# : #","right":7"#
            return #"{"prompt":"Say something about number \#(index):"\#(label)}"#
        }
        try run.folder.write("prompts.jsonl", prompts.joined(separator: "\n") + "\n")
        let some = try await Skein.run(["config", "check", run.file])
        #expect(some.status == 0, "\(some.error)")
        #expect(some.error.contains("5 of 40 prompts have no result in the column 'right'"), "\(some.error)")
        #expect(some.error.contains("lines 1, 9, 17 and 2 more"), "\(some.error)")
        #expect(
            some.error.contains("5 of 40 labels") && some.error.contains("lines 2, 10, 18 and 2 more"), "\(some.error)")
    }

    /// The policy may be what a stage of the same run has yet to make.
    @Test func aPolicyThatIsNotMadeYetIsNoFault() async throws {
        let folder = try Skein.Folder()
        try folder.write("texts.jsonl", #"{"text": "One text."}"# + "\n")
        try folder.write("prompts.jsonl", #"{"prompt": "One"}"# + "\n")
        try folder.write(
            "run.yaml",
            """
            run_directory: \(folder.path)/run
            stages: [pretrain, ppo]
            data: {pretrain: \(folder.path)/texts.jsonl, prompts: \(folder.path)/prompts.jsonl}
            architecture: {layers: 1, hidden: 16, intermediate: 32, heads: 2, kv_heads: 2, vocabulary: 300, context: 64}
            rollout: {prompts_per_step: 4, max_new_tokens: 4}
            rewards: [{kind: length, target: 12}]
            ppo: {steps: 1, minibatches: 1, critic_from: policy}
            """)
        let checked = try await Skein.run(["config", "check", folder.path + "/run.yaml"])
        #expect(checked.status == 0, "\(checked.error)")
    }

    @Test func aPromptBeyondTheLimitIsNamedWithItsLine() async throws {
        let run = try await TinyRun()
        let result = try await Skein.run(["run", run.file, "--set", "rollout.max_prompt_tokens=3"])
        #expect(result.status == 78)
        #expect(
            result.error.contains("prompts.jsonl:1") && result.error.contains("max_prompt_tokens"), "\(result.error)")
    }

    private struct Scored: Decodable { var tokens: [Int]; var logprobs: [Double?] }
    private struct Written: Decodable { var tokens: [Int]; var logprobs: [Double]; var text: String }

    @Test func logprobsGenerateAndTokenizePrintJSON() async throws {
        let model = try await TinyRun.base.path() + "/base"
        let folder = try Skein.Folder()
        try folder.write("texts.jsonl", "{\"text\":\"Number 5 is\"}\n{\"text\":\"a number\"}\n")
        let input = folder.path + "/texts.jsonl"
        let scored = try await Skein.run(["logprobs", "--model", model, "--input", input])
        let lines = try scored.output.split(separator: "\n").map {
            try JSONDecoder().decode(Scored.self, from: Data($0.utf8))
        }
        try #require(lines.count == 2, "\(scored.error)")
        for line in lines {
            #expect(line.tokens.count == line.logprobs.count && line.logprobs[0] == nil)
            #expect(line.logprobs.dropFirst().allSatisfy { ($0 ?? 1) <= 0 })
        }
        let tokenized = try await Skein.run(["tokenize", "--model", model, "--input", input, "--json"])
        let ids = try tokenized.output.split(separator: "\n").map {
            try JSONDecoder().decode([Int].self, from: Data($0.utf8))
        }
        #expect(ids == lines.map(\.tokens), "\(tokenized.error)")
        let words = [
            "generate", "--model", model, "--prompt", "Number 5", "--max-new-tokens", "7", "--temperature", "0",
            "--json",
        ]
        let written = try await Skein.run(words)
        let answer = try JSONDecoder().decode(Written.self, from: Data(written.output.utf8))
        #expect(answer.tokens.count == answer.logprobs.count && (1...7).contains(answer.tokens.count))
        #expect(try await Skein.run(words).output == written.output)
    }
}
