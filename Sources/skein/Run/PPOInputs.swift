import Console
import Coordinator
import Foundation
import RunConfiguration
import RunInputs
import RunLayout

/// What the stage ppo learns from beside its run file: prompts and models. Held-out prompts change nothing of it. A run goes on only with those it was started with,
/// since half of its steps with one model and half with another would be nobody's result.
enum PPOInputs {
    /// Records of runs that were started by earlier versions have it.
    private static let formerKey = "data.evaluation_prompts"

    /// - Parameter command: what a person types to go on with the run.
    /// - Returns: the record that a new journal keeps.
    /// - Throws: when the journal of the run directory was started from other inputs.
    static func check(_ run: RunConfiguration, command: String) throws -> InputRecord {
        let record = try configurationErrors { try make(run) }
        let journal = run.layout[.journal]
        guard let text = JournalSummary.inputs(path: journal),
            let before = try? JSONDecoder().decode(InputRecord.self, from: Data(text.utf8))
        else { return record }
        let changed = record.differences(from: before).filter { $0 != formerKey }
        guard changed.isEmpty else {
            throw CommandError(
                .configuration,
                """
                \(run.runDirectory) holds a run that was started with other inputs; changed since: \
                \(changed.joined(separator: ", ")). Put them back to go on with it, set another run_directory, or throw \
                that run away with: \(command) --fresh
                """)
        }
        return record
    }

    private static func make(_ run: RunConfiguration) throws -> InputRecord {
        let hashes = FileHashes(keptIn: run.runDirectory)
        defer { hashes.save() }
        var record = InputRecord()
        if let start = RunStart.read(in: run.runDirectory) { try record.set("from", to: [start.run, "\(start.step)"]) }
        if let prompts = run.data.prompts { try record.add("data.prompts", file: prompts, hashes) }
        let scores = run.rewards.contains { if case .model = $0.kind { true } else { false } }
        let startsCritic = run.ppo.advantage == .gae && run.ppo.critic == .separate && run.ppo.criticFrom == .reward
        for (key, directory) in [
            ("models.policy", run.models.policy), ("models.reference", run.models.reference),
            ("models.reward", scores || startsCritic ? run.models.reward : nil),
        ] {
            if let directory { try record.add(key, model: directory, hashes) }
        }
        for reward in run.rewards {
            guard case .model(let keys) = reward.kind, let path = keys.path, path != run.models.reward else { continue }
            try record.add("rewards.\(reward.name).path", model: path, hashes)
        }
        return record
    }
}
