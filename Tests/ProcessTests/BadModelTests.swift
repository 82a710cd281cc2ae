import Foundation
import Testing

/// Model directories that cannot be used: exit code 78 and a message that names the file.
@Suite(.serialized, .onItsOwnThread) struct BadModelTests {
    private func damaged(
        prompt: String = "Number", _ change: (String) throws -> Void
    ) async throws -> Skein.Result {
        let folder = try Skein.Folder()
        let model = folder.path + "/model"
        try FileManager.default.copyItem(atPath: try await TinyRun.base.path() + "/base", toPath: model)
        try change(model)
        return try await Skein.run(
            ["generate", "--model", model, "--prompt", prompt, "--max-new-tokens", "2", "--temperature", "0"])
    }

    private func weights(_ model: String, _ change: (inout Data) -> Void) throws {
        let file = URL(filePath: model + "/model.safetensors")
        var data = try Data(contentsOf: file)
        change(&data)
        try data.write(to: file)
    }

    @Test(arguments: ["config.json", "model.safetensors", "tokenizer.json"])
    func aMissingFile(_ name: String) async throws {
        let result = try await damaged { try FileManager.default.removeItem(atPath: $0 + "/" + name) }
        #expect(result.status == 78 && result.error.contains(name), "\(result)")
    }

    @Test func truncatedWeights() async throws {
        let result = try await damaged { try weights($0) { $0.removeLast(1000) } }
        #expect(result.status == 78 && result.error.contains("model.safetensors"), "\(result)")
    }

    @Test func aHeaderThatLies() async throws {
        for lie: UInt64 in [UInt64.max, 1 << 40, 7] {
            let result = try await damaged {
                try weights($0) { data in
                    withUnsafeBytes(of: lie.littleEndian) { data.replaceSubrange(0..<8, with: $0) }
                }
            }
            #expect(result.status == 78 && result.error.contains("model.safetensors"), "\(result)")
        }
    }

    @Test func weightsThatAreNotNumbers() async throws {
        let result = try await damaged {
            try weights($0) { $0.replaceSubrange(($0.count - 4)..., with: [0, 0, 0xC0, 0x7F]) }
        }
        #expect(result.status == 78 && result.error.contains("NaN"), "\(result)")
    }

    /// A tokenizer with more tokens than the model has rows works as long as none of them occurs.
    @Test func aTokenBeyondTheModel() async throws {
        let result = try await damaged(prompt: "Number <big>", larger)
        #expect(result.status == 78 && result.error.contains("'<big>' (id 320)"), "\(result)")
        let other = try await damaged(prompt: "Number", larger)
        #expect(other.status == 0, "\(other)")
    }

    private func larger(_ model: String) throws {
        let file = URL(filePath: model + "/tokenizer.json")
        var json = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
        var added = json["added_tokens"] as? [[String: Any]] ?? []
        added.append([
            "id": 9999, "content": "<big>", "special": true, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false,
        ])
        json["added_tokens"] = added
        try JSONSerialization.data(withJSONObject: json).write(to: file)
    }
}
