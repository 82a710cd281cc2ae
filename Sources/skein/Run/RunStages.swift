import ClusterModel
import Console
import Coordinator
import Foundation
import Keys
import Reports
import RunConfiguration
import RunLayout
import Supervision
import Synchronization

/// The stages of a run, one after the other, with the time each took.
struct RunStages: Sendable {
    let configuration: RunConfiguration
    let directory: RunDirectory
    let listening: Listening
    /// Workers come from elsewhere, and none is started here.
    var isHead = false
    /// At which it stops in order.
    var signals = Signals.endingOrInterrupt
    let logLevel: String
    /// What a person types to go on with the run.
    let command: String

    func run() async throws {
        var times = StageTimes(in: directory.path)
        for stage in configuration.stages {
            let (started, steps) = (ContinuousClock.now, committedSteps)
            Console.error("== \(stage.rawValue)")
            /// Whether somebody asked for an end while the stage came to its own.
            let result: Result<Bool, any Error>
            do {
                switch stage {
                case .ppo:
                    try await runPPO()
                    result = .success(false)
                case .pretrain, .sft, .rewardModel, .evaluate: result = .success(try await runEngine(stage))
                }
            } catch {
                result = .failure(error)
            }
            let seconds = (ContinuousClock.now - started) / .seconds(1)
            // Another run may be in a directory that was replaced.
            guard directory.isInPlace else {
                _ = try result.get()
                throw CommandError(
                    .failed, "the run directory \(directory.path) was removed or replaced while the run was live")
            }
            do {
                // What a command did before it was stopped counts as well.
                if steps != committedSteps || (try? result.get()) != nil {
                    try times.record(stage.rawValue, seconds: seconds, adds: stage == .ppo && steps != committedSteps)
                } else if stage != .ppo, case .failure(let error as CommandError) = result,
                    error.status != .configuration
                {
                    try times.interrupted(stage.rawValue, seconds: seconds)
                }
            } catch {
                // Where a full disk ended the stage, this cannot be written either; the stage's own words come first.
                _ = try result.get()
                throw error
            }
            if try result.get(), stage != configuration.stages.last {
                throw CommandError(
                    .tryAgain, "stopped as asked after the stage \(stage.rawValue); go on with: \(command)")
            }
        }
        try ReportCommand.write(runDirectory: directory.path)
        try checkOutcome()
    }

    private var committedSteps: Int { JournalSummary.committedSteps(path: RunLayout(directory.path)[.journal]) }

    /// A policy that is worse than its start is no success, though every step was made.
    private func checkOutcome() throws {
        let kept = (try? Checkpoints(of: directory.path))?.entries.map(\.step) ?? []
        guard
            let (reason, sound) = RunReport.degradation(
                runDirectory: directory.path, facts: ReportCommand.facts(directory.path), kept: kept)
        else { return }
        let rate = "ppo.learning_rate below \(configuration.ppo.learningRate)"
        let back =
            sound.map { step in
                "go back with: \(Invocation.skein) run --from \(directory.path)@\(step) NEW.yaml, with a \(rate)"
            }
            ?? "no checkpoint from before is kept; start it anew by --fresh with a \(rate)"
        throw CommandError(
            .degraded,
            """
            the run is over, but the policy is probably destroyed: \(reason); \(back). Its alarms are in \
            \(RunLayout(directory.path)[.report])
            """)
    }

    /// One stage in a process of its own, which ends with this one, however that comes.
    ///
    /// - Returns: true when it was interrupted and came to its end all the same.
    private func runEngine(_ stage: Stage) async throws -> Bool {
        let arguments =
            [stage.command, directory.runFile, "--supervised"]
            + (directory.hasStarted && stage != .evaluate ? ["--must-be-finished"] : [])
        let process = ChildProcess(
            try Engine.path(), arguments, name: Invocation.firstOfEngine, output: .inherited)
        // An interrupt may come before there is a process to pass it on to.
        let running = Mutex<Running>(Running())
        let end = try await interruptible {
            let child = running.withLock { running in
                running.isAsked = true
                return running.child
            }
            child?.send(signal: SIGTERM)
        } during: {
            try await process.run { child in
                let isAsked = running.withLock { running in
                    running.child = child
                    return running.isAsked
                }
                if isAsked { child.send(signal: SIGTERM) }
            }
        }
        switch end.ending {
        case .exit(0): return running.withLock { $0.isAsked }
        case .exit(let code):
            throw CommandError(
                ExitStatus(rawValue: code) ?? .failed,
                "the stage \(stage.rawValue) failed (exit code \(code)), see above")
        case .signal(let number):
            // A terminal's Ctrl-C reaches the stage too, and before it has made its arrangements for that it ends it.
            throw CommandError(
                [SIGTERM, SIGINT, SIGHUP].contains(number) ? .tryAgain : .failed,
                "the stage \(stage.rawValue) was ended by signal \(number); go on with: \(command)")
        case .outOfMemory:
            throw CommandError(
                .failed,
                """
                the stage \(stage.rawValue) was \(end.ending): give it more, or less to do (token_budget, batch_size); \
                then go on with: \(command)
                """)
        }
    }

