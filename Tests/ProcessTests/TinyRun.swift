import Foundation
import Testing

/// A run that takes seconds: a model of one layer, a reward by rule, a few steps.
struct TinyRun {
    let folder: Skein.Folder
    var directory: String { folder.path + "/run" }
    var file: String { folder.path + "/run.yaml" }

    /// - Parameter keys: more lines of YAML.
    init(steps: Int = 3, mode: String = "mode: sync", generators: Int = 2, newTokens: Int = 24, keys: String = "")
        async throws
    {
        folder = try Skein.Folder()
        try FileManager.default.copyItem(atPath: try await Self.base.path() + "/base", toPath: folder.path + "/base")
        let prompts = (0..<40).map { #"{"prompt":"Say something about number \#($0):"}"# }
        try folder.write("prompts.jsonl", prompts.joined(separator: "\n") + "\n")
        try folder.write(
            "run.yaml",
            """
            name: tiny
            seed: 3
            run_directory: \(folder.path)/run
            stages: [ppo]
            models: {base: \(folder.path)/base}
            data: {prompts: \(folder.path)/prompts.jsonl}
            rollout: {prompts_per_step: 16, prompts_per_job: 2, max_new_tokens: \(newTokens)}
            schedule: {\(mode)}
            ppo: {steps: \(steps), epochs: 1, minibatches: 2, learning_rate: 1e-3, critic_from: policy}
            coordinator: {status: "127.0.0.1:0", lease_s: 5, grace_s: 120}
            roles: {generator: {count: \(generators), threads: 1}, scorer: {count: 1, threads: 1}, learner: {threads: 1}}
            \(keys.isEmpty ? "rewards: [{kind: length, target: 12}]" : keys)
            """)
    }

    /// The model that all tiny runs start from, made once.
    static let base = TinyBase()

    func start() throws -> Running { try Running(Skein.executable.path, ["run", file]) }

    /// By which a process of a role that is started by hand joins.
    func key(_ role: String) -> [String] { ["--key", "\(directory)/keys/\(role).key"] }

    /// Where the coordinator listens, once it does.
    func endpoint() async throws -> String? {
        try await eventually { () -> String? in
            guard let data = FileManager.default.contents(atPath: directory + "/coordinator.json") else { return nil }
            return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["endpoint"] as? String
        }
    }

    /// /v1/status; nil when nobody answers.
    func status() async throws -> [String: Any]? {
        let result = try await Skein.run(["status", "--json", "--run", directory])
        return try? JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
    }

    /// Steps that have their line.
    var committed: Int {
        let lines = try? String(contentsOfFile: directory + "/metrics.jsonl", encoding: .utf8)
        return lines?.split(separator: "\n").count ?? 0
    }

    /// The end of what each process logged, for the message of a failure.
    func logs() -> String {
        let folder = directory + "/logs"
        return ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted().map { name in
            let text = (try? String(contentsOfFile: folder + "/" + name, encoding: .utf8)) ?? ""
            return "\n== \(name)\n" + text.suffix(1500)
        }.joined()
    }

    struct Worker { var name: String; var role: String; var state: String; var pid: Int32; var jobsDone: Int }

    func workers() async throws -> [Worker] {
        let list = try await status()?["worker_list"] as? [[String: Any]] ?? []
        return list.map {
            Worker(
                name: $0["name"] as? String ?? "", role: $0["role"] as? String ?? "",
                state: $0["state"] as? String ?? "",
                pid: Int32($0["pid"] as? Int ?? 0), jobsDone: $0["jobs_done"] as? Int ?? 0)
        }
    }

    func summary() throws -> [String: Any] {
        let data = try Data(contentsOf: URL(filePath: directory + "/summary.json"))
        return try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    func policy() throws -> Data { try Data(contentsOf: URL(filePath: directory + "/policy/model.safetensors")) }
}

actor TinyBase {
    private var made: Task<Skein.Folder, any Error>?

    /// Path of a folder with `base`, a Hugging Face directory.
    func path() async throws -> String {
        let task =
            made
            ?? Task {
                let folder = try Skein.Folder()
                let text = (0..<200).map { #"{"text":"Number \#($0) is a number, and so is \#($0 * 7)."}"# }
                try folder.write("text.jsonl", text.joined(separator: "\n") + "\n")
                try folder.write(
                    "run.yaml",
                    """
                    name: base
                    run_directory: \(folder.path)/run
                    stages: [pretrain]
                    data: {pretrain: \(folder.path)/text.jsonl}
                    architecture: {layers: 1, hidden: 32, intermediate: 64, heads: 2, kv_heads: 1, vocabulary: 320, context: 128}
                    pretrain: {epochs: 1, max_steps: 5, threads: 1}
                    """)
                let result = try await Skein.run(["pretrain", folder.path + "/run.yaml"])
                try #require(result.status == 0, "\(result.error)")
                try FileManager.default.moveItem(atPath: folder.path + "/run/pretrained", toPath: folder.path + "/base")
                return folder
            }
        made = task
        return try await task.value.path
    }
}
