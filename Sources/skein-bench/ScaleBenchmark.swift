import ClusterModel
import Console
import Foundation
import Synchronization

/// One coordinator and as many workers as asked for, each with a connection of its own.
enum ScaleBenchmark {
    struct Result: Codable {
        /// From the commit that lets the jobs of a step come into being until the learner has all of them; of the median
        /// step.
        var roundTripsPerSecond: Double
        /// Of `GET /v1/status`, ten times a second while the jobs go round.
        var statusP50Milliseconds: Double
        var statusP99Milliseconds: Double
        var statusRequests: Int
        /// Peak of the coordinator's resident set.
        var megabytes: Double
        /// The coordinator's processor time for a job.
        var microsecondsPerJob: Double

        enum CodingKeys: String, CodingKey {
            case roundTripsPerSecond = "round_trips_per_s"
            case statusP50Milliseconds = "status_p50_ms"
            case statusP99Milliseconds = "status_p99_ms"
            case statusRequests = "status_requests"
            case megabytes = "coordinator_mb"
            case microsecondsPerJob = "coordinator_us_per_job"
        }
    }

    static func run(_ load: Load) async throws -> Result {
        let cluster = try ClusterProcesses(load)
        let coordinator = try await cluster.startCoordinator()
        let fleet = try cluster.start("fleet", coordinator: coordinator.address)
        try await waitFor(load.workers, at: coordinator.status)
        let learner = try await SyntheticLearner(coordinator.address)
        let before = ClusterProcesses.processorTime(of: coordinator.process)
        let reader = Task { await times(of: coordinator.status) }
        let steps = try await learner.learn(load).sorted()
        reader.cancel()
        let answers = await reader.value.sorted()
        let spent = ClusterProcesses.processorTime(of: coordinator.process) - before
        let peak = ClusterProcesses.peak(of: coordinator.process)
        for process in [fleet, coordinator.process] { process.waitUntilExit() }
        guard !answers.isEmpty else { throw CommandError(.failed, "bench: the status was not read once") }
        return Result(
            roundTripsPerSecond: Double(load.jobs) / steps[steps.count / 2],
            statusP50Milliseconds: answers[answers.count / 2] * 1000,
            statusP99Milliseconds: answers[answers.count * 99 / 100] * 1000, statusRequests: answers.count,
            megabytes: peak, microsecondsPerJob: spent * 1e6 / Double(load.jobs * load.steps))
    }

    /// All have joined and asked for jobs.
    private static func waitFor(_ workers: Int, at port: Int) async throws {
        for _ in 0..<600 {
            if let data = try? await StatusReader.read(at: port),
                let snapshot = try? JSONDecoder().decode(Members.self, from: data),
                snapshot.workers["generator"]?.ready == workers
            {
                return
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        throw CommandError(.failed, "bench: not all of the \(workers) workers have joined within a minute")
    }

    private struct Members: Decodable {
        struct Counts: Decodable { var ready: Int }
        var workers: [String: Counts]
    }

    /// Seconds of each reading, until cancelled.
    private static func times(of port: Int) async -> [Double] {
        var seconds: [Double] = []
        while !Task.isCancelled {
            let start = ContinuousClock.now
            guard (try? await StatusReader.read(at: port)) != nil else { continue }
            seconds.append((ContinuousClock.now - start) / .seconds(1))
            try? await Task.sleep(for: .milliseconds(100))
        }
        return seconds
    }
}
