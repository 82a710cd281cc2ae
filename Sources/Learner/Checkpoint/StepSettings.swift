import AtomicFiles
import ClusterModel
import Foundation
package import RunConfiguration
import RunLayout
import Torch

/// What a step depends on beside weights and batch, as far as a run that has started may change it.
package struct StepBasis: Sendable, Equatable {
    package var settings: PPOSettings
    /// Of the learner. They decide the last bits of sums.
    package var threads: Int

    package init(settings: PPOSettings, threads: Int) {
        self.settings = settings
        self.threads = threads
    }

    package init(_ run: RunConfiguration) { self.init(settings: PPOSettings(run), threads: run.roles.learner.threads) }
}

/// By which run file each step since the checkpoint was made: a step that is repeated must be made by the one of then.
///
/// Owned by ``LearnerLoop``; `checkpoints/settings.json` has the run files, each with the first step that it holds for.
package struct StepSettings: Sendable {
    private struct Entry: Codable {
        var from: Int
        var runFile: String
    }

    private let file: URL
    private let text: String
    private let present: StepBasis
    private var earlier: [(from: Int, basis: StepBasis)] = []

    package init(_ run: RunConfiguration) {
        file = run.layout.url(.checkpoints).appending(path: RunLayout.stepSettings)
        text = run.resolvedYAML()
        present = StepBasis(run)
    }

    /// The present run file holds from step `committed` on, counted from 0. Call it before that step is made.
    ///
    /// - Parameter checkpoint: the step that the learner goes on from. What held before it is forgotten.
    mutating func begin(at committed: Int, checkpoint: Int) throws {
        var entries = try read()
        while entries.count > 1, entries[1].from <= checkpoint { entries.removeFirst() }
        earlier = try entries.map { ($0.from, try basis($0)) }
        // Before the first step of a run, and behind its last checkpoint, nothing is repeated.
        if let last = earlier.last, last.basis == present { return }
        while let last = entries.last, last.from >= max(committed, checkpoint) {
            entries.removeLast()
            earlier.removeLast()
        }
        entries.append(Entry(from: max(committed, checkpoint), runFile: text))
        earlier.append((max(committed, checkpoint), present))
        do {
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try AtomicFile.write(try JSONEncoder().encode(entries), to: file.path(percentEncoded: false))
        } catch {
            throw LearnerError(.io, "cannot write \(file.path(percentEncoded: false))", cause: error)
        }
    }

    func basis(of step: Int) -> StepBasis { earlier.last { $0.from <= step }?.basis ?? present }

    private func read() throws -> [Entry] {
        guard let data = FileManager.default.contents(atPath: file.path(percentEncoded: false)) else { return [] }
        do {
            return try JSONDecoder().decode([Entry].self, from: data)
        } catch {
            throw damaged(error)
        }
    }

    private func basis(_ entry: Entry) throws -> StepBasis {
        do {
            return StepBasis(try RunConfiguration(LearnerSetup(runFile: entry.runFile)))
        } catch {
            throw damaged(error)
        }
    }

    private func damaged(_ cause: any Error) -> LearnerError {
        LearnerError(
            .checkpoint,
            "\(file.path(percentEncoded: false)) does not say by which settings the steps since the checkpoint were made. If "
                + "you have changed none of `ppo` and no learner.threads since, remove it", cause: cause)
    }
}
