import ArgumentParser
import Cluster
import ClusterModel
import Console
import Foundation
import Generator
import Learner
import Logging
import Scorer
import Sodium
import Torch
import Transport
import ZeroMQ

/// What every process of a cluster is told.
struct WorkerOptions: ParsableArguments {
    @Option(help: "Address of the coordinator (default: SKEIN_COORDINATOR, else MASTER_ADDR and MASTER_PORT).")
    var coordinator: String?
    @Option(help: "Name of this process in the status (default: role and process number).") var name: String?
    @Flag(help: .hidden) var supervised = false
    @Option(help: "debug, info, notice, warning or error.") var logLevel = "info"
    @Option(help: "Seconds without a coordinator after which the worker ends, to be started again; 0: never.")
    var giveUpAfter = 1800.0

    func address() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        if let coordinator { return coordinator }
        if let address = environment["SKEIN_COORDINATOR"] { return address }
        if let host = environment["MASTER_ADDR"], let port = environment["MASTER_PORT"] {
            return "tcp://\(host):\(port)"
        }
        throw CommandError(.usage, "no coordinator: give --coordinator tcp://HOST:PORT or set SKEIN_COORDINATOR")
    }

    func logger(_ role: Role) -> Logger {
        makeLogger(name ?? role.rawValue, level: Logger.Level(rawValue: logLevel) ?? .info)
    }

    func identity(_ role: Role, _ capabilities: Capabilities) -> WorkerLink.Identity {
        WorkerLink.Identity(
            role: role, name: name ?? "\(role.rawValue)-\(ProcessInfo.processInfo.processIdentifier)",
            capabilities: capabilities, build: "0.1.0", incarnation: Sodium.randomUInt64())
    }

    func link(_ thread: SocketThread, _ identity: WorkerLink.Identity, _ logger: Logger) async throws -> WorkerLink {
        if supervised { ParentWatch.start() }
        do {
            return try await WorkerLink.connect(
                on: thread, to: address(), as: identity, patience: giveUpAfter > 0 ? .seconds(giveUpAfter) : nil,
                logger: logger)
        } catch let error as TransportError {
            throw CommandError(.configuration, "\(error)")
        }
    }
}

/// Runs the loop around a runner until it ends, draining on SIGTERM.
func runWorker(_ loop: WorkerLoop, _ options: WorkerOptions) async throws {
    let signals = Task {
        var count = 0
        for await _ in Signals.stream(options.supervised ? [SIGTERM] : [SIGTERM, SIGINT]) {
            count += 1
            if count > 1 { _exit(ExitStatus.tryAgain.rawValue) }
            loop.drain()
        }
    }
    defer { signals.cancel() }
    switch await loop.run() {
    case .drained, .stopped: return
    case .unable(let reason): throw CommandError(.configuration, reason)
    case .refused(let code, let message):
        // Another process has its name now, or another run its coordinator: that may be otherwise in a moment.
        if code == "closed" || code == Refusal.Code.replaced.rawValue { throw CommandError(.tryAgain, message) }
        throw CommandError(.configuration, "the coordinator refused: \(message)")
    }
}

struct GeneratorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generator", abstract: "Sample answers for a coordinator.")
    @OptionGroup var options: WorkerOptions

    func run() async throws {
        let logger = options.logger(.generator)
        let sockets = try SocketThread()
        let identity = options.identity(.generator, Capabilities(kinds: [.generate]))
        let link = try await options.link(sockets, identity, logger)
        let client = ArtifactClient(on: sockets, logger: logger)
        let runner = GeneratorRunner(
            executor: ComputeExecutor(), client: client, link: link, logger: logger)
        try await runWorker(WorkerLoop(link: link, runner: runner, logger: logger), options)
    }
}

struct ScorerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scorer", abstract: "Compute rewards and reference log-probabilities for a coordinator.")
    @OptionGroup var options: WorkerOptions

    func run() async throws {
        let logger = options.logger(.scorer)
        let sockets = try SocketThread()
        // What a built-in scorer can do is what the run asks built-in scorers for.
        let capabilities = Capabilities(kinds: [.score], reference: true, rewards: [Capabilities.builtInRewards])
        let link = try await options.link(sockets, options.identity(.scorer, capabilities), logger)
        let client = ArtifactClient(on: sockets, logger: logger)
        let runner = ScorerRunner(executor: ComputeExecutor(), client: client, link: link, logger: logger)
        try await runWorker(WorkerLoop(link: link, runner: runner, logger: logger), options)
    }
}

struct LearnerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learner", abstract: "Train the policy with PPO and publish its weights.")
    @OptionGroup var options: WorkerOptions
    @Option(help: "Where weights are served.") var serve = "tcp://127.0.0.1:0"
    @Option(help: "Where workers are told to pull weights from, if not from --serve: this side of a tunnel or proxy.")
    var announce: String?
    @Option(help: .hidden) var runDirectory: String?

    func run() async throws {
        let logger = options.logger(.learner)
        // A learner on its own gets its directory from the coordinator, which keeps it from others meanwhile.
        let lock = try runDirectory.map(RunLock.join)
        defer { lock?.release() }
        let sockets = try SocketThread()
        let link = try await options.link(sockets, options.identity(.learner, Capabilities()), logger)
        let server = try await ArtifactServer.listen(
            on: sockets, address: serve, announced: announce, logger: logger)
        let work = Task { try await LearnerRole(link: link, server: server, log: logger).run() }
        let signals = Task {
            for await _ in Signals.stream(options.supervised ? [SIGTERM] : [SIGTERM, SIGINT]) { work.cancel() }
        }
        defer { signals.cancel() }
        do {
            let outcome = try await work.value
            await link.close(reason: outcome == .finished ? Message.finished : "stopped")
        } catch is CancellationError {
            await link.close(reason: "stopped")
        } catch let error as LearnerError where error.code == .setting || error.code == .io {
            await link.close(reason: "\(error)")
            throw CommandError(error.code == .setting ? .configuration : .failed, "\(error)")
        } catch {
            await link.close(reason: "\(error)")
            throw CommandError(.failed, "\(error)")
        }
    }
}
