import ArgumentParser
import Cluster
import ClusterModel
import Console
import Foundation
import Generator
import Keys
import Learner
import Logging
import Scorer
import Cryptography
import Torch
import Transport
import ZeroMQ

/// What every process of a cluster is told.
struct WorkerOptions: ParsableArguments {
    /// Seconds.
    private static let longestPatience = 1e9

    @Option(help: "Address of the coordinator (default: SKEIN_COORDINATOR, else MASTER_ADDR and MASTER_PORT).")
    var coordinator: String?
    @Option(help: "Name of this process in the status (default: that of its key, else its role and a number).")
    var name: String?
    @Option(
        help:
            "File of this process's key, or - for standard input (default: SKEIN_KEY_FILE, SKEIN_KEY, systemd's credential skein.key)."
    )
    var key: String?
    @Flag(help: .hidden) var supervised = false
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel = "info"
    // Unconditional, so that a negative number is taken for a value, and refused as one.
    @Option(
        parsing: .unconditional,
        help: "Seconds without a coordinator after which the worker ends, with exit code 75; 0: never.")
    var giveUpAfter = 1800.0
    @Option(
        help:
            "Seconds that a drain may finish what runs; then it is handed back, and another worker does it (default: no limit)."
    )
    var drainWithin: Double?
    @Flag(help: "End when standard input ends: with the ssh session that this process was started by.")
    var untilInputEnds = false
    @Option(help: "Serve GET /metrics for Prometheus at 127.0.0.1:PORT.") var metrics: String?

    func validate() throws {
        guard (0...Self.longestPatience).contains(drainWithin ?? 0) else {
            throw ValidationError("--drain-within is a number of seconds, 0 or more")
        }
        guard (0...Self.longestPatience).contains(giveUpAfter) else {
            throw ValidationError(
                giveUpAfter < 0 ? "--give-up-after must be 0 or more" : "--give-up-after is a number of seconds")
        }
    }

    func address() throws -> String {
        let address = try givenAddress()
        guard address.hasPrefix("tcp://") || address.hasPrefix("ipc://") else {
            let hint = address.contains("://") ? "tcp://HOST:PORT" : "tcp://\(address)"
            throw CommandError(.usage, "the coordinator's address is \(address): write \(hint)")
        }
        return address
    }

    private func givenAddress() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        if let coordinator { return coordinator }
        if let address = environment["SKEIN_COORDINATOR"] { return address }
        if let host = environment["MASTER_ADDR"], let port = environment["MASTER_PORT"] {
            return "tcp://\(host):\(port)"
        }
        throw CommandError(.usage, "no coordinator: give --coordinator tcp://HOST:PORT or set SKEIN_COORDINATOR")
    }

    func logger(_ role: Role) throws -> Logger {
        try makeLogger(name ?? role.rawValue, level: .named(logLevel))
    }

    /// nil: this process has none.
    func processKey(_ role: Role) throws -> ProcessKey? {
        try configurationErrors {
            guard let found = try KeySource.find(file: key) else { return nil }
            guard found.role.rawValue == role.rawValue else {
                throw KeyError(
                    "the key is for the role \(found.role.rawValue), and this is a \(role.rawValue); make another: skein keys new NAME --role \(role.rawValue)"
                )
            }
            if let name, !found.allows(name: name) {
                throw KeyError(
                    "--name \(name.printable): the key is that of '\(found.name)'; leave --name out, or write '\(found.name).' and anything more"
                )
            }
            return found
        }
    }

    func identity(_ role: Role, _ capabilities: Capabilities, _ key: ProcessKey?) -> WorkerLink.Identity {
        let made = "\(role.rawValue)-\(Hexadecimal.text(Secrets.randomBytes(4)))"
        let ofKey = key.flatMap { $0.name == Peer.anyName ? nil : $0.name }
        return WorkerLink.Identity(
            role: role, name: name ?? ofKey ?? made,
            capabilities: capabilities, build: Build.version, incarnation: Secrets.randomUInt64())
    }

    func link(
        _ thread: SocketThread, _ identity: WorkerLink.Identity, _ key: ProcessKey?, _ logger: Logger
    ) async throws -> WorkerLink {
        if supervised || untilInputEnds { ParentWatch.start() }
        do {
            return try await WorkerLink.connect(
                on: thread, to: address(), as: identity, security: key?.security ?? .none,
                patience: giveUpAfter > 0 ? .seconds(giveUpAfter) : nil,
                logger: logger)
        } catch let error as TransportError {
            let hint = error.code == .invalidAddress ? "; write tcp://HOST:PORT" : ""
            throw CommandError(.configuration, "\(error)\(hint)")
        }
    }

    /// The services of this process but for its role. Made before anything that counts.
    func process(_ role: Role, _ logger: Logger) throws -> ServiceProcess {
        // A coordinator drops what such a worker sends, so that it would wait for an answer until it gives up.
        if let name, !WorkerName.isValid(name) {
            throw CommandError(
                .configuration, "--name \(name.prefix(120).debugDescription): a worker's name has \(WorkerName.rule)")
        }
        var process = ServiceProcess(logger: logger)
        if let metrics { process.add(beside: try MetricsService(at: metrics, role: role.rawValue, logger: logger)) }
        return process
    }

    func run(_ process: ServiceProcess) async throws {
        try await process.run(until: supervised ? [SIGTERM] : Signals.endingOrInterrupt, second: .tryAgain)
    }
}

