import ArgumentParser
import ClusterModel
import Console
import Foundation
import Logging
import Reports
import RunConfiguration

struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract:
            "Carry out a whole run on this machine, supervised: training stages, PPO on a cluster, evaluation, report.",
        discussion: """
            Stages that are finished are used again; PPO goes on from its last committed step. A run that has started \
            goes on with more ppo.steps, another learning rate, KL coefficient or limit, ports, counts of workers and \
            time-outs, from the next step on; what changed is kept in changes.jsonl. Any other change is refused by its \
            key: name another run_directory, or give --fresh. Workers of other machines join a run that listens there: \
            skein keys new, then --bind tcp://0.0.0.0:PORT.
            """)

    @OptionGroup var file: RunFile
    @OptionGroup var listen: ListenOptions
    @Flag(help: "Go on with the run in the run directory; fail when there is none.") var resume = false
    @Flag(
        help: "Throw away what PPO made in the run directory and start it anew; stages of the same inputs are kept.")
    var fresh = false
    @Option(
        help:
            "RUN, RUN@STEP or RUN@best: start a new run from a checkpoint of another one, with fresh optimizer and critic."
    )
    var from: String?
    @Flag(
        help:
            "Start only what a run has once: stages, coordinator, learner. Generators and scorers join from elsewhere.")
    var head = false
    @Flag(help: .hidden) var supervised = false
    @Option(help: "How much the processes log: trace, debug, info, notice, warning, error or critical.") var logLevel =
        "info"

    func run() async throws {
        // Before anything is made; the processes read it again.
        _ = try Logger.Level.named(logLevel)
        if supervised { ParentWatch.start() }
        let command = file.command("run", listen) + (head ? " --head" : "")
        let written = try file.load(listen)
        let listening = try Listening(listen, written)
        let start = try RunStart.decide(from, for: written, fresh: fresh)
        let ahead = try start?.applied(to: written, isAhead: true) ?? written
        for warning in ahead.warnings() { Console.error("warning: \(warning)") }
        try RunChecks.check(ahead, isNew: fresh, command: command)
        let configuration = try start?.applied(to: written) ?? written
        let directory = try RunDirectory(
            configuration: configuration, resume: resume, fresh: fresh, start: start, command: command)
        if start != nil { try configurationErrors { try configuration.check() } }
        ServiceManager.tell(ServiceManager.ready)
        try await RunStages(
            configuration: configuration, directory: directory, listening: listening, isHead: head,
            signals: supervised ? [SIGTERM] : Signals.endingOrInterrupt, logLevel: logLevel, command: command
        ).run()
        withExtendedLifetime(directory) {}
    }
}
