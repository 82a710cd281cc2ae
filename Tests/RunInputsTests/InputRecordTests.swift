import Foundation
import Testing

@testable import RunInputs

/// A folder that is removed at the end of the test.
struct Folder: ~Copyable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "skein-inputs-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ name: String, _ text: String) throws -> String {
        let file = URL(filePath: "\(path)/\(name)")
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try text.write(to: file, atomically: false, encoding: .utf8)
        return file.path
    }
}

@Suite struct InputRecordTests {
    private func record(_ directory: String) throws -> InputRecord {
        var record = InputRecord()
        try record.add("models.base", model: directory, FileHashes())
        return record
    }

    @Test func everyFileOfAModelThatMattersCounts() throws {
        for name in ModelDirectory.names + ["additional_chat_templates/tool_use.jinja"] {
            let folder = try Folder()
            try folder.write("config.json", "{}")
            try folder.write("model.safetensors", "weights")
            try folder.write(name, "one")
            let before = try record(folder.path)
            #expect(try record(folder.path) == before)
            try folder.write(name, "two")
            let changed = try record(folder.path)
            #expect(changed.hash != before.hash && changed.differences(from: before) == ["models.base: \(name)"])
            try FileManager.default.removeItem(atPath: "\(folder.path)/\(name)")
            #expect(try record(folder.path).hash != before.hash, "\(name)")
        }
    }

    @Test func theShardsOfAnIndexCountAndOtherFilesDoNot() throws {
        let folder = try Folder()
        try folder.write("config.json", "{}")
        try folder.write(
            "model.safetensors.index.json",
            #"{"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors","c":"model-1.safetensors"}}"#)
        for shard in 1...3 { try folder.write("model-\(shard).safetensors", "shard \(shard)") }
        let before = try record(folder.path)
        #expect(before.files.count == 4)
        try folder.write("model-3.safetensors", "no part of the index")
        try folder.write("README.md", "words")
        try folder.write("stage.json", #"{"seconds":2}"#)
        #expect(try record(folder.path) == before)
        try folder.write("model-2.safetensors", "other")
        #expect(try record(folder.path).differences(from: before) == ["models.base: model-2.safetensors"])
        // One file of weights is read in place of the index.
        try folder.write("model.safetensors", "all")
        #expect(
            try record(folder.path).files.keys.sorted() == [
                "models.base: config.json", "models.base: model.safetensors",
            ])
    }

    @Test func settingsAreTypedAndSorted() throws {
        struct A: Encodable { var one = 1; var two = [0.1, 3e-5]; var none: Int? }
        struct B: Encodable { var two = [0.1, 3e-5]; var one = 1 }
        struct C: Encodable { var one = "1"; var two = [0.1, 3e-5] }
        func hash(_ value: some Encodable) throws -> String {
            var record = InputRecord()
            try record.set("sft", to: value)
            return record.hash
        }
        #expect(try hash(A()) == hash(B()) && hash(A()) == hash(A()))
        #expect(try hash(A()) != hash(C()))
        #expect(try hash(A()) != hash(A(none: 1)))
    }

    @Test func partsDoNotRunTogether() throws {
        var (first, second) = (InputRecord(), InputRecord())
        try first.set("ab", to: "c")
        try second.set("a", to: "bc")
        #expect(first.hash != second.hash)
    }

    @Test func recordsSurviveJSON() throws {
        let folder = try Folder()
        var record = InputRecord()
        try record.set("seed", to: 1 << 60)
        try record.add("data.sft", file: folder.write("a.jsonl", "{}"), FileHashes())
        try record.add("data.prompts", file: folder.path + "/missing", FileHashes())
        #expect(record.files.keys.sorted() == ["data.sft"])
        #expect(try JSONDecoder().decode(InputRecord.self, from: record.json()) == record)
    }
}

@Suite struct FileHashTests {
    /// Waits until a file's last change is so long ago that its hash is kept.
    private func settle() async throws { try await Task.sleep(for: .milliseconds(2200)) }

    @Test func aFileIsReadOnceUntilItChanges() async throws {
        let folder = try Folder()
        let file = try folder.write("weights", "one")
        try await settle()
        let first = FileHashes(keptIn: folder.path)
        let hash = try first.hash(file)
        #expect(try first.hash(file) == hash && first.filesRead == 1)
        first.save()
        let second = FileHashes(keptIn: folder.path)
        #expect(try second.hash(file) == hash && second.filesRead == 0)

        // The same size, and the time of modification that it had before.
        let modified = try #require(try FileManager.default.attributesOfItem(atPath: file)[.modificationDate] as? Date)
        try folder.write("weights", "two")
        try FileManager.default.setAttributes([.modificationDate: modified], ofItemAtPath: file)
        let third = FileHashes(keptIn: folder.path)
        #expect(try third.hash(file) != hash && third.filesRead == 1)

        // Another file renamed into its place, as exports do.
        try folder.write("other", "thr")
        try FileManager.default.removeItem(atPath: file)
        try FileManager.default.moveItem(atPath: folder.path + "/other", toPath: file)
        let replaced = try third.hash(file)
        #expect(try replaced == FileHashes().hash(file) && third.filesRead == 2)
    }

    @Test func whatChangedAMomentAgoIsNotKept() throws {
        let folder = try Folder()
        let file = try folder.write("weights", "one")
        let hashes = FileHashes(keptIn: folder.path)
        _ = try hashes.hash(file)
        _ = try hashes.hash(file)
        #expect(hashes.filesRead == 2)
    }

    @Test func aDamagedCacheIsNoCache() throws {
        let folder = try Folder()
        let file = try folder.write("weights", "one")
        try folder.write(".file-hashes.json", "{\"\(file)\":")
        let hashes = FileHashes(keptIn: folder.path)
        #expect(try hashes.hash(file).count == 64 && hashes.filesRead == 1)
        #expect { try hashes.hash(folder.path + "/missing") } throws: { _ in true }
    }
}
