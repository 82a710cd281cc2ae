import AtomicFiles
import Console
import Foundation
import Reports
import RunConfiguration
import RunLayout

/// The policy that a new run starts from when it is one of another run: version 0 is a checkpoint of that run, exported
/// into the new run's directory, so that neither needs the other any more. Optimizer and critic are fresh, steps count
/// from 0, and the reference is what the new run file says.
struct RunStart: Sendable, Codable, Equatable {
    /// Name of the other run, and where it was.
    var run: String
    var directory: String
    /// Steps that had been made there.
    var step: Int

    /// What `--from` asks for: `RUN`, `RUN@step` or `RUN@best`; without a step the last checkpoint.
    private struct Wish {
        let text: String
        /// As it was given.
        let folder: String
        /// Absolute.
        let directory: String
        /// nil for the last one or the best.
        var step: Int?
        var isBest = false

        init(_ text: String) throws {
            self.text = text
            var folder = text
            // A directory may have an @ in its name.
            if !FileManager.default.fileExists(atPath: text), let at = text.lastIndex(of: "@") {
                let word = String(text[text.index(after: at)...])
                folder = String(text[..<at])
                isBest = word == "best"
                guard let number = Int(word) ?? (isBest || word == "latest" ? -1 : nil) else {
                    // A step of what?
                    guard FileManager.default.fileExists(atPath: folder) else { throw Self.missing(text, folder) }
                    throw CommandError(
                        .usage,
                        "--from \(text): '\(word)' is no step; write RUN@10, RUN@best, or RUN for the last one")
                }
                step = number < 0 ? nil : number
            }
            self.folder = folder
            directory = URL(filePath: folder).standardizedFileURL.path
        }

        static func missing(_ text: String, _ folder: String) -> CommandError {
            CommandError(
                .configuration,
                "--from \(text): there is no run directory \(folder); give the run_directory of a run that was started")
        }

        func isDirectory(_ other: String) -> Bool {
            func place(_ path: String) -> String {
                URL(filePath: path).resolvingSymlinksInPath().standardizedFileURL.path
            }
            return place(directory) == place(other)
        }

        /// Which step is the last or the best of the other run changes with time; the one that was taken stays.
        func isMet(by start: RunStart) -> Bool {
            isDirectory(start.directory) && (step == nil || step == start.step)
        }
    }

    private init(_ wish: Wish) throws {
        let checkpoints = try Checkpoints(of: wish.directory)
        let step = try wish.isBest ? Self.bestStep(of: checkpoints, wanted: wish.text) : wish.step
        self.step = try checkpoints.find(step).step
        run = checkpoints.configuration.name
        directory = checkpoints.directory
    }

    /// The step that was the best by the figure of the other run's `evaluation.best`.
    private static func bestStep(of checkpoints: Checkpoints, wanted: String) throws -> Int {
        let figure = checkpoints.configuration.evaluation.best
        let history = HeldOutHistory(runDirectory: checkpoints.directory)
        guard let best = history.best(by: figure, basis: history.basis) else {
            throw CommandError(
                .configuration,
                """
                --from \(wanted): \(checkpoints.directory) has no best step, because no step of it was measured by \(figure) \
                (evaluation.every); write a step of skein checkpoint list in place of best
                """)
        }
        return best.step
    }

    static func read(in runDirectory: String) -> RunStart? {
        guard let data = RunLayout(runDirectory).data(.startRecord) else { return nil }
        return try? JSONDecoder().decode(RunStart.self, from: data)
    }

    /// The start that a run has or is to have.
    ///
    /// - Parameter wanted: from the command line; nil: the one that the run directory has, if any.
    static func decide(_ wanted: String?, for run: RunConfiguration, fresh: Bool) throws -> RunStart? {
        let recorded = read(in: run.runDirectory)
        let present = fresh ? nil : recorded
        guard let wanted else {
            if fresh, let recorded {
                Console.error(
                    """
                    --fresh without --from: the run starts from its run file's models, no longer from step \(recorded.step) \
                    of \(recorded.directory) (--from \(recorded.directory)@\(recorded.step))
                    """)
            }
            return present
        }
        let wish = try Wish(wanted)
        // A run that has started from it goes on without it.
        guard present != nil || FileManager.default.fileExists(atPath: wish.directory) else {
            throw Wish.missing(wanted, wish.folder)
        }
        if run.stages.contains(.pretrain) || run.stages.contains(.sft) {
            throw CommandError(
                .configuration,
                """
                --from \(wanted): the policy comes from there, so the stages pretrain and sft have nothing to make; leave \
                them out of stages, and name models.base (and models.reward) where they are
                """)
        }
        // Whether it is to be thrown away or not: the checkpoint would go with it.
        guard !wish.isDirectory(run.runDirectory) else {
            throw CommandError(
                .configuration,
                """
                --from \(wanted): that is the run_directory of the new run too, \(run.runDirectory); name another \
                run_directory for it, for example --set run_directory=\(run.runDirectory)-2
                """)
        }
        let hasStarted = run.layout.holds(.journal)
        // The same command goes on, wherever the other run is by now.
        if let present, hasStarted, wish.isMet(by: present) {
            if wish.step == nil {
                Console.error(
                    "--from \(wanted): the run started from step \(present.step) of it, and goes on with that")
            }
            return present
        }
        let start = try RunStart(wish)
        if let present, present != start, hasStarted {
            throw CommandError(
                .configuration,
                """
                \(run.runDirectory) holds a run that was started from step \(present.step) of \(present.directory), not \
                from step \(start.step) of \(start.directory); set another run_directory, or call again with --fresh
                """)
        }
        if hasStarted, !fresh, present == nil {
            throw CommandError(
                .configuration,
                """
                --from: \(run.runDirectory) holds a run that was started without it; set another run_directory, or call \
                again with --fresh to throw that run away
                """)
        }
        return start
    }

    /// The run with its policy where the start is to be.
    ///
    /// - Parameter isAhead: the start may not have been exported yet; the model that the other run started from, which
    ///   has the same shape and tokenizer, stands for it.
    func applied(to run: RunConfiguration, isAhead: Bool = false) throws -> RunConfiguration {
        var run = run
        run.models.policy = run.layout[.start]
        if isAhead, Self.read(in: run.runDirectory) != self {
            run.models.policy = try Checkpoints(of: directory).configuration.models.policy
        }
        // What the run file does not name, the start is.
        run.models.base = run.models.base ?? run.models.policy
        run.models.reference = run.models.reference ?? run.models.policy
        return run
    }

    /// Exports the checkpoint, unless that was done before. The record is written last.
    func make(in runDirectory: String) throws {
        guard Self.read(in: runDirectory) != self else { return }
        let model = RunLayout(runDirectory)[.start]
        let record = RunLayout(runDirectory)[.startRecord]
        try? FileManager.default.removeItem(atPath: record)
        try? FileManager.default.removeItem(atPath: model)
        Console.error("the policy starts from step \(step) of \(directory)")
        try Engine.run(["checkpoint", "export", directory, String(step), model])
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        do {
            try AtomicFile.write(encoder.encode(self), to: record)
        } catch {
            throw CommandError(.failed, "cannot write \(record): \(error.localizedDescription)")
        }
    }
}
