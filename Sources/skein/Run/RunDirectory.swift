import AtomicFiles
import Console
import Coordinator
import Foundation
import RunConfiguration
import RunLayout

/// The folder of a run and the rule which run may use it. It belongs to one command at a time, until that has ended.
struct RunDirectory: Sendable {
    /// Absolute, so that children may be started from anywhere.
    let path: String
    /// Whether PPO has started there, so that what the stages before it left must stay as it is.
    let hasStarted: Bool
    var runFile: String { RunLayout(path)[.runFile] }
    private let lock: RunLock
    /// False when the directory was removed or replaced since.
    var isInPlace: Bool { lock.isInPlace }

    /// Takes the directory, and lets the run in it go on with the configuration if that may be.
    ///
    /// - Parameters:
    ///   - start: where the policy of a new run comes from, if not from its run file.
    ///   - command: what a person types to go on with the run.
    init(
        configuration: RunConfiguration, resume: Bool, fresh: Bool, start: RunStart? = nil, command: String
    ) throws {
        let files = FileManager.default
        path = URL(filePath: configuration.runDirectory).standardizedFileURL.path
        do {
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CommandError(.failed, "cannot make the run directory \(path): \(error.localizedDescription)")
        }
        try Self.makePrivate(path)
        lock = try RunLock.take(path, for: "skein run")
        Self.removeLeftovers(in: path)
        // Not before: a run that is live in this directory has its ports itself.
        try Ports.check(configuration)
        if fresh {
            // Training stages know by the hash of their inputs whether they can be used again.
            for name in try files.contentsOfDirectory(atPath: path) where RunLayout.belongsToPPO(name) {
                try? files.removeItem(atPath: "\(path)/\(name)")
            }
        }
        hasStarted = RunLayout(path).holds(.journal)
        if resume, !hasStarted {
            throw CommandError(.usage, "--resume: \(path) holds no run to go on with; call again without it")
        }
        if !hasStarted { try start?.make(in: path) }
        try Self.adopt(configuration, in: path, command: command)
    }

    /// A run directory holds prompts, answers, weights and keys: nobody else may enter it.
    static func makePrivate(_ path: String) throws {
        var info = stat()
        guard stat(path, &info) == 0, info.st_mode & 0o077 != 0 else { return }
        guard chmod(path, 0o700) == 0 else {
            throw CommandError(
                .configuration,
                "\(path): others can enter the run directory, and it cannot be closed to them: \(String(cString: strerror(errno))); name another run_directory"
            )
        }
    }

    /// What processes that were killed have begun to write. The caller has the directory for itself.
    static func removeLeftovers(in path: String) {
        let layout = RunLayout(path)
        for place in [layout.directory, layout[.inspection]] { AtomicFile.removeLeftovers(in: place) }
    }

    /// Lets the run in the directory go on with a configuration, if that may be, and keeps it there. The caller has the
    /// directory for itself.
    static func adopt(_ configuration: RunConfiguration, in path: String, command: String) throws {
        if let history = try RunHistory.read(configuration, in: path) {
            try history.check(command: command)
            _ = try PPOInputs.check(configuration, command: command)
            try history.record()
            for sentence in history.sentences { Console.error(sentence) }
            if let sentence = history.scheduleSentence(configuration) { Console.error(sentence) }
            try keepEarlierPolicy(history, configuration)
        }
        let file = RunLayout(path)[.runFile]
        do {
            try AtomicFile.write(Data(configuration.ownYAML().utf8), to: file)
        } catch {
            throw CommandError(.failed, "cannot write \(file): \(error.localizedDescription)")
        }
    }

    /// `policy` is always that of the last step. When a finished run is extended, the one that it had is put aside, and what
    /// was measured of it.
    private static func keepEarlierPolicy(_ history: RunHistory, _ configuration: RunConfiguration) throws {
        let files = FileManager.default
        let layout = RunLayout(history.directory)
        let policy = layout[.policy]
        guard history.committed < configuration.ppo.steps, files.fileExists(atPath: policy) else { return }
        let kept = layout.earlierPolicy(history.committed)
        try? files.removeItem(atPath: kept)
        do {
            // It would be taken for words on the next policy. Into it first: what a crash leaves is whole at the next call.
            for entry in RunLayout.saidOfPolicy where layout.holds(entry) {
                let beside = RunLayout(policy)[entry]
                try? files.removeItem(atPath: beside)
                try files.moveItem(atPath: layout[entry], toPath: beside)
            }
            try files.moveItem(atPath: policy, toPath: kept)
        } catch {
            throw CommandError(.failed, "cannot move \(policy) to \(kept): \(error.localizedDescription)")
        }
        Console.error("the policy of step \(history.committed) is kept in \(kept), with its report")
    }
}
