import ClusterModel
import Foundation
import RunConfiguration
import RunLayout
import Cryptography

/// A run to its end: what it cost and what it made.
struct Outcome {
    var directory: String
    var seconds: Double
    /// Of the final weights.
    var hash: String

    init(directory: String, seconds: Double) throws {
        self.directory = directory
        self.seconds = seconds
        hash = try SHA256.hash(fileAt: RunLayout(directory).policyWeights)
    }
}

struct Trial {
    struct Failure: Error, CustomStringConvertible { let description: String }

    let workshop: Workshop
    let configuration: RunConfiguration

    /// A run that nobody disturbs.
    func undisturbed(steps: Int, name: String) throws -> Outcome {
        let place = try workshop.file(configuration, steps: steps, directory: name)
        let run = try SkeinRun(workshop.skein, file: place.file, log: "\(workshop.path)/\(name).log")
        defer { run.stop() }
        while run.isRunning { try Interruption.sleep(0.02) }
        let seconds = (ContinuousClock.now - run.began) / .seconds(1)
        guard run.ending.isGood else {
            throw Failure(description: "the undisturbed run failed: \(run.ending.words)")
        }
        return try Outcome(directory: place.run, seconds: seconds)
    }

    struct Disturbed {
        var outcome: Outcome?
        var done: [Nemesis.Done] = []
        var state = Observer.State()
        /// Processes that the run started beyond the first ones.
        var restarts = 0
        /// How often the same command was given again, because a full disk had ended the run.
        var resumed = 0
        var violations: [String] = []
    }

    /// The same run beside a nemesis.
    ///
    /// - Parameters:
    ///   - only: processes that are disturbed; nil: all.
    ///   - patience: seconds without a step after which the run counts as hung.
    func disturbed(
        steps: Int, name: String, seed: UInt64, mean: Double, kinds: Set<FaultKind>, only: Set<String>?,
        disk: SmallDisk?, namespace: Namespace?, patience: Double
    ) throws -> Disturbed {
        let place = try workshop.file(configuration, steps: steps, directory: name)
        let workers = [Role.generator, .scorer].flatMap { role in
            let count = role == .generator ? configuration.roles.generator.count : configuration.roles.scorer.count
            return (0..<count).map { "\(role.rawValue)-\($0)" }
        }
        let links = try Links(workers: workers, namespace: namespace, seed: seed) {
            Observer.coordinator(in: place.run)?.endpoint
        }
        defer { links.close() }
        try workshop.set(links.places)
        let observer = Observer(directory: place.run)
        defer { observer.end() }
        var targets: [FaultKind: [String]] = [:]
        for kind in kinds {
            switch kind {
            case .kill, .freeze: targets[kind] = ["coordinator", "learner"] + workers
            case .disk: targets[kind] = disk == nil ? [] : ["run directory"]
            case .link: targets[kind] = links.remote.map { [$0] } ?? []
            default: targets[kind] = ["learner"] + workers
            }
            if let only, kind != .disk { targets[kind] = targets[kind]?.filter(only.contains) }
        }
        let nemesis = Nemesis(
            plan: FaultPlan(seed: seed, mean: mean, targets: targets), links: links, disk: disk, observer: observer)
        var result = Disturbed()
        let log = "\(workshop.path)/\(name).log"
        var run = try SkeinRun(workshop.disturbed, file: place.file, log: log)
        let began = run.began
        defer {
            nemesis.stop()
            run.stop()
        }
        observer.follow(run: run.pid)
        while true {
            nemesis.act(on: run)
            try Interruption.sleep(0.01)
            if (ContinuousClock.now - max(observer.current.lastStep, began)) / .seconds(1) > patience {
                result.violations.append("no step was made for \(Int(patience)) s: the run hangs")
                break
            }
            guard !run.isRunning else { continue }
            let ending = run.ending
            if ending.isGood {
                result.outcome = try Outcome(
                    directory: place.run, seconds: (ContinuousClock.now - began) / .seconds(1))
                break
            }
            // What a full disk ends says so, and goes on by the same command.
            let isDisk = ending.words.contains("space") && nemesis.lastFull.map { $0 > .now - .seconds(60) } ?? false
            guard isDisk, !ending.bySignal else {
                let how = ending.bySignal ? "signal" : "exit code"
                result.violations.append("the run ended by \(how) \(ending.status): \(ending.words)")
                break
            }
            say("           the full disk ended the run: \(ending.words)")
            disk?.empty()
            run = try SkeinRun(workshop.disturbed, file: place.file, log: log)
            observer.follow(run: run.pid)
            result.resumed += 1
        }
        nemesis.stop()
        run.stop()
        result.done = nemesis.done
        result.state = observer.current
        result.restarts = max(0, result.state.started.count - (workers.count + 2) * (result.resumed + 1))
        return result
    }
}
