import ClusterModel
import Testing

@testable import Cluster

@Suite struct LeaseQueueTests {
    private func grant(_ index: Int) -> Grant {
        let id = JobID(step: 0, index: index, kind: .score)
        return Grant(
            .score(ScoreJob(id: id, reference: false, rewards: [], temperature: 1, trajectories: [])), attempt: 1,
            leaseMilliseconds: 1000)
    }

    /// A drain without time: what runs is handed back, and stops at its next progress.
    @Test func whatRunsIsGivenUpOnceAndStops() async throws {
        let queue = LeaseQueue()
        #expect(queue.push(grant(0)) && queue.push(grant(1)))
        #expect(await queue.next()?.job.id.index == 0)
        #expect(queue.progress(1).goOn)
        #expect(queue.drain().map(\.job.id.index) == [1])
        #expect(!queue.isIdle && queue.progress(2).goOn, "a drain finishes what runs")
        #expect(queue.giveUpRunning()?.job.id.index == 0)
        #expect(queue.isIdle && !queue.progress(3).goOn && queue.progress(3).renewals.isEmpty)
        #expect(queue.giveUpRunning() == nil)
        #expect(queue.finished() && !queue.push(grant(2)))
    }
}
