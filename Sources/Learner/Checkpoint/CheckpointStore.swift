package import Foundation
import PolicyOptimization
import RunLayout

/// The checkpoints of a run: `checkpoints/step-000012/`, each whole or absent, the last few kept.
///
///     write:  .step-000012.partial  --flush--> --rename--> step-000012 --flush parent--> remove the oldest
///
/// A write that fails (disk full) removes its partial directory and leaves every older checkpoint as it was.
package struct CheckpointStore: Sendable {
    package let directory: URL
    /// Checkpoints that stay; at least lag + 2, so that a restarted learner can publish again every version that a
    /// lease may still name.
    package let keep: Int
    /// Another one that stays, however old it is.
    private let pinned: @Sendable (Set<Int>) -> Int?

    /// - Parameter pinned: asked at every write, with the steps that there are.
    package init(directory: URL, keep: Int, pinned: @escaping @Sendable (Set<Int>) -> Int? = { _ in nil }) {
        self.directory = directory
        self.keep = max(1, keep)
        self.pinned = pinned
    }

    /// Checkpoints that are there, oldest first; what has another name is not touched.
    package func all() -> [(step: Int, url: URL)] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path(percentEncoded: false))) ?? []
        return names.compactMap { name -> (step: Int, url: URL)? in
            RunLayout.checkpointStep(name).map { ($0, directory.appending(path: name)) }
        }.sorted { $0.step < $1.step }
    }

    package var steps: Set<Int> { Set(all().map(\.step)) }

    /// The last ones, of which leases may still name the policies; oldest first.
    package func recent() -> [(step: Int, url: URL)] { all().suffix(keep) }

    package func latest() -> (step: Int, url: URL)? { all().last }

    package func url(step: Int) -> URL { directory.appending(path: RunLayout.checkpointName(step)) }

    /// Writes one checkpoint.
    ///
    /// - Parameter body: fills the empty directory it is given.
    package func write(step: Int, _ body: (URL) throws -> Void) throws {
        let final = url(step: step)
        let partial = RunLayout.partial(final)
        let manager = FileManager.default
        do {
            try? manager.removeItem(at: partial)
            try manager.createDirectory(at: partial, withIntermediateDirectories: true)
            try body(partial)
            try DurableFiles.replace(final, with: partial)
        } catch {
            try? manager.removeItem(at: partial)
            throw LearnerError(
                .io,
                "cannot write the checkpoint of step \(step) to \(final.path(percentEncoded: false)); "
                    + "older checkpoints are as they were",
                cause: error)
        }
        let staying = pinned(steps)
        for old in all().dropLast(keep) where old.step != staying { try? manager.removeItem(at: old.url) }
    }
}
