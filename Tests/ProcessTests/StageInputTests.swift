import Foundation
import Testing

/// Stages and commands, and the files that people give them.
@Suite(.serialized, .onItsOwnThread) struct StageInputTests {
    private struct Stage: Decodable { var figures: [String: Double] }

    private let folder: Skein.Folder

    init() async throws {
        folder = try Skein.Folder()
        try FileManager.default.copyItem(
            atPath: try await TinyRun.base.path() + "/base", toPath: folder.path + "/base")
        try folder.write("demos.jsonl", #"{"prompt":"Number 5","completion":" is a number."}"# + "\r\n\r\n")
        try folder.write(
            "run.yaml",
            """
            run_directory: \(folder.path)/run
            stages: [sft]
            models: {base: \(folder.path)/base}
            data: {sft: \(folder.path)/demos.jsonl, pretrain: \(folder.path)/text.jsonl}
            sft: {learning_rate: 0, epochs: 1, threads: 1}
            pretrain: {learning_rate: 0, epochs: 1, threads: 1}
            """)
    }

    private func stage(_ words: [String]) async throws -> Skein.Result {
        try await Skein.run([words[0], folder.path + "/run.yaml"] + words.dropFirst())
    }

    private func loss(_ directory: String) throws -> Double {
        let data = try Data(contentsOf: URL(filePath: "\(folder.path)/run/\(directory)/stage.json"))
        return try #require(JSONDecoder().decode(Stage.self, from: data).figures["loss"])
    }

    @Test func aStageIsUsedAgainOnlyForTheSameInputs() async throws {
        let first = try await stage(["sft"])
        #expect(first.status == 0 && !first.error.contains("used again"), "\(first.error)")
        for words in [["sft"], ["sft", "--set", "ppo.steps=7"], ["sft", "--set", "reward_model.margin=2"]] {
            let again = try await stage(words)
            #expect(again.error.contains("used again"), "\(words): \(again.error)")
        }
        let plain = try loss("sft")
        try folder.write(
            "base/chat_template.jinja",
            "{% for m in messages %}<{{ m.role }}> {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}"
        )
        let templated = try await stage(["sft"])
        #expect(templated.error.contains("made again") && templated.error.contains("chat_template.jinja"))
        #expect(try loss("sft") != plain)
        let without = try await stage(["sft", "--set", "data.chat_template=none"])
        #expect(without.error.contains("made again, ") && without.error.contains("(data)"), "\(without.error)")
        #expect(try loss("sft") == plain)
        #expect(try await stage(["sft"]).error.contains("made again"))
    }

    @Test func pretrainingForgetsNeitherItsBaseNorTheRestOfATextNorDoublesTheEnd() async throws {
        let text = "Number 5 is a number, and so is 35."
        func pretrain(_ text: String) async throws -> (error: String, loss: Double) {
            try folder.write("text.jsonl", #"{"text":"\#(text)"}"# + "\n")
            let result = try await stage(["pretrain"])
            try #require(result.status == 0, "\(result.error)")
            return (result.error, try loss("pretrained"))
        }
        let once = try await pretrain(text)
        #expect(try await pretrain(text + "<|endoftext|>").loss == once.loss)
        // Beyond the context of 128: with the tail cut away, other tails would give the same loss.
        let long = String(repeating: "Number 5 is a number. ", count: 30)
        #expect(try await pretrain(long + "x").loss != pretrain(long + "y").loss)

        let before = try await pretrain(text)
        let again = try await stage(["pretrain"])
        #expect(again.error.contains("used again"))
        let config = folder.path + "/base/config.json"
        let json = try String(contentsOfFile: config, encoding: .utf8)
        try json.replacing("\"rope_theta\" : 10000", with: "\"rope_theta\" : 500")
            .write(toFile: config, atomically: true, encoding: .utf8)
        try #require(try String(contentsOfFile: config, encoding: .utf8) != json, "\(json)")
        let changed = try await stage(["pretrain"])
        #expect(changed.error.contains("models.base: config.json"), "\(changed.error)")
        #expect(try loss("pretrained") != before.loss)
    }

    @Test func everyCommandReadsLinesAlike() async throws {
        let model = folder.path + "/base"
        try folder.write("plain.jsonl", "{\"text\":\"Number 5 is\"}\n{\"text\":\"a number\"}\n")
        try folder.write(
            "odd.jsonl",
            "\u{FEFF}{\"text\":\"other\",\"x\":NaN,\"text\":\"Number 5 is\"}\r\n\r\n \t\n{\"text\":\"a number\"}\r\n\r\n"
        )
        _ = try await Running("/bin/gzip", ["-k", folder.path + "/odd.jsonl"]).result()
        for words in [["logprobs"], ["tokenize", "--json"], ["tokenize", "--json-lines"]] {
            func output(_ name: String) async throws -> Skein.Result {
                try await Skein.run(words + ["--model", model, "--input", "\(folder.path)/\(name)"])
            }
            let plain = try await output("plain.jsonl")
            #expect(plain.output.split(separator: "\n").count == 2, "\(plain.error)")
            for name in ["odd.jsonl", "odd.jsonl.gz"] {
                let odd = try await output(name)
                #expect(odd.output == plain.output, "\(words) \(name): \(odd.error)")
            }
        }
        try folder.write("bad.jsonl", "{\"text\":\"a\"}\n\n{\"text\":3}\n")
        for command in ["logprobs", "tokenize"] {
            let refused = try await Skein.run([command, "--model", model, "--input", folder.path + "/bad.jsonl"])
            #expect(
                refused.status == 78 && refused.error.contains("bad.jsonl:3: 'text' must be a text, not an integer"))
            #expect(!refused.error.contains("on_error"))
        }
        try folder.write("rows.csv", "text,label\na,1\n")
        let table = try await Skein.run(["logprobs", "--model", model, "--input", folder.path + "/rows.csv"])
        #expect(table.status == 78 && table.error.contains("pandas.read_csv"), "\(table.error)")
    }

    /// By one token that was added for padding, as people do; it is of no account until a text uses it.
    @Test func aTokenizerLargerThanItsModelWorksUntilTheTokenIsUsed() async throws {
        let file = folder.path + "/base/tokenizer.json"
        var json = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: file))) as? [String: Any])
        var added = json["added_tokens"] as? [[String: Any]] ?? []
        let config = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: folder.path + "/base/config.json")))
                as? [String: Any])
        let rows = try #require(config["vocab_size"] as? Int)
        added.append([
            "id": rows, "content": "[PAD]", "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
        ])
        json["added_tokens"] = added
        try JSONSerialization.data(withJSONObject: json).write(to: URL(filePath: file))
        func generate(_ prompt: String) async throws -> Skein.Result {
            try await Skein.run([
                "generate", "--model", folder.path + "/base", "--prompt", prompt, "--max-new-tokens", "3",
            ])
        }
        func logprobs(_ text: String) async throws -> Skein.Result {
            try folder.write("text.jsonl", #"{"text":"\#(text)"}"#)
            return try await Skein.run(
                ["logprobs", "--model", folder.path + "/base", "--input", folder.path + "/text.jsonl"])
        }
        func sft(_ prompt: String) async throws -> Skein.Result {
            try folder.write("demos.jsonl", #"{"prompt":"\#(prompt)","completion":" there"}"#)
            return try await stage(["sft"])
        }
        func pretrain(_ text: String) async throws -> Skein.Result {
            try folder.write("text.jsonl", #"{"text":"\#(text)"}"#)
            return try await stage(["pretrain"])
        }
        for command in [generate, logprobs, sft, pretrain] {
            let fine = try await command("Hi")
            #expect(fine.status == 0, "\(fine.error)")
            let refused = try await command("Hi [PAD]")
            #expect(refused.status == 78 && refused.error.contains("'[PAD]' (id \(rows))"), "\(refused.error)")
        }
    }
}