    private struct Running: Sendable {
        var child: RunningChild?
        /// Somebody asked for its end.
        var isAsked = false
    }

    private var isBestMissing: Bool {
        guard configuration.evaluation.every != nil else { return false }
        return BestPolicy.isMissing(
            in: directory.path, figure: configuration.evaluation.best,
            checkpoints: (try? Checkpoints(of: directory.path).entries.map(\.step)) ?? [])
    }

    private func runPPO() async throws {
        _ = try PPOInputs.check(configuration, command: command)
        // The stages before may have made the tokenizer with which prompts are read; the coordinator reads them too.
        let settings = try configurationErrors { try CoordinatorSettings.make(configuration) }
        // Everything is committed and exported: a cluster would have nothing to do, and wait for it.
        if committedSteps >= configuration.ppo.steps,
            FileManager.default.fileExists(atPath: RunLayout(directory.path).policyWeights), !isBestMissing
        {
            Console.error("ppo: used again, all \(configuration.ppo.steps) steps are committed")
            return
        }
        let keys = KeyDirectory(RunLayout(directory.path)[.keys])
        if !listening.isInsecure {
            try configurationErrors { try keys.prepare(server: listening.directory?.serverKey()) }
        }
        if let host = listening.host {
            let port = configuration.coordinator.bind.split(separator: ":").last ?? ""
            Console.error(
                "workers of other machines join with: skein generator --coordinator tcp://\(host):\(port)"
                    + (listening.isInsecure ? "" : " --key FILE"))
        }
        let supervisor = Supervisor(
            plan: Supervisor.Plan(
                runDirectory: directory.path, runFile: directory.runFile, engine: try Engine.path(),
                skein: try Engine.executablePath(),
                counts: isHead
                    ? [:]
                    : [.generator: configuration.roles.generator.count, .scorer: configuration.roles.scorer.count],
                startsWorkers: !isHead,
                logLevel: logLevel, steps: configuration.ppo.steps, command: command,
                skipsPoison: configuration.coordinator.onPoison == .skip,
                keys: listening.isInsecure ? nil : keys, coordinatorOptions: listening.coordinator,
                learnerOptions: listening.learner,
                silence: .seconds(max(10, 2 * configuration.coordinator.lease)),
                isDirectoryInPlace: { [directory] in directory.isInPlace }),
            logger: makeLogger("skein.run"))
        let progress = PPOProgress(
            directory: directory.path, steps: configuration.ppo.steps, figure: configuration.evaluation.best,
            needed: settings.run.neededRewards, supervisor: supervisor)
        do {
            try await interruptible {
                supervisor.interrupt()
            } during: {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    defer { group.cancelAll() }
                    group.addTask { await progress.run() }
                    try await supervisor.run()
                }
            }
        } catch {
            // Steps that were committed while the run came to its end.
            progress.tellSteps()
            throw error
        }
        progress.finish()
    }

    /// The first SIGINT, SIGTERM or SIGHUP stops in order; the second ends at once (children follow by their `ParentWatch`).
    private func interruptible<Result: Sendable>(
        _ interrupt: @escaping @Sendable () -> Void, during body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                var count = 0
                for await name in Signals.stream(signals) {
                    count += 1
                    ServiceManager.tell(ServiceManager.stopping)
                    if count > 1 { _exit(ExitStatus.tryAgain.rawValue) }
                    let cause = name == SIGINT ? "Ctrl-C" : "asked to end by signal \(name)"
                    Console.error("\nskein: \(cause): stopping in order; once more to end at once")
                    interrupt()
                }
            }
            return try await body()
        }
    }
}
