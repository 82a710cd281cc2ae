import ArgumentParser
import Foundation
import RunConfiguration
import RunLayout

/// A long run that nobody disturbs: does anything grow?
struct SoakCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "soak",
        abstract:
            "Run many short steps with more generators than jobs, and compare each process's memory at the end with that at step 100."
    )

    @Option(help: "Steps of PPO.") var steps = 2000
    @Option(help: "Generators; a step has four jobs.") var generators = 6
    @Option(help: "Per cent by which memory may have grown.") var mostGrowth = 5.0
    @Option(help: "Where everything is put; what is there is removed.") var directory = "runs/soak"

    private static let first = 100
    /// Steps over which a process's memory is averaged: it breathes with the batch.
    private static let window = 20

    func validate() throws {
        guard steps >= 2 * Self.first, (1...64).contains(generators) else {
            throw ValidationError("--steps must be at least \(2 * Self.first), --generators 1 to 64")
        }
    }

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        Interruption.watch()
        let path = URL(filePath: directory).standardizedFileURL.path
        guard let own = Bundle.main.executablePath else {
            throw Trial.Failure(description: "cannot tell where this executable lies")
        }
        let engines = URL(filePath: own).resolvingSymlinksInPath().deletingLastPathComponent().path
        let workshop = try Workshop(at: path, engines: engines)
        let file = try ToyRun.make(in: path + "/toy", skein: workshop.skein)
        let configuration = try RunConfiguration.load(
            path: file,
            overrides: [
                "roles.generator.count=\(generators)", "rollout.prompts_per_job=4", "rollout.max_new_tokens=16",
            ])
        let place = try workshop.file(configuration, steps: steps, directory: "soak")
        say("\(steps) steps with \(generators) generators")
        let run = try SkeinRun(workshop.skein, file: place.file, log: path + "/soak.log")
        defer { run.stop() }
        let memory = try watch(run, in: place.run)
        guard run.ending.isGood else { throw Trial.Failure(description: "the run failed: \(run.ending.words)") }
        guard try show(memory, journal: place.run) else { throw ExitCode.failure }
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Bytes of each process at every step that was seen.
    private func watch(_ run: SkeinRun, in directory: String) throws -> [String: [Int: Int]] {
        let observer = Observer(directory: directory)
        defer { observer.end() }
        observer.follow(run: run.pid)
        var memory: [String: [Int: Int]] = [:]
        while run.isRunning {
            try Interruption.sleep(0.05)
            let state = observer.current
            for (name, pid) in state.children {
                if let bytes = Self.resident(pid) { memory[name, default: [:]][state.committed] = bytes }
            }
        }
        return memory
    }

    private static func resident(_ pid: Int32) -> Int? {
        let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8)
        guard let pages = text?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else { return nil }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// True when nothing has grown by more than it may.
    private func show(_ memory: [String: [Int: Int]], journal directory: String) throws -> Bool {
        var holds = !memory.isEmpty
        say("\nprocess         MB at step \(Self.first)   MB at step \(steps)   growth")
        for (name, bytes) in memory.sorted(by: { $0.key < $1.key }) {
            guard let early = Self.mean(bytes, around: Self.first), let late = Self.mean(bytes, around: steps) else {
                say("\(name): too few steps were seen")
                holds = false
                continue
            }
            let growth = 100 * (late / early - 1)
            if growth > mostGrowth { holds = false }
            let padded = name.padding(toLength: 14, withPad: " ", startingAt: 0)
            say("\(padded)  " + String(format: "%12.1f   %13.1f   %+5.1f %%", early / 1e6, late / 1e6, growth))
        }
        let size = try Command.run("du", "-sk", RunLayout(directory)[.journal]).split(separator: "\t")[0]
        say("journal: \(size) KB")
        return holds
    }

    private static func mean(_ bytes: [Int: Int], around step: Int) -> Double? {
        let near = bytes.filter { abs($0.key - step) <= window }.map { Double($0.value) }
        return near.isEmpty ? nil : near.reduce(0, +) / Double(near.count)
    }
}
