import Foundation
import Testing

/// Training stages that are killed and called again end with the bits of those that were left alone.
@Suite(.serialized, .onItsOwnThread) struct StageResumeTests {
    struct Stage: Sendable, CustomTestStringConvertible {
        var command: String
        var directory: String
        var testDescription: String { command }
    }

    private static let stages = [
        Stage(command: "pretrain", directory: "pretrained"), Stage(command: "sft", directory: "sft"),
        Stage(command: "reward-model", directory: "reward-model"),
    ]

    private func write(_ folder: Skein.Folder, base: String, run: String) throws -> String {
        func lines(_ line: (Int) -> String) -> String { (0..<60).map(line).joined(separator: "\n") + "\n" }
        try folder.write("text.jsonl", lines { #"{"text":"Number \#($0) is a number, and so is \#($0 * 7)."}"# })
        try folder.write(
            "demos.jsonl", lines { #"{"prompt":"Say \#($0):","completion":" \#($0) it is, \#($0 % 7)."}"# })
        try folder.write(
            "pairs.jsonl", lines { #"{"prompt":"Say \#($0):","chosen":" \#($0) it is.","rejected":" no \#($0 + 1)"}"# })
        try folder.write(
            "\(run).yaml",
            """
            name: resume
            seed: 5
            run_directory: \(folder.path)/\(run)
            stages: [pretrain]
            models: {base: \(base)}
            data: {pretrain: \(folder.path)/text.jsonl, sft: \(folder.path)/demos.jsonl, preferences: \(folder.path)/pairs.jsonl}
            pretrain: {epochs: 20, batch_size: 4, checkpoint_every: 7, learning_rate: 1e-3, threads: 1}
            sft: {epochs: 20, batch_size: 4, checkpoint_every: 7, evaluate_every: 10, validation_fraction: 0.1,
              learning_rate: 1e-3, threads: 1}
            reward_model: {epochs: 20, batch_size: 4, checkpoint_every: 7, learning_rate: 1e-3, threads: 1, lora: {rank: 2}}
            """)
        return "\(folder.path)/\(run).yaml"
    }

    @Test(arguments: stages) func aKilledStageEndsWithTheSameBits(_ stage: Stage) async throws {
        let base = try await TinyRun.base.path() + "/base"
        let folder = try Skein.Folder()
        // The base of sft and reward-model is what pretrain would make; here it is the given one.
        func file(_ run: String) throws -> String {
            let path = try write(folder, base: base, run: run)
            if stage.command != "pretrain" {
                let text = try String(contentsOfFile: path, encoding: .utf8)
                try folder.write("\(run).yaml", text.replacing("stages: [pretrain]", with: "stages: [reward_model]"))
            }
            return path
        }
        let whole = try await Skein.run([stage.command, file("whole")])
        try #require(whole.status == 0, "\(whole.error)")

        let path = try file("killed")
        let checkpoints = "\(folder.path)/killed/.\(stage.directory).checkpoints"
        var kills = 0
        var last = ""
        while kills < 2 {
            let running = try Running(Skein.executable.path, [stage.command, path])
            // Until there is a checkpoint beyond the last one.
            while running.isRunning {
                let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints)) ?? []
                if let newest = names.filter({ $0.hasPrefix("step-") }).max(), newest > last {
                    last = newest
                    break
                }
                try await Task.sleep(for: .milliseconds(2))
            }
            running.signal(SIGKILL)
            let result = try await running.result()
            try #require(result.status == SIGKILL, "the stage was over before it could be killed: \(result.error)")
            kills += 1
        }
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/killed/\(stage.directory)"))
        let result = try await Skein.run([stage.command, path])
        try #require(result.status == 0, "\(result.error)")
        #expect(result.error.contains("going on after step"), "\(result.error)")
        for name in try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/whole/\(stage.directory)")
        where name.hasSuffix(".safetensors") {
            let parts = ["whole", "killed"].map { "\(folder.path)/\($0)/\(stage.directory)/\(name)" }
            let bytes = try parts.map { try Data(contentsOf: URL(filePath: $0)) }
            #expect(bytes[0] == bytes[1], "\(name)")
        }
        #expect(!FileManager.default.fileExists(atPath: checkpoints))
    }
}
