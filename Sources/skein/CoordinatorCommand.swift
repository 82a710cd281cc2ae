import ArgumentParser
import Cluster
import ClusterModel
import Console
import Coordinator
import Datasets
import Foundation
import Keys
import Logging
import MetricsServer
import RunConfiguration
import RunInputs
import RunLayout
import Cryptography
import StatusServer
import Tokenizers
import ZeroMQ

struct CoordinatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator", abstract: "The clock of a run: leases jobs, keeps the journal, serves the status.")
    @OptionGroup var file: RunFile
    @OptionGroup var listen: ListenOptions
    @Flag(help: .hidden) var supervised = false
    @Option(help: "trace, debug, info, notice, warning, error or critical.") var logLevel = "info"

    func run() async throws {
        if supervised { ParentWatch.start() }
        OpenFiles.raiseLimit()
        let logger = try makeLogger("coordinator", level: .named(logLevel))
        let command = file.command("run", listen)
        var run = try file.load(listen)
        let listening = try Listening(listen, run)
        try FileManager.default.createDirectory(atPath: run.runDirectory, withIntermediateDirectories: true)
        try RunDirectory.makePrivate(run.runDirectory)
        let lock = try supervised ? RunLock.join(run.runDirectory) : .take(run.runDirectory, for: "skein coordinator")
        defer { lock.release() }
        // Who started it has done so.
        if !supervised { RunDirectory.removeLeftovers(in: run.runDirectory) }
        if !supervised { try RunDirectory.adopt(run, in: run.runDirectory, command: command) }
        for note in try configurationErrors({ try RewardTokenizers.decide(&run) }) { logger.info("\(note)") }
        var configuration = try configurationErrors { [run] in try CoordinatorSettings.make(run) }
        configuration.inputs = String(decoding: try PPOInputs.check(run, command: command).json(), as: UTF8.self)
        guard let address = LocalAddress(anywhere: run.coordinator.status) else {
            throw CommandError(.configuration, "coordinator.status: \(run.coordinator.status): write HOST:PORT")
        }
        let access = try configurationErrors { [run] in
            try Access(listening, run, isPrepared: supervised)
        }
        configuration.security = access.security
        configuration.roster = access.ring
        configuration.refusals = access.refusals
        configuration.keys = access.peerKeys
        configuration.run.keyDirectory = access.ring.map { _ in access.directory.path }
        if listening.isInsecure {
            logger.warning(
                "nobody needs a key (--insecure-bind): whoever reaches a port of the run can read and change it")
        }
        let thread = try SocketThread(roster: access.ring)
        let coordinator: Coordinator
        do {
            coordinator = try await Coordinator.start(configuration, on: thread, logger: logger)
        } catch let error as RunEnding {
            throw CommandError(ExitStatus(rawValue: error.exitCode) ?? .failed, error.message)
        }
        let tokenFile = run.layout[.token]
        let tokens = StatusTokens(
            commands: try writeToken(tokenFile), reading: try writeToken(run.layout[.readToken]),
            others: { token in
                switch access.ring?.role(ofToken: token) {
                case .operator: .commands
                case .reader: .reading
                default: nil
                }
            })
        let snapshots = coordinator.snapshots
        let server = StatusServer(
            address: address, tokens: tokens, logger: logger, snapshot: { snapshots.current },
            control: CoordinatorControl(coordinator: coordinator))
        var process = ServiceProcess(logger: logger)
        process.add(
            beside: StatusService(
                server: server, coordinator: coordinator, runDirectory: run.runDirectory, tokenFile: tokenFile,
                keys: configuration.run.keyDirectory, host: listening.host))
        if let ring = access.ring {
            process.add(beside: KeyWatch(ring: ring, coordinator: coordinator, logger: logger))
        }
        process.add(role: CoordinatorService(coordinator: coordinator, runDirectory: run.runDirectory))
        try await process.run(until: supervised ? [SIGTERM] : Signals.endingOrInterrupt, second: nil)
    }

    private func writeToken(_ path: String) throws -> String {
        let token = Hexadecimal.text(Secrets.randomBytes(32))
        unlink(path)
        // Made with its mode, so that no moment lets others read it.
        let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            throw CommandError(.failed, "cannot write \(path): \(String(cString: strerror(errno)))")
        }
        let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
        try handle.write(contentsOf: Data(token.utf8))
        return token
    }
}

/// Commands of the status endpoint, carried out by the coordinator.
struct CoordinatorControl: RunControl {
    let coordinator: Coordinator

    func drain(_ worker: String) async -> Bool { await coordinator.drain(worker) }
    func lost(_ worker: String, pid: Int, byItself: Bool) async -> Bool {
        await coordinator.lose(worker, pid: pid, byItself: byItself)
    }
    func scale(_ wishes: [Role: Int]) async { await coordinator.scale(wishes) }
    func pause(_ paused: Bool) async { await coordinator.pause(paused) }
    func stop() async { await coordinator.requestStop() }
}
