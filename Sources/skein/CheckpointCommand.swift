import ArgumentParser
import Console
import Foundation
import RunLayout

struct CheckpointCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint", abstract: "Look at the checkpoints of a run, or take a model out of one.",
        subcommands: [List.self, Export.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the checkpoints of a run.")
        @Argument(help: "Run directory.") var run: String

        private struct State: Decodable { var metrics: [String: Double] }

        func run() async throws {
            let checkpoints = try Checkpoints(of: run)
            guard !checkpoints.entries.isEmpty else {
                Console.output("no checkpoints in \(checkpoints.directory)")
                return
            }
            Console.output(Self.row(["STEP", "reward", "KL", "size", "written"]))
            for entry in checkpoints.entries {
                let state = FileManager.default.contents(atPath: "\(entry.path)/\(RunLayout.checkpointState)")
                    .flatMap { try? JSONDecoder().decode(State.self, from: $0) }
                func figure(_ key: String) -> String {
                    state?.metrics[key].map { String(format: "%.3f", $0) } ?? "-"
                }
                let written =
                    (try? FileManager.default.attributesOfItem(atPath: "\(entry.path)/\(RunLayout.checkpointState)"))?[
                        .modificationDate] as? Date
                Console.output(
                    Self.row([
                        String(entry.step), figure("critic/score/mean"), figure("actor/sequence_kl_k1"),
                        Self.size(of: entry.path), written?.formatted(.iso8601) ?? "-",
                    ]))
            }
        }

        private static func row(_ cells: [String]) -> String {
            cells.map { $0.padding(toLength: max(10, $0.count), withPad: " ", startingAt: 0) }.joined(separator: " ")
        }

        private static func size(of directory: String) -> String {
            var bytes = 0
            let files = FileManager.default.enumerator(atPath: directory)
            while let name = files?.nextObject() as? String {
                let attributes = try? FileManager.default.attributesOfItem(atPath: "\(directory)/\(name)")
                guard attributes?[.type] as? FileAttributeType == .typeRegular else { continue }
                bytes += attributes?[.size] as? Int ?? 0
            }
            return String(format: bytes < 10_000_000 ? "%.1f MB" : "%.0f MB", Double(bytes) / 1e6)
        }
    }

    struct Export: ParsableCommand {
        // `--help` is answered by the engine.
        static let configuration = CommandConfiguration(
            abstract: "Write a checkpoint's policy as a whole model directory.", helpNames: [])
        @Argument(parsing: .captureForPassthrough) var words: [String] = []

        func run() throws { try Engine.replaceProcess(arguments: ["checkpoint", "export"] + words) }
    }
}
