/// Who is missing, and what is done about it.
extension RunMachine {
    mutating func checkWaits(_ time: Int64) {
        guard life.state == .running || life.state == .starting || life.state == .done else { return }
        let grace = settings.graceMilliseconds
        guard let late = waits.passTime(missing(time), at: time, grace: Int64(grace)) else { return }
        let ending = RunEnding(
            """
            waited \(grace / 1000) s (coordinator.grace_s) for \(late.who); call the same command again, and \
            \(late.remedy)
            """, exitCode: 75)
        fail(ending, time)
    }

    private func missing(_ time: Int64) -> [Waits.Missing] {
        var missing: [Waits.Missing] = []
        func add(
            _ who: String, _ command: String, _ role: Role?, verb: String = "start one", isBlocking: Bool = true
        ) {
            guard !missing.contains(where: { $0.who == who }) else { return }
            missing.append(
                Waits.Missing(who: who, remedy: "\(verb) with: \(command)", role: role, isBlocking: isBlocking))
        }
        if members.learner == nil, !life.isLeaving {
            add("a learner", "\(settings.program) learner --coordinator \(address)", .learner)
        }
        guard !life.isEnding else { return missing }
        for queue in ledger.queues where queue.kind == .generate || settings.parts[queue.part].isBuiltIn {
            guard !isServed(queue, time) else { continue }
            let role = queue.kind == .generate ? Role.generator : .scorer
            if desired[role] == 0, settings.desired[role] ?? 0 > 0 {
                // Whoever scaled to none wants the run to wait.
                add(
                    "a \(role.rawValue), of which none is wanted",
                    "\(settings.program) scale \(role.rawValue)=1\(runOption)", role, verb: "scale up",
                    isBlocking: false)
                continue
            }
            add("a \(role.rawValue)", "\(settings.program) \(role.rawValue) --coordinator \(address)", role)
        }
        // Said before the first answers wait for them: their user has to be told in time.
        for (part, needed) in settings.parts.enumerated() where !needed.isBuiltIn {
            let queue = JobLedger.Queue(kind: .score, part: part)
            guard !isServed(queue, time) else { continue }
            for name in needed.rewards {
                add(
                    "a reward worker for '\(name)'",
                    "scripts/reward_worker.py \(place) --reward \(name) --file \(name).py", nil,
                    verb: "start one from the repository",
                    isBlocking: ledger.pendingCount(queue) > 0)
            }
        }
        return missing
    }

    private func isServed(_ queue: JobLedger.Queue, _ time: Int64) -> Bool {
        members.contains {
            $0.isPromising(at: time, grace: Int64(settings.graceMilliseconds))
                && settings.canDo(queue, $0.hello.capabilities)
        }
    }

    /// How a command finds the run.
    var runOption: String { settings.runDirectory.map { " --run \($0)" } ?? "" }

    /// How a worker on this machine finds the run.
    private var place: String { settings.runDirectory.map { "--run \($0)" } ?? "--coordinator \(address)" }

    /// What a job does, for people: `computing the reward 'taste' in step 3`.
    func words(for job: JobID) -> String {
        guard job.kind == .score, settings.parts.indices.contains(job.part) else {
            return "generating answers in step \(job.step + 1)"
        }
        return "computing \(settings.parts[job.part].needs) in step \(job.step + 1)"
    }
}
