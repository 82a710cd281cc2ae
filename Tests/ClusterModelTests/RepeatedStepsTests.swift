import ClusterModel
import Foundation
import Testing

/// What the coordinator keeps for a learner that dies, and what it makes of steps that are committed again.
@Suite struct RepeatedStepsTests {
    private typealias Bench = RunBench

    private static let second = WorkerID(name: "l", incarnation: 2)

    private static func manifest(_ number: Int, weights: String, at source: String = "a") -> ArtifactManifest {
        var manifest = Bench.manifest(number)
        manifest.files = [ArtifactFile(name: "model.safetensors", size: 1, sha256: weights, chunkSize: 1)]
        manifest.sources = [source]
        return manifest
    }

    private static func commit(
        _ step: Int, weights: String? = nil, at source: String = "a", checkpoint: Int? = 0
    ) -> Message {
        .commit(
            step: step, metrics: Data("{}".utf8), manifest(step + 1, weights: weights ?? "w\(step + 1)", at: source),
            checkpoint: checkpoint)
    }

    /// Three steps of four are committed, and the learner has the checkpoint of the first.
    private func committed(checkpoint: Int = 1) throws -> RunBench {
        var settings = Bench.settings()
        settings.steps = 4
        var bench = try Bench(settings)
        var grants = try bench.begin()
        for step in 0..<3 {
            try bench.answer(grants)
            _ = bench.say(Bench.learner, Self.commit(step, checkpoint: min(step + 1, checkpoint)))
            // The next step opens when the disk has the commit.
            grants = Bench.leases(bench.sync())
        }
        return bench
    }

    private func restart(_ bench: inout RunBench, _ manifests: [ArtifactManifest], checkpoint: Int) -> [Message] {
        _ = bench.say(Bench.learner, .bye(reason: "killed"))
        _ = bench.join(.learner, Self.second)
        return bench.say(Self.second, .publish([Bench.policy] + manifests, checkpoint: checkpoint), id: 3)
            + bench.sync()
    }

    private func isRefused(_ messages: [Message]) -> Bool {
        messages.contains { if case .refused(code: "step", _) = $0 { true } else { false } }
    }

    @Test func batchesSinceTheCheckpointAreGivenAgain() throws {
        var bench = try committed()
        let told = restart(&bench, [Self.manifest(1, weights: "w1", at: "b")], checkpoint: 1)
        #expect(told.contains { if case .publishAck(committed: 3) = $0 { true } else { false } })
        for step in 1..<3 {
            let ready = bench.say(Self.second, .batchRequest(step: step))
            #expect(ready.contains { if case .batchReady(step, jobs: 2) = $0 { true } else { false } })
            let jobs = bench.say(Self.second, .fetchJobs(step: step, first: 0))
            guard case .batchJobs(step, first: 0, let batch)? = jobs.first else {
                Issue.record("step \(step) is not given again: \(jobs)")
                return
            }
            #expect(batch.map(\.trajectories.count) == [1, 1])
            // It is acknowledged as the first time, and workers hear where the version is now.
            let again = bench.say(Self.second, Self.commit(step, at: "b", checkpoint: 1)) + bench.sync()
            #expect(again.contains { if case .commitAck(step) = $0 { true } else { false } })
            let isAnnounced = again.contains {
                if case .artifact(let manifest) = $0 { manifest.sources == ["b"] } else { false }
            }
            // Of those that a step may still name.
            #expect(isAnnounced == (step == 2))
        }
        #expect(bench.machine.state == .running)
        // What the checkpoint has is not asked for, and not kept.
        #expect(isRefused(bench.say(Self.second, .batchRequest(step: 0))))
    }

    @Test func aCheckpointLetsItsBatchesGo() throws {
        var bench = try committed()
        #expect(bench.persisted.contains { if case .checkpoint(1) = $0 { true } else { false } })
        _ = bench.say(Bench.learner, Self.commit(2, checkpoint: 3))
        #expect(bench.persisted.contains { if case .checkpoint(3) = $0 { true } else { false } })
        #expect(isRefused(bench.say(Bench.learner, .batchRequest(step: 2))))
        // One that is ahead of the commits lets go of no more than they are.
        var other = try committed()
        _ = restart(&other, [], checkpoint: 4)
        #expect(other.persisted.contains { if case .checkpoint(3) = $0 { true } else { false } })
        #expect(!other.persisted.contains { if case .checkpoint(4) = $0 { true } else { false } })
    }

