import Foundation
import Testing

/// What it takes to load a model and answer, and to learn: nothing that grows with the square of what it is about.
@Suite(.onItsOwnThread) struct MemoryTests {
    /// A Llama, if nothing else is said of 400 MB, whose weights are all zero: a file of holes, which costs no disk.
    private func write(
        _ folder: Skein.Folder, tokenizerOf base: String, layers: Int = 6, d: Int = 1024, f: Int = 4096,
        vocabulary: Int = 320
    ) throws -> (model: String, bytes: Int) {
        var shapes = [("model.embed_tokens.weight", [vocabulary, d]), ("model.norm.weight", [d])]
        for layer in 0..<layers {
            for (name, shape) in [
                ("self_attn.q_proj", [d, d]), ("self_attn.k_proj", [d, d]), ("self_attn.v_proj", [d, d]),
                ("self_attn.o_proj", [d, d]), ("mlp.gate_proj", [f, d]), ("mlp.up_proj", [f, d]),
                ("mlp.down_proj", [d, f]), ("input_layernorm", [d]), ("post_attention_layernorm", [d]),
            ] {
                shapes.append(("model.layers.\(layer).\(name).weight", shape))
            }
        }
        var offset = 0
        let entries = shapes.map { name, shape in
            let start = offset
            offset += 4 * shape.reduce(1, *)
            return #""\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":[\#(start),\#(offset)]}"#
        }
        var header = Array("{\(entries.joined(separator: ","))}".utf8)
        while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
        let model = folder.path + "/model"
        try FileManager.default.createDirectory(atPath: model, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: base) where name.hasPrefix("tokenizer") {
            try FileManager.default.copyItem(atPath: "\(base)/\(name)", toPath: "\(model)/\(name)")
        }
        try folder.write(
            "model/config.json",
            """
            {"model_type": "llama", "vocab_size": \(vocabulary), "hidden_size": \(d), "intermediate_size": \(f),
            "num_hidden_layers": \(layers), "num_attention_heads": 16, "max_position_embeddings": 65536,
            "tie_word_embeddings": true}
            """)
        var file = Data()
        withUnsafeBytes(of: UInt64(header.count).littleEndian) { file.append(contentsOf: $0) }
        try (file + header).write(to: URL(filePath: model + "/model.safetensors"))
        let handle = try #require(FileHandle(forWritingAtPath: model + "/model.safetensors"))
        try handle.truncate(atOffset: UInt64(8 + header.count + offset))
        return (model, offset)
    }

    /// Runs a command to its end. -> the most memory that its process had, in bytes
    private func peak(_ words: [String]) async throws -> Int {
        let running = try Running(Skein.executable.path, words)
        var most = 0
        while running.isRunning {
            most = max(most, peak(running.pid) ?? 0)
            try await Task.sleep(for: .milliseconds(2))
        }
        let result = try await running.result()
        try #require(result.status == 0, "\(result.error)")
        return most
    }

    /// The most memory that a process has had so far, in bytes.
    private func peak(_ pid: Int32) -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") }),
            let kilobytes = line.split(whereSeparator: \.isWhitespace).dropLast().last.flatMap({ Int($0) })
        else { return nil }
        return kilobytes * 1024
    }

    @Test func weightsAreInMemoryOnce() async throws {
        let folder = try Skein.Folder()
        let (model, bytes) = try write(folder, tokenizerOf: await TinyRun.base.path() + "/base")
        let most = try await peak(
            ["generate", "--model", model, "--prompt", "Number", "--max-new-tokens", "40", "--stop", "\u{1}\u{1}"])
        #expect(most > bytes, "\(most) of \(bytes) bytes: the process was not seen")
        #expect(Double(most) < 1.2 * Double(bytes) + 300e6, "\(most) for \(bytes) bytes of weights")
    }

    /// One optimizer step of `sft` over one row of `tokens` tokens.
    private func fineTune(tokens: Int, vocabulary: Int, packing: Bool) async throws -> Int {
        let folder = try Skein.Folder()
        let (model, _) = try write(
            folder, tokenizerOf: await TinyRun.base.path() + "/base", layers: 1, d: 32, f: 32, vocabulary: vocabulary)
        let text = String(repeating: "\u{2603}", count: tokens / 3)
        try folder.write(
            "demos.jsonl", #"{"prompt":"a","completion":"\#(text)"}"# + "\n" + #"{"prompt":"a","completion":"b"}"#)
        try folder.write(
            "run.yaml",
            """
            name: memory
            run_directory: \(folder.path)/run
            stages: [reward_model]
            models: {base: \(model)}
            data: {sft: \(folder.path)/demos.jsonl}
            sft: {max_steps: 1, batch_size: 2, token_budget: \(2 * tokens), packing: \(packing), threads: 1}
            """)
        return try await peak(["sft", folder.path + "/run.yaml"])
    }

    /// 3,000 tokens and 131,072 entries are 1.6 GB for each copy of the logits.
    @Test func logitsAreInMemoryAFewRowsAtATime() async throws {
        let most = try await fineTune(tokens: 3000, vocabulary: 131_072, packing: false)
        #expect(most > 100_000_000, "the process was not seen")
        #expect(most < 900_000_000, "\(most)")
    }

    /// 24,000 tokens in a line are 2.3 GB for a mask of numbers.
    @Test func masksOfPackedLinesAreNotSquare() async throws {
        let most = try await fineTune(tokens: 24_000, vocabulary: 320, packing: true)
        #expect(most > 50_000_000, "the process was not seen")
        #expect(most < 600_000_000, "\(most)")
    }
}
