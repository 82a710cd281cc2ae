import Console
import Foundation
import RunConfiguration
import RunLayout

/// The checkpoints of a run directory, without libtorch.
struct Checkpoints {
    struct Entry {
        var step: Int
        var path: String
    }

    let directory: String
    let configuration: RunConfiguration
    /// Oldest first.
    let entries: [Entry]

    init(of directory: String) throws {
        (self.directory, configuration) = try RunConfiguration.ofRun(directory)
        let folder = RunLayout(self.directory)[.checkpoints]
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        entries = names.compactMap { name in
            RunLayout.checkpointStep(name).map { Entry(step: $0, path: "\(folder)/\(name)") }
        }.sorted { $0.step < $1.step }
    }

    /// - Parameter step: nil for the last one.
    func find(_ step: Int?) throws -> Entry {
        guard let last = entries.last else {
            throw CommandError(
                .configuration,
                "\(directory) holds no checkpoint yet; ppo.checkpoint_every says when it leaves one, and a run that ends or is stopped does"
            )
        }
        guard let step else { return last }
        guard let entry = entries.first(where: { $0.step == step }) else {
            let steps = entries.map { String($0.step) }.joined(separator: ", ")
            throw CommandError(
                .configuration,
                """
                \(directory) holds no checkpoint of step \(step), only of \(steps); ppo.checkpoint_every says when a run \
                leaves one, and ppo.keep_checkpoints (\(configuration.ppo.keepCheckpoints)) how many it keeps
                """)
        }
        return entry
    }
}

extension RunConfiguration {
    /// The run in a directory.
    ///
    /// - Throws: an error that says what the directory is in place of a run directory, and what to give.
    static func ofRun(_ directory: String) throws -> (path: String, configuration: RunConfiguration) {
        let path = URL(filePath: directory).standardizedFileURL.path
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandError(
                .configuration, "there is no run directory \(path); give the run_directory of a run that was started")
        }
        guard let own = try configurationErrors({ try loadOwn(path) }) else {
            throw CommandError(
                .configuration,
                """
                \(path) holds no run: there is no \(RunLayout.Entry.runFile.rawValue) that skein run keeps; give the run_directory of a run that \
                was started
                """)
        }
        return (path, own.configuration)
    }
}