    /// The second would make a run of two halves.
    @Test func otherWeightsEndTheRun() throws {
        var bench = try committed()
        _ = restart(&bench, [Self.manifest(1, weights: "w1")], checkpoint: 1)
        let told = bench.say(Self.second, Self.commit(1, weights: "other"))
        #expect(isRefused(told))
        #expect(
            told.contains {
                if case .stop(let why, 78) = $0 {
                    why.contains("step 2 was repeated") && why.contains("@1")
                } else {
                    false
                }
            }, "\(told)")
        #expect(bench.machine.state == .failed)
    }

    /// What a checkpoint links to is synced; other files may be lost or damaged with their machine, and are made again.
    @Test func damagedFilesOfRepeatedStepsAreLeftOut() throws {
        var bench = try committed()
        _ = restart(
            &bench,
            [
                Self.manifest(1, weights: "w1"), Self.manifest(2, weights: "half", at: "b"),
                Self.manifest(3, weights: "w3", at: "b"), Self.manifest(4, weights: "never committed", at: "b"),
            ], checkpoint: 1)
        #expect(bench.machine.state == .running)
        let published = bench.persisted.compactMap { entry -> Int? in
            if case .weights(let manifest) = entry, manifest.sources == ["b"] { manifest.version.number } else { nil }
        }
        #expect(published == [3])
        // That of the checkpoint itself must be what was committed.
        var other = try committed()
        let told = restart(&other, [Self.manifest(1, weights: "half")], checkpoint: 1)
        #expect(told.contains { if case .stop(_, 78) = $0 { true } else { false } })
    }

    /// A generator that cannot pull a version which is made again is not to blame, however often it tries.
    @Test func nobodyIsToBlameForAVersionThatIsMadeAgain() throws {
        var bench = try committed()
        func fail() -> Int {
            var failures = 0
            for _ in 0..<20 where bench.machine.state == .running {
                let told =
                    bench.say(Bench.generator, .report(WorkerReport(state: WorkerReport.idle)))
                    + bench.say(Bench.generator, .credit(slots: 1))
                for grant in Bench.leases(told) {
                    failures += 1
                    let outcome = JobOutcome.failed(code: JobOutcome.unserved, message: "gone", retryable: true)
                    _ = bench.say(Bench.generator, .result(grant.job.id, attempt: grant.attempt, outcome))
                }
            }
            return failures
        }
        _ = bench.say(Bench.generator, .bye(reason: "restarted"))
        _ = bench.join(.generator, Bench.generator)
        _ = restart(&bench, [Self.manifest(1, weights: "w1")], checkpoint: 1)
        #expect(fail() > Bench.settings().retries + 1 && bench.machine.state == .running)
        // Once it is there, it is another matter.
        for step in 1..<3 { _ = bench.say(Self.second, Self.commit(step, checkpoint: 1)) + bench.sync() }
        _ = fail()
        #expect(bench.machine.state == .failed)
    }

    /// A coordinator that was started again has the batches from its journal.
    @Test func batchesAreThereAfterARestartOfTheCoordinator() throws {
        let first = try committed()
        var recovered = RecoveredRun()
        recovered.committedSteps = 3
        recovered.checkpoint = 1
        recovered.weights = [1: Self.manifest(1, weights: "w1").weights, 2: Self.manifest(2, weights: "w2").weights]
        recovered.manifests = [Bench.policy]
        for case .result(let job, _, _, .trajectories(let items), _) in first.persisted where job.step >= 1 {
            recovered.trajectories[job] = items
        }
        var settings = Bench.settings()
        settings.steps = 4
        var bench = try Bench(settings, recovered: recovered)
        _ = bench.join(.learner, Bench.learner)
        _ = bench.say(Bench.learner, .publish([Bench.policy], checkpoint: 1))
        let ready = bench.say(Bench.learner, .batchRequest(step: 1))
        #expect(ready.contains { if case .batchReady(step: 1, jobs: 2) = $0 { true } else { false } })
        let told = bench.say(Bench.learner, Self.commit(1, weights: "other", checkpoint: 1))
        #expect(told.contains { if case .stop(_, 78) = $0 { true } else { false } })
    }
}
