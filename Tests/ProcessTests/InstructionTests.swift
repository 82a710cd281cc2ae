import Foundation
import Testing

/// A chat model that `transformers` wrote (bf16, chat template beside the tokenizer), instructions and a reward by rule:
/// what a user brings.
@Suite(.serialized, .onItsOwnThread) struct InstructionTests {
    @Test func aModelAndPromptsFromElsewhereAreTrained() async throws {
        let folder = try Skein.Folder()
        let brought = Bundle.module.bundleURL.appending(path: "Fixtures/instructions").path
        try folder.write(
            "run.yaml",
            """
            name: instructions
            run_directory: \(folder.path)/run
            stages: [ppo]
            models: {base: \(brought)/model}
            data: {prompts: \(brought)/prompts.jsonl}
            rollout: {prompts_per_step: 16, prompts_per_job: 4, max_new_tokens: 24}
            rewards: [{kind: length, target: 12, per_token: 0.05}, {kind: keyword, words: [the], weight: 0.5}]
            ppo: {steps: 5, learning_rate: 1e-3, epochs: 2, minibatches: 2, critic_from: policy}
            coordinator: {status: "127.0.0.1:0"}
            roles: {generator: {count: 2, threads: 1}, scorer: {count: 1, threads: 1}, learner: {threads: 1}}
            """)
        let result = try await Skein.run(["run", folder.path + "/run.yaml"])
        try #require(result.status == 0, "\(result.error)")
        let steps = try String(contentsOfFile: folder.path + "/run/metrics.jsonl", encoding: .utf8)
        #expect(steps.split(separator: "\n").count == 5)
        let answer = try await Skein.run([
            "generate", "--model", folder.path + "/run/policy", "--prompt", "hello", "--max-new-tokens", "3",
            "--temperature", "0", "--json",
        ])
        #expect(answer.status == 0 && answer.output.contains("\"tokens\""), "\(answer)")
        for name in ["tokenizer.json", "chat_template.jinja", "config.json"] {
            #expect(FileManager.default.fileExists(atPath: folder.path + "/run/policy/" + name), "\(name)")
        }
    }

    /// The rules of the data hold for PPO's prompts too, before anything is sampled.
    @Test func promptsThatTheTemplateRefusesOrThatAreTooLongFollowTheRules() async throws {
        let folder = try Skein.Folder()
        let model = Bundle.module.bundleURL.appending(path: "Fixtures/instructions/model").path
        let long = String(repeating: "zq ", count: 200)
        let rows = [
            #"{"messages":[{"role":"user","content":[{"type":"text","text":"Say a word"}]}],"label":3}"#,
            #"{"messages":[{"role":"human","content":"Say a word"}]}"#,
            #"{"messages":[{"role":"user","content":"\#(long)"}]}"#,
            #"{"prompt":"Say two words"}"#,
        ]
        try folder.write("prompts.jsonl", rows.joined(separator: "\n") + "\n")
        try folder.write(
            "run.yaml",
            """
            run_directory: \(folder.path)/run
            stages: [ppo]
            models: {base: \(model)}
            data: {prompts: \(folder.path)/prompts.jsonl}
            rollout: {prompts_per_step: 4, max_new_tokens: 4, max_prompt_tokens: 32}
            rewards: [{kind: length, target: 12}]
            ppo: {steps: 1, minibatches: 1, critic_from: policy}
            coordinator: {status: "127.0.0.1:0"}
            roles: {generator: {count: 1, threads: 1}, scorer: {count: 1, threads: 1}, learner: {threads: 1}}
            """)
        func run(_ keys: String...) async throws -> Skein.Result {
            try await Skein.run(["run", folder.path + "/run.yaml", "--fresh"] + keys.flatMap { ["--set", $0] })
        }
        let refused = try await run("data.too_long=skip")
        #expect(
            refused.status == 78 && refused.error.contains("prompts.jsonl:2: unknown role 'human'"), "\(refused.error)")
        let unread = try await run("data.template_arguments.loud=true")
        #expect(unread.status == 78 && unread.error.contains("data.template_arguments"), "\(unread.error)")
        let done = try await run("data.on_error=skip", "data.too_long=truncate")
        #expect(done.status == 0 && done.error.contains("of 4 rows 1 bad, 1 cut to the limit"), "\(done.error)")
        #expect(done.error.contains("prompts.jsonl:3: the prompt's"), "\(done.error)")
    }
}
