import Foundation
import Testing

/// Likely mistakes: each is named with its place and the remedy before anything of the run is started.
@Suite(.serialized, .onItsOwnThread) struct LikelyMistakesTests {
    struct Mistake: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var overrides: [String] = []
        var status: Int32 = 78
        /// What stands in the message; FOLDER is that of the run.
        var says: [String]
        var make: @Sendable (TinyRun) async throws -> Void = { _ in }
    }

    private static func rewrite(_ run: TinyRun, _ old: String, _ new: String) throws {
        let text = try String(contentsOfFile: run.file, encoding: .utf8)
        try #require(text.contains(old))
        try run.folder.write("run.yaml", text.replacing(old, with: new))
    }

    private static func program(_ run: TinyRun, _ lines: String...) throws {
        try run.folder.write("reward.sh", lines.joined(separator: "\n") + "\n")
        try rewrite(run, "{kind: length, target: 12}", "{kind: command, argv: [sh, \(run.folder.path)/reward.sh]}")
    }

    private static let port = Result<Listener, any Error> { try Listener() }

    private static let mistakes: [Mistake] = [
        Mistake(testDescription: "wrong path", overrides: ["models.base=/nowhere"], says: ["models.base", "/nowhere"]),
        Mistake(
            testDescription: "misspelt key",
            says: ["FOLDER/run.yaml:9:", "ppo.learning_rte", "did you mean 'learning_rate'?"]
        ) { try rewrite($0, "learning_rate:", "learning_rte:") },
        Mistake(
            testDescription: "wrong type", overrides: ["ppo.steps=many"],
            says: ["ppo.steps", "a whole number", "'many'"]),
        Mistake(testDescription: "prompts without their key", says: ["FOLDER/prompts.jsonl:2:", "'prompt'"]) {
            try $0.folder.write("prompts.jsonl", "{\"prompt\": \"one\"}\n{\"question\": \"two\"}\n")
        },
        Mistake(testDescription: "no tokenizer", says: ["tokenizer.json", "FOLDER/base"]) {
            try FileManager.default.removeItem(atPath: $0.folder.path + "/base/tokenizer.json")
        },
        Mistake(
            testDescription: "crashing reward",
            says: ["rewards.0", "ValueError: no such label", "exit code 1"]
        ) {
            try program(
                $0, "echo 'Traceback (most recent call last):' >&2", "echo 'ValueError: no such label' >&2", "exit 1")
        },
        Mistake(
            testDescription: "text before JSON",
            says: ["rewards.0", "printed 'loading the model'", "stderr"]
        ) {
            try program(
                $0, "echo loading the model", "while read -r line; do echo '{\"score\": 1}'; done")
        },
        Mistake(
            testDescription: "port in use", status: 75, says: ["coordinator.status", "PORT", "127.0.0.1:0"]
        ) { try rewrite($0, "status: \"127.0.0.1:0\"", "status: \"127.0.0.1:\(port.get().port)\"") },
        Mistake(
            testDescription: "directory of another run", overrides: ["rollout.max_new_tokens=5"],
            says: ["FOLDER/run", "rollout.max_new_tokens 24 -> 5", "--fresh"]
        ) { try #require(try await Skein.run(["run", $0.file, "--set", "ppo.steps=1"]).status == 0) },
        Mistake(
            testDescription: "wrong indentation",
            says: ["FOLDER/run.yaml:9:1", "epochs: unknown key", "'epochs' belongs under"]
        ) { try rewrite($0, "ppo: {steps: 3, epochs: 1,", "epochs: 1\nppo: {steps: 3,") },
        Mistake(testDescription: "weights of another shape", says: ["models.base", "shape", "mlp"]) {
            let file = $0.folder.path + "/base/config.json"
            let text = try String(contentsOfFile: file, encoding: .utf8)
            let changed = text.replacing(#/"intermediate_size" ?: ?64/#, with: "\"intermediate_size\": 80")
            try #require(changed != text)
            try changed.write(toFile: file, atomically: true, encoding: .utf8)
        },
        Mistake(
            testDescription: "bad line of a later stage", overrides: ["stages=[reward_model, ppo]"],
            says: ["data.preferences", "pairs.jsonl:2:", "chosen"]
        ) {
            try $0.folder.write(
                "pairs.jsonl", "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}\n{\"prompt\":\"a\"}\n")
            try rewrite($0, "data: {", "data: {preferences: \($0.folder.path)/pairs.jsonl, ")
        },
    ]

    @Test(arguments: mistakes) func isNamedWithItsPlaceAndTheRemedy(_ mistake: Mistake) async throws {
        let run = try await TinyRun()
        try await mistake.make(run)
        for command in [["config", "check"], ["run"]] where !mistake.says.contains("PORT") || command == ["run"] {
            let words = command + [run.file] + mistake.overrides.flatMap { ["--set", $0] }
            let result = try await Skein.run(words, within: 120)
            #expect(result.status == mistake.status, "\(command): \(result.error)")
            for part in mistake.says {
                let part = part.replacing("FOLDER", with: run.folder.path)
                    .replacing("PORT", with: "\(try Self.port.get().port)")
                #expect(result.error.contains(part), "\(command): \(part)? \(result.error)")
            }
            #expect(!result.error.contains("== "), "a stage was started: \(result.error)")
        }
    }

    /// Every stage and command that renders conversations says the same of a model that has no template for them.
    @Test(arguments: ["sft", "reward_model", "ppo", "evaluate", "score"])
    func messagesWithoutAChatTemplate(_ stage: String) async throws {
        let run = try await TinyRun()
        let folder = run.folder.path
        let user = #"{"role":"user","content":"Say it"}"#
        let turns = [
            "sft": #"{"messages":[\#(user),{"role":"assistant","content":"It"}]}"#,
            "score": #"{"messages":[\#(user),{"role":"assistant","content":"It"}]}"#,
            "reward_model":
                #"{"prompt":[\#(user)],"chosen":[{"role":"assistant","content":"It"}],"rejected":[{"role":"assistant","content":"No"}]}"#,
        ]
        try run.folder.write("rows.jsonl", (turns[stage] ?? #"{"messages":[\#(user)]}"#) + "\n")
        let overrides = [
            "sft": ["stages=[sft]", "data.sft=\(folder)/rows.jsonl"],
            "reward_model": ["stages=[reward_model]", "data.preferences=\(folder)/rows.jsonl"],
            "ppo": ["data.prompts=\(folder)/rows.jsonl"],
            "evaluate": ["stages=[ppo, evaluate]", "data.evaluation_prompts=\(folder)/rows.jsonl"],
        ]
        let words: [String]
        if let keys = overrides[stage] {
            words = ["run", run.file] + keys.flatMap { ["--set", $0] }
        } else {
            let pairs = "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"c\"}\n"
            try run.folder.write("pairs.jsonl", String(repeating: pairs, count: 4))
            let made = try await Skein.run([
                "reward-model", run.file, "--set", "stages=[reward_model]", "--set",
                "data.preferences=\(folder)/pairs.jsonl",
            ])
            try #require(made.status == 0, "\(made)")
            words = ["score", "--model", folder + "/run/reward-model", "--input", folder + "/rows.jsonl"]
        }
        let result = try await Skein.run(words)
        #expect(result.status == 78, "\(result)")
        #expect(
            result.error.contains("rows.jsonl:1: the row holds messages, and the model has no chat template"),
            "\(result.error)")
        for remedy in ["chat_template.jinja", "data.chat_template: none"] {
            #expect(result.error.contains(remedy), "\(result.error)")
        }
        #expect(!result.error.contains("== ppo"), "\(result.error)")
    }
}
