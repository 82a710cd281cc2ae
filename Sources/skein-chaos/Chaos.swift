import ArgumentParser
import ClusterModel
import Foundation
import RunConfiguration

/// Runs a PPO stage on real processes twice, undisturbed and beside a seeded nemesis, and compares.
@main
struct Chaos: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "skein-chaos",
        abstract: "Disturb a run of real processes in every way, and check that it ends as if nothing had happened.",
        subcommands: [RunChaos.self, SoakCommand.self, RelayCommand.self], defaultSubcommand: RunChaos.self)
}

struct RunChaos: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Disturb a run of real processes in every way, and check that it ends as if nothing had happened.")
    private static let quickstart = "deploy/runs/quickstart.yaml"
    /// So many steps are repeated at most when a learner is killed, unless --set says otherwise.
    private static let checkpointEvery = "ppo.checkpoint_every=5"

    @Option(help: "About how long the disturbed run takes.") var seconds = 60.0
    @Option(help: "Decides every fault.") var seed: UInt64 = 1
    @Option(help: "How many disturbed runs, of this seed and the following ones.") var runs = 1
    @Option(
        name: .customLong("run"), help: "The run whose PPO stage is used; its stages before PPO must have been made.")
    var runFile = RunChaos.quickstart
    @Flag(help: "A run of seconds that needs no inputs, in place of --run.") var toy = false
    @Option(name: .customLong("set"), parsing: .singleValue, help: "Override a key of the run file.")
    var overrides: [String] = []
    @Option(help: "Steps of PPO (default: what fits into --seconds).") var steps: Int?
    @Option(help: "Seconds between two faults, in the mean.") var every = 8.0
    @Option(help: "Only these kinds: \(FaultKind.allCases.map(\.rawValue).joined(separator: ",")).") var only: String?
    @Option(help: "Only these processes, for example coordinator,learner or generator-0.") var targets: String?
    @Option(help: "Per cent of the undisturbed run's pace that the disturbed one must keep.") var leastGoodput = 70.0
    @Option(help: "Where everything is put; what is there is removed.") var directory = "runs/chaos"

    func validate() throws {
        guard seconds > 0, every > 0, runs > 0, steps ?? 1 > 0 else {
            throw ValidationError("--seconds, --every, --runs and --steps must be above 0")
        }
        _ = try kinds()
    }

    private func kinds() throws -> Set<FaultKind> {
        guard let only else { return Set(FaultKind.allCases) }
        return try Set(
            only.split(separator: ",").map { word in
                guard let kind = FaultKind(rawValue: String(word)) else {
                    throw ValidationError("--only \(word): there is no such fault")
                }
                return kind
            })
    }

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        Interruption.watch()
        let path = URL(filePath: directory).standardizedFileURL.path
        guard let own = Bundle.main.executablePath else {
            throw Trial.Failure(description: "cannot tell where this executable lies")
        }
        do {
            let engines = URL(filePath: own).resolvingSymlinksInPath().deletingLastPathComponent().path
            let workshop = try Workshop(at: path, engines: engines)
            guard try all(workshop) else {
                say("\nSOMETHING DOES NOT HOLD; everything is in \(path)")
                throw ExitCode.failure
            }
            try? FileManager.default.removeItem(atPath: path)
            say("\neverything holds")
        } catch Interruption.asked {
            say("\nstopped as asked; what was made is in \(path)")
            throw ExitCode.failure
        } catch let code as ExitCode {
            throw code
        } catch {
            say("skein-chaos: \(error); what was made is in \(path)")
            throw ExitCode.failure
        }
    }

    /// True when everything holds.
    private func all(_ workshop: Workshop) throws -> Bool {
        let trial = Trial(workshop: workshop, configuration: try load(workshop))
        let steps = try self.steps ?? steps(trial)
        say("seed \(seed); \(steps) steps undisturbed, then with a fault about every \(every.formatted()) s")
        let undisturbed = try trial.undisturbed(steps: steps, name: "undisturbed")
        say(String(format: "undisturbed: %.1f s, final weights ", undisturbed.seconds) + undisturbed.hash.prefix(16))
        var holds = true
        for number in 0..<runs {
            let report = try disturb(trial, undisturbed, steps: steps, seed: seed &+ UInt64(number))
            report.show()
            holds = holds && report.holds
        }
        return holds
    }

    private func load(_ workshop: Workshop) throws -> RunConfiguration {
        let file = toy ? try ToyRun.make(in: workshop.path + "/toy", skein: workshop.skein) : runFile
        let configuration = try RunConfiguration.load(path: file, overrides: [Self.checkpointEvery] + overrides)
        let inputs =
            [configuration.models.policy, configuration.models.reference]
            + configuration.rewards.map { $0.model?.path }
        for path in inputs.compactMap({ $0 }) where !FileManager.default.fileExists(atPath: path) {
            let how = runFile == Self.quickstart ? "scripts/quickstart" : "skein run \(file)"
            throw Trial.Failure(
                description: "\(file): \(path) is not there yet; make it with \(how), or call again with --toy")
        }
        return configuration
    }

    /// As many as take about so long beside the faults.
    private func steps(_ trial: Trial) throws -> Int {
        let tried = 6
        say("measuring the pace with \(tried) steps")
        let outcome = try trial.undisturbed(steps: tried, name: "pace")
        let each = try History(of: outcome.directory).secondsPerStep() ?? 1
        let start = max(0, outcome.seconds - each * Double(tried))
        return max(tried, Int((seconds * 0.75 - start) / max(each, 0.01)))
    }

    private func disturb(_ trial: Trial, _ undisturbed: Outcome, steps: Int, seed: UInt64) throws -> Report {
        let kinds = try kinds()
        let name = "disturbed-\(seed)"
        let directory = "\(trial.workshop.path)/\(name)"
        say("\nseed \(seed):")
        let disk: SmallDisk? = attempt("disk", kinds) {
            // What the undisturbed run took, and room for checkpoints of several steps at once.
            let bytes = try Int(Command.run("du", "-sm", undisturbed.directory).split(separator: "\t")[0]) ?? 64
            return try SmallDisk(at: directory, megabytes: bytes * 2 + 64)
        }
        var isGood = false
        defer { disk?.unmount(keepingIn: isGood ? nil : directory + "-kept") }
        let namespace: Namespace? = attempt("link", kinds) { try Namespace() }
        defer { namespace?.remove() }
        let result = try trial.disturbed(
            steps: steps, name: name, seed: seed, mean: every, kinds: kinds,
            only: targets.map { Set($0.split(separator: ",").map(String.init)) }, disk: disk, namespace: namespace,
            patience: max(120, 20 * undisturbed.seconds / Double(steps)))
        var violations = result.violations
        let history = try History(of: directory)
        if result.outcome != nil {
            violations += try history.violations(steps: steps, like: History(of: undisturbed.directory))
        }
        let lease = Int64(trial.configuration.coordinator.lease * 1000)
        let detection = Detection(
            result.done, result.state, try history.events(),
            doubtAfter: Double(RunSettings.doubt(leaseMilliseconds: lease)) / 1000)
        let report = Report(
            seed: seed, undisturbed: undisturbed, steps: steps, result: result, violations: violations,
            detection: detection, target: leastGoodput)
        isGood = report.holds
        return report
    }

    /// What needs rights that this process may not have.
    private func attempt<T>(_ kind: String, _ kinds: Set<FaultKind>, _ body: () throws -> T) -> T? {
        guard kinds.contains(where: { $0.rawValue == kind }) else { return nil }
        do {
            return try body()
        } catch {
            say("  faults of the kind \(kind) are left out: \(error)")
            return nil
        }
    }
}
