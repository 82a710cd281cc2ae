import Foundation
import RunInputs
import Testing

@testable import Training

@Suite struct StageDirectoryTests {
    func inTemporaryDirectory(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "skein-stage-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory)
    }

    private func inputs(_ value: String) throws -> InputRecord {
        var record = InputRecord()
        try record.set("key", to: value)
        return record
    }

    @Test func aFinishedStageIsUsedAgainOnlyForTheSameInputs() throws {
        try inTemporaryDirectory { root in
            let stage = try StageDirectory(stage: "sft", final: root.appending(path: "sft"), inputs: inputs("a"))
            #expect(stage.finished == nil)
            let partial = try stage.begin()
            try Data("weights".utf8).write(to: partial.appending(path: "model.safetensors"))
            #expect(stage.finished == nil)
            let state = try stage.commit(seconds: 1.5, figures: ["loss": 2])
            #expect(stage.finished == state)
            #expect(try StageDirectory(stage: "sft", final: stage.final, inputs: inputs("b")).finished == nil)
            let names = try FileManager.default.contentsOfDirectory(atPath: root.path)
            #expect(names == ["sft"])
        }
    }

    @Test func aNewResultReplacesTheOldOneWhole() throws {
        try inTemporaryDirectory { root in
            let final = root.appending(path: "sft")
            let old = try StageDirectory(stage: "sft", final: final, inputs: inputs("a"))
            try Data("old".utf8).write(to: try old.begin().appending(path: "only-old"))
            _ = try old.commit(seconds: 1, figures: [:])
            let new = try StageDirectory(stage: "sft", final: final, inputs: inputs("b"))
            try Data("new".utf8).write(to: try new.begin().appending(path: "only-new"))
            #expect(old.finished != nil)
            _ = try new.commit(seconds: 1, figures: [:])
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: final.path).sorted() == ["only-new", "stage.json"])
        }
    }

    /// A copy that broke off, a file that went: the stage is made again and names the file.
    @Test func aDamagedResultIsNotUsedAgain() throws {
        try inTemporaryDirectory { root in
            let stage = try StageDirectory(stage: "sft", final: root.appending(path: "sft"), inputs: inputs("a"))
            let partial = try stage.begin()
            let folder = partial.appending(path: "adapter")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data("weights".utf8).write(to: partial.appending(path: "model.safetensors"))
            try Data("low rank".utf8).write(to: folder.appending(path: "adapter_model.safetensors"))
            _ = try stage.commit(seconds: 1, figures: [:])
            try Data("more".utf8).write(to: stage.final.appending(path: "of-the-user.txt"))
            #expect(stage.finished != nil && stage.unusable == nil)
            try FileManager.default.removeItem(at: stage.final.appending(path: "adapter/adapter_model.safetensors"))
            #expect(stage.finished == nil)
            #expect(stage.unusable == "is damaged (adapter/adapter_model.safetensors is missing)")
            try Data("low rank".utf8).write(to: stage.final.appending(path: "adapter/adapter_model.safetensors"))
            #expect(stage.finished != nil)
            try Data("wei".utf8).write(to: stage.final.appending(path: "model.safetensors"))
            #expect(stage.finished == nil)
            #expect(stage.unusable == "is damaged (model.safetensors has 3 bytes and had 7)")
        }
    }

    /// States of earlier versions name no files.
    @Test func aResultWhoseFilesAreNotKnownIsUsedAgain() throws {
        try inTemporaryDirectory { root in
            let stage = try StageDirectory(stage: "sft", final: root.appending(path: "sft"), inputs: inputs("a"))
            _ = try stage.begin()
            var state = try stage.commit(seconds: 1, figures: [:])
            state.files = nil
            try JSONEncoder().encode(state).write(to: stage.final.appending(path: "stage.json"))
            #expect(stage.finished == state && stage.unusable == nil)
        }
    }

    @Test func whatAnInterruptedCallLeftIsRemoved() throws {
        try inTemporaryDirectory { root in
            let stage = try StageDirectory(stage: "sft", final: root.appending(path: "sft"), inputs: inputs("a"))
            try Data("half".utf8).write(to: try stage.begin().appending(path: "half"))
            #expect(try FileManager.default.contentsOfDirectory(atPath: stage.begin().path).isEmpty)
        }
    }
}

@Suite struct LengthBatchTests {
    @Test func everyRowOnceAndNeighboursInLengthTogether() {
        let lengths = (0..<100).map { ($0 * 37) % 64 + 1 }
        let batches = LengthBatches(lengths: lengths, batch: 8, seed: 1)
        let first = batches.epoch(0)
        #expect(first.flatMap { $0 }.sorted() == Array(0..<100))
        #expect(first.count == batches.batchesPerEpoch)
        #expect(first == LengthBatches(lengths: lengths, batch: 8, seed: 1).epoch(0))
        #expect(first != batches.epoch(1))
        #expect(first != LengthBatches(lengths: lengths, batch: 8, seed: 2).epoch(0))
        let padding = first.reduce(0) { sum, rows in
            let longest = rows.map { lengths[$0] }.max() ?? 0
            return sum + rows.reduce(0) { $0 + longest - lengths[$1] }
        }
        #expect(Double(padding) / Double(lengths.reduce(0, +)) < 0.25)
    }
}
