import Foundation
import RunLayout

/// A run of seconds that needs nothing but the executables: a model of one layer, a reward by rule.
enum ToyRun {
    /// Makes its model and prompts in the folder. Returns the path of its run file.
    static func make(in folder: String, skein: String) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let text = (0..<200).map { #"{"text":"Number \#($0) is a number, and so is \#($0 * 7)."}"# }
        try write(text.joined(separator: "\n") + "\n", to: folder + "/text.jsonl")
        let prompts = (0..<40).map { #"{"prompt":"Say something about number \#($0):"}"# }
        try write(prompts.joined(separator: "\n") + "\n", to: folder + "/prompts.jsonl")
        try write(
            """
            name: base
            run_directory: \(folder)/base
            stages: [pretrain]
            data: {pretrain: \(folder)/text.jsonl}
            architecture: {layers: 1, hidden: 32, intermediate: 64, heads: 2, kv_heads: 1, vocabulary: 320, context: 128}
            pretrain: {epochs: 1, max_steps: 5, threads: 1}
            """, to: folder + "/base.yaml")
        try Command.run(skein, "pretrain", folder + "/base.yaml")
        try write(
            """
            name: toy
            seed: 3
            run_directory: \(folder)/run
            stages: [ppo]
            models: {base: \(RunLayout(folder + "/base")[.pretrained])}
            data: {prompts: \(folder)/prompts.jsonl}
            rollout: {prompts_per_step: 16, prompts_per_job: 2, max_new_tokens: 48}
            schedule: {mode: lag, lag: 1}
            ppo: {epochs: 1, minibatches: 2, learning_rate: 1e-3, critic_from: policy}
            coordinator: {lease_s: 5, grace_s: 120}
            roles: {generator: {count: 2, threads: 1}, scorer: {count: 1, threads: 1}, learner: {threads: 1}}
            rewards: [{kind: length, target: 12}]
            """, to: folder + "/toy.yaml")
        return folder + "/toy.yaml"
    }

    private static func write(_ text: String, to path: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }
}
