import Cluster
import ClusterModel
import Console
import Foundation
import Transport
import ZeroMQ

/// A coordinator is killed and started again: how long until it welcomes a worker.
enum RestartBenchmark {
    struct OpenJobs: Codable {
        var jobs: Int
        /// Of them, those whose result was in the journal.
        var done: Int
        /// From the start of the process until a worker has its WELCOME.
        var restartSeconds: Double
        var megabytes: Double

        enum CodingKeys: String, CodingKey {
            case jobs, done
            case restartSeconds = "restart_s"
            case megabytes = "coordinator_mb"
        }
    }

    struct LongRun: Codable {
        var steps: Int
        var restartSeconds: Double
        /// Of the journal with its log.
        var journalMegabytes: Double
        /// Of the learner's and of a generator's WELCOME, whichever is longer.
        var welcomeBytes: Int

        enum CodingKeys: String, CodingKey {
            case steps
            case restartSeconds = "restart_s"
            case journalMegabytes = "journal_mb"
            case welcomeBytes = "welcome_bytes"
        }
    }

    struct Result: Codable {
        var openJobs: OpenJobs
        var longRun: LongRun

        enum CodingKeys: String, CodingKey {
            case openJobs = "open_jobs"
            case longRun = "long_run"
        }
    }

    /// One step whose jobs are half done.
    static func openJobs(_ jobs: Int) async throws -> OpenJobs {
        let cluster = try ClusterProcesses(Load(jobs: jobs, steps: 2, slots: 2048))
        let first = try await cluster.startCoordinator()
        let worker = try cluster.start("worker", coordinator: first.address)
        let learner = try await SyntheticLearner(first.address)
        try await learner.publishFirst()
        while try await done(at: first.status) < jobs / 2 { try await Task.sleep(for: .milliseconds(5)) }
        kill(worker.processIdentifier, SIGKILL)
        kill(first.process.processIdentifier, SIGKILL)
        first.process.waitUntilExit()
        let second = try await cluster.startCoordinator()
        let welcome = try await Guest.join(second.address)
        return OpenJobs(
            jobs: jobs, done: try await pending(at: second.status).map { jobs - $0 } ?? 0,
            restartSeconds: second.seconds + welcome.seconds, megabytes: ClusterProcesses.peak(of: second.process))
    }

    /// Steps with few jobs and large artifacts.
    static func longRun(steps: Int, megabytes: Int) async throws -> LongRun {
        let load = Load(jobs: 8, steps: steps + 1, slots: 8)
        let cluster = try ClusterProcesses(load)
        let first = try await cluster.startCoordinator()
        let worker = try cluster.start("worker", coordinator: first.address)
        var learner = try await SyntheticLearner(first.address)
        learner.bytes = megabytes << 20
        try await learner.publishFirst()
        for step in 0..<steps {
            try await learner.fetch(step, jobs: load.jobs)
            try await learner.commit(step)
        }
        kill(worker.processIdentifier, SIGKILL)
        kill(first.process.processIdentifier, SIGKILL)
        first.process.waitUntilExit()
        let journal = ["bench.sqlite", "bench.sqlite-wal"].reduce(0) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(cluster.directory)/\(name)")
            return sum + (attributes?[.size] as? Int ?? 0)
        }
        let second = try await cluster.startCoordinator()
        let welcome = try await Guest.join(second.address)
        return LongRun(
            steps: steps, restartSeconds: second.seconds + welcome.seconds,
            journalMegabytes: Double(journal) / 1e6, welcomeBytes: welcome.bytes)
    }

    private static func done(at port: Int) async throws -> Int {
        try await snapshot(at: port)?.queue["generate"]?.doneTotal ?? 0
    }

    private static func pending(at port: Int) async throws -> Int? {
        try await snapshot(at: port)?.queue["generate"].map { $0.pending + $0.leased }
    }

    private struct Queues: Decodable {
        struct Queue: Decodable {
            var pending: Int
            var leased: Int
            var doneTotal: Int

            enum CodingKeys: String, CodingKey {
                case pending, leased
                case doneTotal = "done_total"
            }
        }
        var queue: [String: Queue]
    }

    private static func snapshot(at port: Int) async throws -> Queues? {
        try JSONDecoder().decode(Queues.self, from: await StatusReader.read(at: port))
    }
}

/// Joins and does nothing.
private enum Guest {
    static func join(_ address: String) async throws -> (bytes: Int, seconds: Double) {
        let clock = ContinuousClock()
        let start = clock.now
        var most = 0
        for role in [Role.generator, .learner] {
            let capabilities = Capabilities(kinds: role == .generator ? [.generate] : [])
            let link = try await WorkerLink.connect(
                on: try SocketThread(), to: address,
                as: WorkerLink.Identity(role: role, name: "guest-\(role)", capabilities: capabilities, incarnation: 9),
                logger: Load.log)
            for await message in link.messages() {
                guard case .welcome = message else { continue }
                let frames = try Codec.encode(Envelope(message))
                most = max(most, frames.reduce(0) { $0 + $1.count })
                break
            }
        }
        return (most, (clock.now - start) / .seconds(1))
    }
}
