import Cluster
import ClusterModel
import Console
import Foundation
import Keys
import Synchronization
import Transport
import ZeroMQ

/// Round trips of jobs that do nothing: learner, coordinator with its journal on a real file, and a worker, each its own
/// process, over real sockets.
enum DispatchBenchmark {
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

    /// - Parameter isKeyed: with CURVE.
    static func run(isKeyed: Bool = false) async throws -> Result {
        let pipelined = Load(jobs: 10_000, steps: 6, slots: 2048, isKeyed: isKeyed)
        let lockstep = Load(jobs: 2_000, steps: 2, slots: 1, isKeyed: isKeyed)
        let many = try await trial(pipelined).steps.sorted()
        let times = try await trial(lockstep).times.suffix(lockstep.jobs)
        let single = zip(times.dropFirst(), times).map { $0 - $1 }.sorted()
        return Result(
            pipelinedPerSecond: Double(pipelined.jobs) / many[many.count / 2],
            lockstepP50Milliseconds: single[single.count / 2] * 1000,
            lockstepP99Milliseconds: single[single.count * 99 / 100] * 1000)
    }

    /// Seconds of each step but the first, and when each job came to the worker.
    private static func trial(_ load: Load) async throws -> (steps: [Double], times: [Double]) {
        let cluster = try ClusterProcesses(load)
        let coordinator = try await cluster.startCoordinator()
        let worker = try cluster.start("worker", coordinator: coordinator.address)
        let seconds = try await SyntheticLearner(
            coordinator.address, key: load.key(.learner, in: cluster.directory)
        ).learn(load)
        // The coordinator tells the worker that the run is done.
        for process in [worker, coordinator.process] { process.waitUntilExit() }
        let file = URL(filePath: "\(cluster.directory)/\(timesFile)")
        return (seconds, try JSONDecoder().decode([Double].self, from: Data(contentsOf: file)))
    }

    // MARK: - Worker

    private static let timesFile = "times"

    /// Ends with the run, and leaves behind when each job came.
    static func work(_ load: Load, _ address: String, directory: String) async throws {
        ParentWatch.start()
        let idle = Idle()
        let link = try await WorkerLink.connect(
            on: try SocketThread(), to: address,
            as: WorkerLink.Identity(
                role: .generator, name: "worker", capabilities: Capabilities(kinds: [.generate]), incarnation: 1),
            security: load.key(.generator, in: directory)?.security ?? .none, logger: Load.log)
        _ = await WorkerLoop(link: link, runner: idle, slots: load.slots, logger: Load.log).run()
        try JSONEncoder().encode(idle.times.withLock { $0 }).write(to: URL(filePath: "\(directory)/\(timesFile)"))
    }

    /// Answers each prompt with one token.
    private final class Idle: JobRunner {
        let times = Mutex<[Double]>([])
        private let start = ContinuousClock.now

        func configure(_ setup: RoleSetup) async throws {}
        func announced(_ manifest: ArtifactManifest) async {}
        var isReady: Bool { true }

        func run(_ job: Job, progress: @escaping @Sendable (Int) -> Bool) async throws -> JobOutcome? {
            guard case .generate(let job) = job else { return nil }
            times.withLock { $0.append((ContinuousClock.now - start) / .seconds(1)) }
            return Load.answer(job)
        }
    }
}
