package import Foundation
import PolicyOptimization
import RunLayout

/// The checkpoints of a run: `checkpoints/step-000012/`, each whole or absent, the last few kept.
///
///     write:  .step-000012.partial  --flush--> --rename--> step-000012 --flush parent--> remove the oldest
///
/// A write that fails (disk full) removes its partial directory and leaves every older checkpoint as it was.
///
/// The policy of a step that was measured stands there as well, alone, as long as it is the best.
package struct CheckpointStore: Sendable {
    package let directory: URL
    /// Checkpoints that stay.
    package let keep: Int
    /// Another one that stays, however old it is.
    private let pinned: @Sendable (Set<Int>) -> Int?

    /// - Parameter pinned: asked at every write, with the steps that there are.
    package init(directory: URL, keep: Int, pinned: @escaping @Sendable (Set<Int>) -> Int? = { _ in nil }) {
        self.directory = directory
        self.keep = max(1, keep)
        self.pinned = pinned
    }

    /// Checkpoints that are there, oldest first, with those of a policy alone; what has another name is not touched.
    package func all() -> [(step: Int, url: URL)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path(percentEncoded: false))) ?? []
        return names.compactMap { name -> (step: Int, url: URL)? in
            RunLayout.checkpointStep(name).map { ($0, directory.appending(path: name)) }
        }.sorted { $0.step < $1.step }
    }

    package var steps: Set<Int> { Set(all().map(\.step)) }

    /// Those that a learner can go on from, oldest first.
    private func whole() -> [(step: Int, url: URL)] { all().filter { !isPolicyOnly($0.url) } }

    /// The one that a learner goes on from.
    package func latest() -> (step: Int, url: URL)? { whole().last }

    /// The directory of a version of the policy that a checkpoint has, or an older checkpoint; nil when none does.
    func policy(of version: Int, for checkpoint: (step: Int, url: URL)) -> URL? {
        let places =
            version == checkpoint.step
            ? [checkpoint.url.appending(path: RunLayout.checkpointPolicy)]
            : [
                checkpoint.url.appending(path: RunLayout.checkpointEarlier)
                    .appending(path: RunLayout.checkpointName(version)),
                url(step: version).appending(path: RunLayout.checkpointPolicy),
            ]
        return places.first { FileManager.default.fileExists(atPath: $0.path(percentEncoded: false)) }
    }

    package func url(step: Int) -> URL { directory.appending(path: RunLayout.checkpointName(step)) }

    /// Writes one checkpoint, and returns when the disk has it.
    ///
    /// - Parameter body: fills the empty directory it is given.
    /// - Returns: bytes of its files that stand nowhere else.
    @discardableResult
    package func write(step: Int, _ body: (URL) throws -> Void) throws -> Int {
        let bytes = try replace(step, body)
        let staying = pinned(steps)
        for old in whole().dropLast(keep) {
            if old.step == staying { strip(old.url) } else { remove(old.url) }
        }
        return bytes
    }

    /// Keeps the policy of a step, unless there is a checkpoint of it.
    ///
    /// - Parameter directory: the policy's; its files are linked.
    func keepPolicy(of step: Int, in directory: URL, metrics: [String: Double]) throws {
        guard !steps.contains(step) else { return }
        try replace(step) { partial in
            try LinkedFiles.link(directory, to: partial.appending(path: RunLayout.checkpointPolicy))
            let figures = try JSONEncoder().encode(["metrics": metrics.filter { $0.value.isFinite }])
            try figures.write(to: partial.appending(path: RunLayout.checkpointState))
            try Data().write(to: partial.appending(path: RunLayout.policyOnly))
        }
    }

    /// Removes the policies that were kept, but for the one that stays.
    func removeMeasured() {
        let staying = pinned(steps)
        for old in all() where old.step != staying && isPolicyOnly(old.url) { remove(old.url) }
    }

    private func isPolicyOnly(_ checkpoint: URL) -> Bool {
        let mark = checkpoint.appending(path: RunLayout.policyOnly)
        return FileManager.default.fileExists(atPath: mark.path(percentEncoded: false))
    }

    /// Leaves its policy alone: nobody goes on from it any more.
    private func strip(_ checkpoint: URL) {
        let manager = FileManager.default
        let kept = [RunLayout.checkpointPolicy, RunLayout.checkpointState, RunLayout.policyOnly]
        do {
            try Data().write(to: checkpoint.appending(path: RunLayout.policyOnly))
            try DurableFiles.flush(checkpoint)
        } catch {
            return
        }
        let names = (try? manager.contentsOfDirectory(atPath: checkpoint.path(percentEncoded: false))) ?? []
        for name in names where !kept.contains(name) { try? manager.removeItem(at: checkpoint.appending(path: name)) }
    }

    /// Under another name first: half of a checkpoint is none.
    private func remove(_ checkpoint: URL) {
        let doomed = RunLayout.partial(checkpoint)
        try? FileManager.default.removeItem(at: doomed)
        try? FileManager.default.moveItem(at: checkpoint, to: doomed)
        try? FileManager.default.removeItem(at: doomed)
    }

    @discardableResult
    private func replace(_ step: Int, _ body: (URL) throws -> Void) throws -> Int {
        let final = url(step: step)
        let partial = RunLayout.partial(final)
        let manager = FileManager.default
        do {
            try? manager.removeItem(at: partial)
            try manager.createDirectory(at: partial, withIntermediateDirectories: true)
            try body(partial)
            let bytes = LinkedFiles.ownBytes(of: partial)
            try DurableFiles.replace(final, with: partial)
            return bytes
        } catch {
            try? manager.removeItem(at: partial)
            throw LearnerError(
                .io,
                "cannot write the checkpoint of step \(step) to \(final.path(percentEncoded: false)); "
                    + "older checkpoints are as they were",
                cause: error)
        }
    }
}
