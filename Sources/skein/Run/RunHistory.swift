import AtomicFiles
import Console
import Coordinator
import Foundation
import RunConfiguration
import RunLayout

/// What a run directory holds of a run that has started, beside the configuration that is to go on with it.
struct RunHistory: Sendable {
    let directory: String
    /// Where the directory was when the run was last started.
    let former: String
    let changes: ConfigurationChanges
    /// Steps that are made.
    let committed: Int

    /// - Returns: nil when no PPO has started there.
    static func read(_ configuration: RunConfiguration, in directory: String) throws -> RunHistory? {
        let journal = RunLayout(directory)[.journal]
        guard FileManager.default.fileExists(atPath: journal) else { return nil }
        guard let own = try configurationErrors({ try RunConfiguration.loadOwn(directory) }) else { return nil }
        var configuration = configuration
        configuration.runDirectory = own.configuration.runDirectory
        return RunHistory(
            directory: directory, former: own.former,
            changes: ConfigurationChanges(from: own.configuration, to: configuration),
            committed: JournalSummary.committedSteps(path: journal))
    }

    /// - Parameter command: what a person types to go on with the run.
    /// - Throws: an error that names each key that may not change any more.
    func check(command: String) throws {
        let refused = changes.refused(committed: committed)
        guard !refused.isEmpty else { return }
        let lines = refused.map { change in
            change.kind == .fixed
                ? "  \(change)" : "  \(change): \(committed) steps are made already; write \(committed) or more"
        }
        throw CommandError(
            .configuration,
            """
            \(directory) holds a run with another configuration, of which \(committed) steps are made; these keys may \
            not change any more (old -> new):
            \(lines.joined(separator: "\n"))
            Restore them to go on with it, set another run_directory for a run of its own, which can start from this \
            one's policy by --from \(directory), or throw that run away with: \(command) --fresh
            """)
    }

    /// A sentence for each change, as the terminal shows it.
    var sentences: [String] {
        let kept = changes.all.filter { $0.kind != .nextStep }.map { "changed: \($0)" }
        let coming = changes.all.filter { $0.kind == .nextStep }.map { "from step \(committed + 1) on: \($0)" }
        let moved = former == directory ? [] : ["\(directory) goes on; it was \(former) before"]
        return moved + kept + coming
    }

    /// What a longer or shorter run does to rates that follow a schedule; nil when nothing does.
    func scheduleSentence(_ configuration: RunConfiguration) -> String? {
        guard changes.all.contains(where: { $0.key == "ppo.steps" }) else { return nil }
        let ppo = configuration.ppo
        guard ppo.schedule != .constant || ppo.warmup > 0 else { return nil }
        return """
            the learning rates now follow the schedule of a run of \(ppo.steps) steps: \(ppo.schedule.rawValue), with a \
            warm-up of \(ppo.warmup) of them; step \(committed + 1) gets the rate that it has there
            """
    }

    /// Keeps what changed in `changes.jsonl`, a line a key, and lets files that name the former places name the new
    /// ones. Before the new run.yaml is written, so that an interrupted call is repeated.
    func record() throws {
        try rebase()
        guard !changes.isEmpty else { return }
        struct Line: Codable { var step: Int; var time: String; var key: String; var old: String; var new: String }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let time = Date.now.formatted(.iso8601)
        let path = RunLayout(directory)[.changes]
        do {
            var data = FileManager.default.contents(atPath: path) ?? Data()
            let last = data.split(separator: UInt8(ascii: "\n")).suffix(changes.all.count).compactMap {
                try? JSONDecoder().decode(Line.self, from: Data($0))
            }
            let isWritten =
                last.count == changes.all.count
                && zip(last, changes.all).allSatisfy { line, change in
                    line.step == committed && line.key == change.key && line.old == change.old
                        && line.new == change.new
                }
            // A crash before run.yaml was written: the same call writes the same changes again.
            guard !isWritten else { return }
            for change in changes.all {
                data += try encoder.encode(
                    Line(step: committed, time: time, key: change.key, old: change.old, new: change.new))
                data.append(UInt8(ascii: "\n"))
            }
            try AtomicFile.write(data, to: path)
        } catch {
            throw CommandError(.failed, "cannot write \(path): \(error.localizedDescription)")
        }
    }

    /// Adapters name the base that they were trained over, in PEFT's format, by its path.
    private func rebase() throws {
        var places = changes.all.filter { $0.kind == .place }.map { ($0.old, $0.new) }
        if former != directory { places.append((former, directory)) }
        guard !places.isEmpty, let files = FileManager.default.enumerator(atPath: directory) else { return }
        for case let name as String in files where name.hasSuffix("/adapter_config.json") {
            let path = "\(directory)/\(name)"
            guard let data = FileManager.default.contents(atPath: path),
                var object = try? JSONSerialization.jsonObject(with: data) as? [String: Any],
                let base = object["base_model_name_or_path"] as? String,
                let (old, new) = places.first(where: { base == $0.0 || base.hasPrefix($0.0 + "/") })
            else { continue }
            object["base_model_name_or_path"] = new + base.dropFirst(old.count)
            do {
                let data = try JSONSerialization.data(
                    withJSONObject: object, options: [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes])
                try AtomicFile.write(data, to: path)
            } catch {
                throw CommandError(.failed, "cannot write \(path): \(error.localizedDescription)")
            }
        }
    }
}
