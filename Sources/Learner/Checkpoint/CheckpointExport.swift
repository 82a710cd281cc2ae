package import Foundation
import LanguageModels
import PolicyOptimization
package import RunConfiguration
import RunLayout
import Torch

/// The policy of one checkpoint as a Hugging Face directory: the same files, to the byte, that the end of a run writes.
package enum CheckpointExport {
    /// - Parameters:
    ///   - run: that the checkpoint belongs to.
    ///   - step: nil for the last one.
    ///   - directory: appears whole or not at all.
    /// - Returns: the step.
    package static func write(_ run: RunConfiguration, step: Int?, to directory: URL) throws -> Int {
        let store = CheckpointStore(
            directory: run.layout.url(.checkpoints), keep: run.ppo.keepCheckpoints)
        let all = store.all()
        guard let checkpoint = step.map({ wanted in all.first { $0.step == wanted } }) ?? all.last else {
            let steps = all.isEmpty ? "none" : "those of " + all.map { String($0.step) }.joined(separator: ", ")
            throw LearnerError(
                .checkpoint,
                """
                \(run.runDirectory) holds no checkpoint of step \(step.map(String.init) ?? "1 or later"), but \(steps); \
                ppo.checkpoint_every says when one is left, and ppo.keep_checkpoints (\(run.ppo.keepCheckpoints)) how many \
                are kept
                """)
        }
        guard let base = run.models.policy else {
            throw LearnerError(.setting, "models.policy: the run file of \(run.runDirectory) names none")
        }
        let partial = RunLayout.partial(directory)
        let manager = FileManager.default
        try? manager.removeItem(at: partial)
        do {
            try manager.createDirectory(at: partial, withIntermediateDirectories: true)
            let path = partial.path(percentEncoded: false)
            let policy = checkpoint.url.appending(path: RunLayout.checkpointPolicy).path(percentEncoded: false)
            if AdapterFiles.isAdapter(policy) {
                let model = try CausalLM(directory: base, dtype: run.ppo.dtype == .bfloat16 ? .bfloat16 : .float32)
                let adapter = try LowRankAdapter(directory: policy, for: model.configuration)
                try CausalLM(sharing: model, adapter: adapter).export(to: path)
                try adapter.export(to: "\(path)/adapter")
            } else {
                try CausalLM(directory: policy).export(to: path)
            }
            try DurableFiles.replace(directory, with: partial)
        } catch {
            try? manager.removeItem(at: partial)
            throw error
        }
        return checkpoint.step
    }
}
