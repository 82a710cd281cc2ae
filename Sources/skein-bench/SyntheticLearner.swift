import Cluster
import ClusterModel
import Console
import Foundation
import Keys
import Transport
import ZeroMQ

/// Fetches batches and commits steps as the learner does, without learning.
struct SyntheticLearner {
    let link: WorkerLink
    /// Bytes of each version that it commits.
    var bytes = 0

    init(_ address: String, incarnation: UInt64 = 2, key: ProcessKey? = nil) async throws {
        link = try await WorkerLink.connect(
            on: try SocketThread(), to: address,
            as: WorkerLink.Identity(
                role: .learner, name: "learner", capabilities: Capabilities(kinds: []), incarnation: incarnation),
            security: key?.security ?? .none, logger: Load.log)
    }

    func publishFirst() async throws { _ = try await link.ask(.publish([Load.manifest(0, bytes: bytes)])) }

    func commit(_ step: Int) async throws {
        _ = try await link.ask(
            .commit(step: step, metrics: Data("{}".utf8), Load.manifest(step + 1, bytes: bytes)), deadline: nil)
    }

    func fetch(_ step: Int, jobs count: Int) async throws {
        let ready = try await link.ask(.batchRequest(step: step), deadline: nil)
        guard case .batchReady(_, let jobs) = ready, jobs == count else {
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
    }

    /// Seconds of each step but the first, from the commit that lets its jobs come into being until all are here.
    func learn(_ load: Load) async throws -> [Double] {
        let clock = ContinuousClock()
        try await publishFirst()
        var seconds: [Double] = []
        for step in 0..<load.steps {
            let start = clock.now
            async let committed: Void? = step == 0 ? nil : commit(step - 1)
            try await fetch(step, jobs: load.jobs)
            _ = try await committed
            if step > 0 { seconds.append((clock.now - start) / .seconds(1)) }
        }
        try await commit(load.steps - 1)
        await link.close(reason: Message.finished)
        return seconds
    }
}
