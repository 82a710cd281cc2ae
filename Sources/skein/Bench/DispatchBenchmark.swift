import Cluster
import ClusterModel
import Console
import Coordinator
import Foundation
import Logging
import Supervision
import Synchronization
import ZeroMQ

/// Round trips of jobs that do nothing: learner, coordinator with its journal on a real file, and a worker, each its own
/// process, over real sockets.
struct DispatchBenchmark {
    struct Result: Codable {
        /// Many jobs under way at a time, one prompt each: from the commit that lets them come into being until the
        /// learner has all of them.
        var pipelinedPerSecond: Double
        /// One job at a time. The worker is leased the next one when the result of the last is in the journal, on disk;
        /// the time from one lease to the next is a round trip.
        var lockstepP50Milliseconds: Double
        var lockstepP99Milliseconds: Double

        enum CodingKeys: String, CodingKey {
            case pipelinedPerSecond = "pipelined_per_s"
            case lockstepP50Milliseconds = "lockstep_p50_ms"
            case lockstepP99Milliseconds = "lockstep_p99_ms"
        }
    }

    /// Jobs of each step and steps, the first of which does not count; leases that the worker holds at a time.
    struct Load {
        var jobs: Int
        var steps: Int
        var slots: Int
    }

    static let pipelined = Load(jobs: 10_000, steps: 6, slots: 2048)
    static let lockstep = Load(jobs: 2_000, steps: 2, slots: 1)

    private static let log = makeLogger("bench", level: .error)
    private static let sha = String(repeating: "0", count: 64)

    static func manifest(_ version: Int) -> ArtifactManifest {
        ArtifactManifest(
            kind: .policy, version: PolicyVersion(epoch: 1, number: version), files: [], sha256: sha, sources: [])
    }

    // MARK: - Roles

    static func coordinate(_ load: Load, directory: String) async throws {
        var configuration = CoordinatorConfiguration()
        configuration.run.steps = load.steps
        configuration.run.promptsPerStep = load.jobs
        configuration.run.promptsPerJob = 1
        configuration.run.prompts = (0..<load.jobs).map { Prompt(row: $0, text: "p", tokens: [1]) }
        configuration.journalPath = directory + "/journal.sqlite"
        let thread = try SocketThread()
        let coordinator = try await Coordinator.start(configuration, on: thread, logger: log)
        try coordinator.address.write(toFile: directory + "/address", atomically: true, encoding: .utf8)
        for await _ in coordinator.ended { break }
        await coordinator.close()
    }

    /// Ends with the run, and leaves behind when each job came.
    static func work(_ load: Load, _ address: String, directory: String) async throws {
        let idle = Idle()
        let thread = try SocketThread()
        let link = try await WorkerLink.connect(
            on: thread, to: address,
            as: WorkerLink.Identity(
                role: .generator, name: "worker", capabilities: Capabilities(kinds: [.generate]), incarnation: 1),
            logger: log)
        _ = await WorkerLoop(link: link, runner: idle, slots: load.slots, logger: log).run()
        try JSONEncoder().encode(idle.times.withLock { $0 }).write(to: URL(filePath: directory + "/times"))
    }

    /// Answers each prompt with one token.
    private final class Idle: JobRunner {
        let times = Mutex<[Double]>([])
        private let start = ContinuousClock.now

        func configure(_ roleConfiguration: Data) async throws {}
        func announced(_ manifest: ArtifactManifest) async {}
        var isReady: Bool { true }

        func run(_ job: Job, progress: @escaping @Sendable (Int) -> Bool) async throws -> JobOutcome? {
            guard case .generate(let job) = job else { return nil }
            times.withLock { $0.append((ContinuousClock.now - start) / .seconds(1)) }
            return .trajectories(
                job.prompts.map {
                    Trajectory(
                        row: $0.row, occurrence: $0.occurrence, sample: 0, promptTokens: $0.tokens, responseTokens: [2],
                        mask: [1],
                        logProbabilities: [0], versions: [UInt32(clamping: job.version.number)], finish: .eos,
                        promptText: $0.text, responseText: "")
                })
        }
    }

    /// Seconds of each step but the first.
    static func learn(_ load: Load, _ address: String) async throws -> [Double] {
        let thread = try SocketThread()
        let link = try await WorkerLink.connect(
            on: thread, to: address,
            as: WorkerLink.Identity(
                role: .learner, name: "learner", capabilities: Capabilities(kinds: []), incarnation: 2),
            logger: log)
        let clock = ContinuousClock()
        _ = try await link.ask(.publish([manifest(0)]))
        var seconds: [Double] = []
        for step in 0..<load.steps {
            let start = clock.now
            async let committed: Message? =
                step == 0
                ? nil : link.ask(.commit(step: step - 1, metrics: Data("{}".utf8), manifest(step)), deadline: nil)
            let ready = try await link.ask(.batchRequest(step: step), deadline: nil)
            guard case .batchReady(_, let jobs) = ready, jobs == load.jobs else {
                throw CommandError(.failed, "bench: an unexpected answer: \(ready)")
            }
            var fetched = 0
            while fetched < jobs {
                let answer = try await link.ask(.fetchJobs(step: step, first: fetched), deadline: nil)
                guard case .batchJobs(_, fetched, let some) = answer, !some.isEmpty else {
                    throw CommandError(.failed, "bench: an unexpected answer: \(answer)")
                }
                fetched += some.count
            }
            _ = try await committed
            if step > 0 { seconds.append(Double((clock.now - start) / .nanoseconds(1)) * 1e-9) }
        }
        _ = try await link.ask(
            .commit(step: load.steps - 1, metrics: Data("{}".utf8), manifest(load.steps)), deadline: nil)
        await link.close(reason: Message.finished)
        return seconds
    }

    // MARK: - Driver

    static func run() async throws -> Result {
        let many = try await trial(pipelined, "pipelined").steps.sorted()
        let times = try await trial(lockstep, "lockstep").times.suffix(lockstep.jobs)
        let single = zip(times.dropFirst(), times).map { $0 - $1 }.sorted()
        return Result(
            pipelinedPerSecond: Double(pipelined.jobs) / many[many.count / 2],
            lockstepP50Milliseconds: single[single.count / 2] * 1000,
            lockstepP99Milliseconds: single[single.count * 99 / 100] * 1000)
    }

    /// Seconds of each step but the first, and when each job came to the worker.
    private static func trial(_ load: Load, _ name: String) async throws -> (steps: [Double], times: [Double]) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-bench-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let executable = try Engine.executablePath()
        func child(_ role: String, _ words: [String]) -> ChildProcess {
            ChildProcess(
                executable, ["bench", "dispatch", "--load", name, "--role", role] + words,
                output: .log("\(folder)/\(role).log"))
        }
        let seconds = try await withThrowingTaskGroup(of: Void.self) { group in
            let coordinator = child("coordinator", ["--directory", folder])
            group.addTask { _ = try await coordinator.run() }
            var address: String?
            for _ in 0..<1000 where address == nil {
                address = try? String(contentsOfFile: folder + "/address", encoding: .utf8)
                try await Task.sleep(for: .milliseconds(10))
            }
            guard let address else { throw CommandError(.failed, "bench: the coordinator does not start") }
            let worker = child("worker", ["--coordinator", address, "--directory", folder])
            group.addTask { _ = try await worker.run() }
            let seconds = try await learn(load, address)
            // The coordinator tells the worker that the run is done.
            try await group.waitForAll()
            return seconds
        }
        let times = try JSONDecoder().decode([Double].self, from: Data(contentsOf: URL(filePath: folder + "/times")))
        return (seconds, times)
    }
}
