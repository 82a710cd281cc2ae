import ArgumentParser
import Console
import Foundation
import Keys
import Launching
import RunConfiguration
import RunLayout
import Supervision

struct LaunchSSHCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ssh", abstract: "Carry out a run here, with workers on the hosts of a file.",
        discussion: """
            Stages, coordinator and learner run on this machine. Each worker is started by ssh, gets its key on its \
            standard input, and ends with its session. Nothing is copied: the hosts need skein, and to reach this machine. \
            The exit code is the worst of all processes. See deploy/ssh/README.md.
            """)

    @OptionGroup var file: RunFile
    @Option(help: "The hosts, one a line: DESTINATION [generator=N] [scorer=N] [options of ssh].") var hostfile: String
    @Option(help: "Host name or address by which the hosts reach this machine.") var advertise: String
    @Option(help: "Where workers connect on this machine.") var bind = "tcp://0.0.0.0:5555"
    @Option(help: "The skein of the hosts.") var skein = "skein"
    @Option(help: "Seconds without a coordinator after which a worker ends.") var giveUpAfter = 60
    @Flag(help: "Print every command as a shell would need it, and start nothing.") var dryRun = false

    /// A terminal sends Ctrl-C to ssh too, which would leave before its worker has been told. The shell reads no word of the
    /// command; it becomes it.
    private static let deafToCtrlC = ["-c", "trap '' INT; exec \"$0\" \"$@\""]

    func run() async throws {
        let run = try file.load()
        try configurationErrors { try run.check() }
        guard bind.hasPrefix("tcp://"), UInt16(Listening.port(of: bind)) ?? 0 > 0 else {
            throw CommandError(
                .usage, "--bind \(bind.printable): write tcp://HOST:PORT, with a port that the hosts are told")
        }
        let keys = LaunchKeys(run, prefix: "ssh")
        guard let text = FileManager.default.contents(atPath: hostfile) else {
            throw CommandError(.configuration, "--hostfile \(hostfile): cannot read it")
        }
        let workers = try launchErrors {
            let hosts = try HostFile(String(decoding: text, as: UTF8.self), source: hostfile)
            let address = "tcp://\(advertise):\(Listening.port(of: bind))"
            return SSHCommands(coordinator: address, skein: skein, giveUpAfter: giveUpAfter)
                .processes(hosts, keyName: keys.name, quoted: Invocation.quoted)
        }
        let head =
            [
                try Engine.executablePath(), "run", file.path,
            ] + file.overrides.flatMap { ["--set", $0] } + [
                "--head", "--bind", bind, "--advertise", advertise, "--keys", keys.directory.path,
            ]
        guard !dryRun else {
            Console.output(Invocation.line(head))
            // What comes behind < is the one thing that leaves this machine.
            for worker in workers {
                Console.output(Invocation.line(worker.arguments) + " < \(Invocation.quoted(keys.file(worker.role)))")
            }
            return
        }
        try LaunchPlace.prepare(run)
        try keys.make()
        let launch = SSHLaunch(
            head: ChildProcess(
                head[0], Array(head.dropFirst()) + ["--supervised"], name: Invocation.first, output: .inherited),
            workers: try workers.map { worker in
                guard let key = FileManager.default.contents(atPath: keys.file(worker.role)) else {
                    throw CommandError(.failed, "cannot read \(keys.file(worker.role))")
                }
                let log = RunLayout(LaunchPlace.runDirectory(of: run)).log(of: worker.name)
                return SSHLaunch.Worker(
                    name: worker.name, destination: worker.destination, log: log,
                    process: ChildProcess(
                        "/bin/sh", Self.deafToCtrlC + worker.arguments, input: String(decoding: key, as: UTF8.self),
                        output: .log(log)))
            })
        try await launch.run()
    }
}