struct GeneratorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generator", abstract: "Sample answers for a coordinator.")
    @OptionGroup var options: WorkerOptions

    func run() async throws {
        let logger = try options.logger(.generator)
        var process = try options.process(.generator, logger)
        let key = try options.processKey(.generator)
        let sockets = try SocketThread()
        let identity = options.identity(.generator, Capabilities(kinds: [.generate]), key)
        let link = try await options.link(sockets, identity, key, logger)
        let client = ArtifactClient(on: sockets, keys: key?.pair, logger: logger)
        let runner = GeneratorRunner(
            executor: ComputeExecutor(), client: client, link: link, logger: logger)
        process.add(
            role: WorkerService(
                loop: WorkerLoop(
                    link: link, runner: runner, drainPatience: options.drainWithin.map { .seconds($0) },
                    onEnding: WorkerService.leave, logger: logger)))
        try await options.run(process)
    }
}

struct ScorerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scorer", abstract: "Compute rewards and reference log-probabilities for a coordinator.")
    @OptionGroup var options: WorkerOptions

    func run() async throws {
        let logger = try options.logger(.scorer)
        var process = try options.process(.scorer, logger)
        let key = try options.processKey(.scorer)
        let sockets = try SocketThread()
        // What a built-in scorer can do is what the run asks built-in scorers for.
        let capabilities = Capabilities(kinds: [.score], reference: true, rewards: [Capabilities.builtInRewards])
        let link = try await options.link(sockets, options.identity(.scorer, capabilities, key), key, logger)
        let client = ArtifactClient(on: sockets, keys: key?.pair, logger: logger)
        let runner = ScorerRunner(executor: ComputeExecutor(), client: client, link: link, logger: logger)
        process.add(
            role: WorkerService(
                loop: WorkerLoop(
                    link: link, runner: runner, drainPatience: options.drainWithin.map { .seconds($0) },
                    onEnding: WorkerService.leave, logger: logger)))
        try await options.run(process)
    }
}

struct LearnerCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "learner", abstract: "Train the policy with PPO and publish its weights.")
    @OptionGroup var options: WorkerOptions
    @Option(help: "Where weights are served.") var serve = "tcp://127.0.0.1:0"
    @Option(
        help:
            "Where workers are told to pull weights from, if not from --serve: tcp://HOST, or tcp://HOST:PORT of a tunnel or proxy."
    )
    var announce: String?
    @Flag(help: "Serve weights without keys: whoever reaches the port can have them.") var insecureBind = false
    @Option(help: .hidden) var runDirectory: String?

    func run() async throws {
        let logger = try options.logger(.learner)
        var process = try options.process(.learner, logger)
        // A learner on its own gets its directory from the coordinator, which keeps it from others meanwhile.
        let lock = try runDirectory.map(RunLock.join)
        defer { lock?.release() }
        let key = try options.processKey(.learner)
        // Whom it serves, the coordinator says; by which key it serves, only those that it announces it to know.
        let roster = AnnouncedPeers()
        let security: SocketSecurity = try key == nil ? (insecureBind ? .noneAnywhere : .none) : .server(.make())
        let sockets = try SocketThread(roster: roster)
        let link = try await options.link(sockets, options.identity(.learner, Capabilities(), key), key, logger)
        let server: ArtifactServer
        do {
            server = try await ArtifactServer.listen(
                on: sockets, address: serve, announced: announce, security: security, roster: roster, logger: logger)
        } catch let error as TransportError {
            let isAgain = error.code == .addressInUse
            throw CommandError(isAgain ? .tryAgain : .configuration, "--serve \(error); or give --key FILE")
        }
        process.add(beside: ArtifactService(server: server))
        process.add(role: LearnerService(link: link, server: server, logger: logger))
        try await options.run(process)
    }
}
