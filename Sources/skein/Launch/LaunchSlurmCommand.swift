import ArgumentParser
import Console
import Foundation
import Keys
import Launching
import RunConfiguration
import RunLayout

struct LaunchSlurmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slurm", abstract: "Write a batch script for a run, and submit it.",
        discussion: """
            The job has one step for stages, coordinator and learner, and one for each role of workers, as many as \
            roles.*.count says. The run directory must be on a file system that all nodes have. --join starts more workers \
            for a run that is live, in a job of their own. See deploy/slurm/README.md.
            """)

    @OptionGroup var file: RunFile
    @Option(help: "Nodes of the job.") var nodes = 1
    @Option(
        parsing: .singleValue,
        help: "Workers for the live run, in place of a run: generator=N or scorer=N; may be repeated.")
    var join: [String] = []
    @Option(
        parsing: .unconditionalSingleValue,
        help: "A line for sbatch, such as --sbatch=--partition=gpu or --sbatch=--time=12:00:00; may be repeated.")
    var sbatch: [String] = []
    @Option(help: "Seconds before the end of the job's time at which it stops in order and is queued again.")
    var notice = 180
    @Option(help: "Seconds without a coordinator after which a joined worker ends.") var giveUpAfter = 45
    @Flag(help: "Print the script, write and submit nothing.") var dryRun = false

    func run() throws {
        let run = try file.load()
        // What is shown may be for another machine.
        if !dryRun { try configurationErrors { try run.check() } }
        let keys = LaunchKeys(run, prefix: "slurm")
        let plan = try plan(run, keys)
        try launchErrors { try plan.check() }
        let script = plan.script(quoted: Invocation.quoted)
        guard !dryRun else {
            Console.output(script.trimmingCharacters(in: .newlines))
            return
        }
        try LaunchPlace.prepare(run)
        try keys.make()
        let path = "\(LaunchPlace.directory(of: run))/\(join.isEmpty ? "run" : "workers").sbatch"
        do {
            try Data(script.utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw CommandError(.failed, "cannot write \(path): \(error.localizedDescription)")
        }
        let job = try Self.submit(path)
        Console.error("job \(job) of \(path); its words are in \(LaunchPlace.runDirectory(of: run))/logs")
        Console.error("look: squeue -j \(job); stop: scancel \(job); go on: the same command again")
        Console.output(job)
    }

    private func plan(_ run: RunConfiguration, _ keys: LaunchKeys) throws -> SlurmPlan {
        let directory = LaunchPlace.runDirectory(of: run)
        let wishes = try launchErrors { try Self.wishes(join) }
        let part: SlurmPlan.Part
        if join.isEmpty {
            part = .run(file: file.path, overrides: file.overrides, keys: keys.directory.path)
        } else {
            guard let live = CoordinatorFile.read(in: directory), let address = live.elsewhere?.endpoint else {
                throw CommandError(
                    .usage, "no run that other hosts can join is live in \(directory); first launch it without --join")
            }
            part = .workers(coordinator: address)
        }
        func workers(_ role: String, _ section: WorkersSection) -> SlurmPlan.Workers {
            SlurmPlan.Workers(
                role: role, count: join.isEmpty ? section.count : wishes[role] ?? 0, threads: section.threads,
                key: keys.file(role))
        }
        return SlurmPlan(
            part: part, name: "skein-\(run.name)", skein: try Engine.executablePath(),
            directory: FileManager.default.currentDirectoryPath, logs: RunLayout(directory)[.logs], nodes: nodes,
            workers: [workers("generator", run.roles.generator), workers("scorer", run.roles.scorer)],
            headThreads: run.roles.learner.threads, notice: notice, giveUpAfter: giveUpAfter, options: sbatch)
    }

    private static func wishes(_ words: [String]) throws(LaunchError) -> [String: Int] {
        var wishes: [String: Int] = [:]
        for word in words {
            let parts = word.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, HostFile.roles.contains(parts[0]), let count = Int(parts[1]),
                WorkersSection.counts.contains(count), wishes.updateValue(count, forKey: parts[0]) == nil
            else { throw LaunchError("--join \(word): write generator=N or scorer=N, each once") }
        }
        return wishes
    }

    /// - Returns: the number of the job.
    private static func submit(_ script: String) throws -> String {
        let (output, errors) = (Pipe(), Pipe())
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["sbatch", "--parsable", script]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        do {
            try process.run()
        } catch {
            throw CommandError(.failed, "cannot run sbatch: \(error.localizedDescription)")
        }
        let answer = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        // 127: env found no such program.
        guard process.terminationStatus != 127 else {
            throw CommandError(
                .failed,
                "there is no sbatch on this host; call it on a login node of the cluster, or see it with --dry-run")
        }
        guard process.terminationStatus == 0, let job = answer.split(whereSeparator: { ";\n".contains($0) }).first
        else {
            let reason = words.trimmingCharacters(in: .whitespacesAndNewlines)
            throw CommandError(.failed, "sbatch refused \(script): \(reason)")
        }
        return String(job)
    }
}
