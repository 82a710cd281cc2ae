package import Cluster
package import Foundation
import RunLayout

/// The files of a model directory that a worker needs, in the order of their names.
package enum PublishedFiles {
    /// Weights, configuration, tokenizer and reward files; state files of stages and hidden files stay here.
    package static func read(_ directory: URL) throws -> [ServedFile] {
        let path = directory.path(percentEncoded: false)
        do {
            let names = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
            let files = try names.filter(isPublished).map { name in
                try ServedFile(name: name, mapping: directory.appending(path: name))
            }
            guard files.contains(where: { $0.name == "config.json" }) else {
                throw LearnerError(.io, "\(path) holds no config.json: it is not a model directory")
            }
            return files
        } catch let error as LearnerError {
            throw error
        } catch {
            throw LearnerError(.io, "cannot read the model directory \(path)", cause: error)
        }
    }

    private static func isPublished(_ name: String) -> Bool {
        guard !name.hasPrefix("."), name != RunLayout.stageState, name != "metrics.json" else { return false }
        return [".json", ".safetensors", ".txt", ".jinja", ".model"].contains { name.hasSuffix($0) }
    }
}
