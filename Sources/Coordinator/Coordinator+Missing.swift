import Cluster
import ClusterModel
import Foundation

/// Somebody whom the run needs and who is not here, as its user knows them.
struct MissingWorker {
    /// `a reward worker for 'taste'`
    var who: String
    /// `start one with: ...`
    var remedy: String
    /// nil for a reward worker, which nobody but the user starts.
    var role: Role?
    /// Whether jobs wait for it now.
    var isBlocking: Bool
    var since: Int64
    /// Since when jobs have waited for it without a break.
    var blockedSince: Int64?
}

/// Who is missing, and what is done about it.
extension Coordinator {
    /// Nobody waits in silence: what is missing for longer than the grace ends the run with its name.
    func checkWaits(_ time: Int64) {
        guard stopDeadline == nil, state == .running || state == .starting else { return }
        let before = Dictionary(missing.map { ($0.who, $0) }) { $1 }
        missing = findMissing(time).map { found in
            var found = found
            found.since = before[found.who]?.since ?? time
            found.blockedSince = found.isBlocking ? before[found.who]?.blockedSince ?? time : nil
            return found
        }
        let grace = configuration.graceMilliseconds
        guard let late = missing.first(where: { $0.blockedSince.map { time - $0 > Int64(grace) } ?? false }) else {
            return
        }
        fail(
            CoordinatorError(
                """
                waited \(grace / 1000) s (coordinator.grace_s) for \(late.who); call the same command again, and \
                \(late.remedy)
                """, exitCode: 75))
    }

    private func findMissing(_ time: Int64) -> [MissingWorker] {
        let present = workers.values.filter { $0.state != .gone }
        var found: [MissingWorker] = []
        func add(_ who: String, _ remedy: String, _ role: Role?, isBlocking: Bool = true) {
            guard !found.contains(where: { $0.who == who }) else { return }
            found.append(
                MissingWorker(
                    who: who, remedy: "start one with: \(remedy)", role: role, isBlocking: isBlocking, since: time))
        }
        if !present.contains(where: { $0.hello.role == .learner }) {
            add("a learner", "skein learner --coordinator \(address)", .learner)
        }
        func isServed(_ queue: JobLedger.Queue) -> Bool {
            present.contains { !$0.isDraining && canDo(queue, $0.hello.capabilities) }
        }
        for queue in ledger.queues.sorted(by: { ($0.kind, $0.part) < ($1.kind, $1.part) })
        where queue.kind == .generate || configuration.parts[queue.part].isBuiltIn {
            guard ledger.pendingCount(queue) > 0, !isServed(queue) else { continue }
            let role = queue.kind == .generate ? Role.generator : .scorer
            add("a \(role.rawValue)", "skein \(role.rawValue) --coordinator \(address)", role)
        }
        // Said before the first answers wait for them: their user has to be told in time.
        for (part, needed) in configuration.parts.enumerated() where !needed.isBuiltIn {
            let queue = JobLedger.Queue(kind: .score, part: part)
            guard !isServed(queue) else { continue }
            for name in needed.rewards {
                add(
                    "a reward worker for '\(name)'",
                    "scripts/reward_worker.py \(placeOfRun) --reward \(name) --file \(name).py", nil,
                    isBlocking: ledger.pendingCount(queue) > 0)
            }
        }
        return found
    }

    /// How a worker on this machine finds the run.
    private var placeOfRun: String {
        configuration.runDirectory.map { "--run \($0.path(percentEncoded: false))" } ?? "--coordinator \(address)"
    }

    /// What a job does, for people: `computing reward 'taste' in step 3`.
    func words(for job: JobID) -> String {
        guard job.kind == .score, configuration.parts.indices.contains(job.part) else {
            return "generating answers in step \(job.step)"
        }
        return "computing \(configuration.parts[job.part].needs) in step \(job.step)"
    }
}
