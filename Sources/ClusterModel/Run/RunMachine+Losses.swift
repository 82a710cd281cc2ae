/// What becomes of the jobs of workers that are lost or hang, and what is said of a learner that does.
extension RunMachine {
    /// Times of the usual step after which a learner that says the same all the while is told to people.
    private static let patienceInSteps: Int64 = 10
    private static let leastPatience: Int64 = 600_000
    private static let stalledLearner = "learner_stalled"
    /// Code of the alarm that names a job at which worker after worker has died.
    package static let jobDeaths = "job_deaths"

    /// A worker was lost with its jobs, which are pending again.
    ///
    /// - Parameters:
    ///   - running: the one that it worked at. Those that waited behind it have done nothing to it.
    ///   - died: its successor is here, or it was seen to fail. One that only fell silent may be well, behind a wire that is
    ///     not.
    ///   - isSeen: who started it has seen its end, so no network is to blame however many go at once.
    mutating func lose(_ running: JobID?, with worker: WorkerID, died: Bool, isSeen: Bool, _ time: Int64) {
        ledger.release(avoiding: worker)
        let window = 2 * Int64(settings.leaseMilliseconds)
        if !isSeen,
            let (together, isNew) = casualties.lose(worker, here: members.workersHere, window: window, at: time)
        {
            // The coordinator's own network, until shown otherwise.
            ledger.forgive(together)
            guard isNew else { return }
            alarm("workers_lost", "most workers were lost at once; look at the network of the coordinator", time)
            return
        }
        guard let running else { return }
        if died { blame(running, for: worker, "died", time) }
        if isSeen { noteDeath(of: worker, holding: running, time) }
    }

    /// Whoever killed them may have meant the worker, and not the job; but it may be one that the kernel or a watchdog
    /// does not like, which says nothing.
    private mutating func noteDeath(of worker: WorkerID, holding job: JobID, _ time: Int64) {
        let dead = ledger.noteDeath(of: worker, holding: job)
        guard dead.count >= Casualties.poison else { return }
        let names = Set(dead.map(\.name)).sorted().joined(separator: ", ")
        let who = job.kind == .generate ? "generators" : "scorers"
        alarm(
            Self.jobDeaths,
            "\(dead.count) \(who) died holding job \(job) (\(words(for: job))), on \(names); if nobody ended them on purpose, "
                + "look at their logs, and at what ends processes on their machines", time)
    }

    /// A lease ran out in a worker's hands.
    mutating func expire(_ job: JobID, in worker: WorkerID, _ time: Int64) {
        ledger.avoid(job, worker)
        // Without a learner nobody serves the weights that the worker may be waiting for; and a silent one may be working.
        let isServed = isServed(job)
        let isHeard = members[worker].map { time - $0.lastSeen <= Int64(settings.leaseMilliseconds) / 2 } ?? false
        if isServed, isHeard { blame(job, for: worker, "made no progress for a whole lease", time) }
    }

    private mutating func blame(_ job: JobID, for worker: WorkerID, _ what: String, _ time: Int64) {
        let victims = ledger.blame(job, for: worker)
        // A worker that did nothing for a lease may only be slow, and is given as many chances as one that fails.
        guard Set(victims).count >= Casualties.poison || victims.count > settings.retries else { return }
        let names = Set(victims.map(\.name)).sorted().joined(separator: ", ")
        let isOther = Set(victims).count == victims.count
        let times =
            isOther ? "has taken \(victims.count) workers with it" : "has come to nothing \(victims.count) times"
        let story = "\(words(for: job)) (job \(job)) \(times), on \(names); the last \(what)"
        guard settings.skipsPoison, let jobs = steps.giveUp(job) else {
            fail(
                RunEnding(
                    """
                    \(story). Read their logs. If they only need longer, raise coordinator.lease_s; then call the same \
                    command again
                    """), time)
            return
        }
        // The batch goes on without its answers, once the journal knows. Who died of it died of nothing else.
        ledger.forget(jobs)
        ledger.forgive(Set(victims))
        persist(.meta(key: RecoveredRun.skipKey(job), value: story), then: .skipped(job))
        alarm(
            "poison", "\(story). Its answers are left out of step \(job.step + 1), as coordinator.on_poison says", time)
    }

    /// It cannot be told from a long update, so people are asked to look.
    mutating func watchLearner(_ time: Int64) {
        guard life.state == .running, steps.request == nil,
            let member = members.learner, member.state == .ready,
            alarms.lastRaised(Self.stalledLearner).map({ $0 < member.changed }) ?? true
        else { return }
        let usual = figures.usualStep ?? 0
        let silent = time - member.changed
        guard silent > max(Self.leastPatience, Self.patienceInSteps * usual) else { return }
        let phase = member.report?.state ?? "?"
        alarm(
            Self.stalledLearner,
            "the learner has said \"\(phase)\" for \(silent / 60_000) min; look at its log, and kill it if it hangs: it is "
                + "started again and goes on from its checkpoint", time)
    }
}
