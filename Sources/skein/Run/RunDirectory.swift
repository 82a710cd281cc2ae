import Console
import Foundation
import RunConfiguration

/// The folder of a run and the rule which run may use it. It belongs to one command at a time, until that has ended.
struct RunDirectory: Sendable {
    /// Absolute, so that children may be started from anywhere.
    let path: String
    var runFile: String { path + "/run.yaml" }
    private let lock: RunLock

    private static let belongsToPPO = [
        "journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm", "checkpoints", "policy", "metrics.jsonl",
        "samples.jsonl", "evaluation.json", "evaluations.jsonl", "policy-best", "stages.json", "report.html",
        "summary.json", "logs",
    ]

    init(configuration: RunConfiguration, resume: Bool, fresh: Bool) throws {
        let files = FileManager.default
        path = URL(filePath: configuration.runDirectory).standardizedFileURL.path
        let resolved = try configurationErrors { try configuration.resolvedYAML() }
        do {
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CommandError(.failed, "cannot make the run directory \(path): \(error.localizedDescription)")
        }
        lock = try RunLock.take(path, for: "skein run")
        if fresh {
            // Training stages know by the hash of their inputs whether they can be used again.
            for name in Self.belongsToPPO { try? files.removeItem(atPath: "\(path)/\(name)") }
        }
        let before = files.contents(atPath: path + "/run.yaml").map { String(decoding: $0, as: UTF8.self) }
        let started = files.fileExists(atPath: path + "/journal.sqlite")
        if resume, !started {
            throw CommandError(.usage, "--resume: \(path) holds no run to go on with; call again without it")
        }
        if started, let before, before != resolved {
            throw CommandError(
                .configuration,
                """
                \(path) holds a run with another configuration (see \(path)/run.yaml); \
                set another run_directory, or call again with --fresh to throw that run away
                """)
        }
        do {
            try Data(resolved.utf8).write(to: URL(filePath: runFile), options: .atomic)
        } catch {
            throw CommandError(.failed, "cannot write \(runFile): \(error.localizedDescription)")
        }
    }
}
