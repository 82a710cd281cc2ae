/// Who is missing, and what is done about it.
extension RunMachine {
    mutating func checkWaits(_ time: Int64) {
        guard life.state == .running || life.state == .starting || life.state == .done else { return }
        let missing = missing(time)
        let isComplete = !missing.contains(where: \.isBlocking)
        if !gathering.isOver { gathering.passTime(present: workersReady(time).count, isComplete: isComplete) }
        let grace = gathering.isOver ? Int64(settings.graceMilliseconds) : gathering.patience
        guard let late = waits.passTime(missing, at: time, grace: grace) else { return }
        let isStart = !gathering.isOver && settings.startMilliseconds != nil
        let ending = RunEnding(
            """
            waited \(grace / 1000) s (\(isStart ? "start.timeout_s" : "coordinator.grace_s")) for \(late.who); call the \
            same command again, and \(late.remedy)
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
            add("a learner", "\(settings.program) learner \(joining(.learner))", .learner)
        }
        guard !life.isEnding else { return missing }
        if !gathering.hasEnough {
            let here = workersReady(time)
            let names = here.isEmpty ? "none is here" : "\(here.count) here: \(here.joined(separator: ", "))"
            missing.append(
                Waits.Missing(
                    who: "\(gathering.workers) workers (start.workers)",
                    remedy: """
                        start more (\(names)), from the repository with: .build/release/skein generator \
                        \(joining(.generator))
                        """, role: nil))
        }
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
            add("a \(role.rawValue)", "\(settings.program) \(role.rawValue) \(joining(role))", role)
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

    /// Names of those that can be expected to work for the learner.
    private func workersReady(_ time: Int64) -> [String] {
        members.here.filter {
            $0.member.role != .learner
                && $0.member.isPromising(at: time, grace: Int64(settings.graceMilliseconds))
        }.map(\.id.name)
    }

    private func isServed(_ queue: JobLedger.Queue, _ time: Int64) -> Bool {
        members.contains {
            $0.isPromising(at: time, grace: Int64(settings.graceMilliseconds))
                && settings.canDo(queue, $0.hello.capabilities)
        }
    }

    /// The options by which a process of this machine joins.
    private func joining(_ role: Role) -> String {
        "--coordinator \(address)" + (settings.keyDirectory.map { " --key \($0)/\(role.rawValue).key" } ?? "")
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
