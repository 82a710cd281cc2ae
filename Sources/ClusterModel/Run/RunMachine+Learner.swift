import Foundation

/// What the learner says: artifacts, batches, commits.
extension RunMachine {
    /// Most of an answer to a fetch, unless one job alone is larger.
    private static let fetchedBytes = 512 << 10
    /// Alarms that come behind the commit of the step that they are about.
    package static let lateAlarms: Set<String> = [Message.pausingAlarm, "evaluation"]

    // MARK: - Artifacts

    mutating func publish(_ manifests: [ArtifactManifest], _ incoming: Incoming, _ time: Int64) {
        if let changed = manifests.first(where: isChanged) {
            let step = changed.version.number
            return fail(
                RunEnding(
                    """
                    the policy of step \(step) is not the one that was committed: its checkpoint has changed since, or is \
                    damaged. This run cannot go on from it; \(fromAnotherStep(step - 1))
                    """, exitCode: 78), time)
        }
        for manifest in manifests.dropLast() { persist(.weights(manifest)) }
        if let last = manifests.last {
            persist(.weights(last), then: .published(manifests, by: incoming.peer, incoming.id))
        }
        // A run that was ended between its last commit and the export of its policy: the learner that has come back has
        // nothing left to do but that.
        if steps.isLastCommitted { finish() }
    }

    /// Whether a version of the policy has other weights than the journal says. Version 0 is looked at with the run's inputs,
    /// and an adapter's configuration names its base, which may have been moved.
    private func isChanged(_ manifest: ArtifactManifest) -> Bool {
        guard manifest.kind == .policy, manifest.version.number > 0,
            let known = versions.policy(manifest.version.number)
        else { return false }
        func weights(_ manifest: ArtifactManifest) -> [String] {
            manifest.files.filter { $0.name.hasSuffix(".safetensors") }.map { "\($0.name) \($0.sha256)" }
        }
        return weights(known) != weights(manifest)
    }

    /// What to do when a checkpoint and the journal do not agree.
    private func fromAnotherStep(_ step: Int) -> String {
        let run = settings.runDirectory ?? "RUN"
        return step > 0
            ? "start another run, with a run_directory of its own, from a whole one: \(settings.program) run --from \(run)@\(step)"
            : "start anew with --fresh"
    }

    /// The disk knows of them, so the workers may.
    mutating func announce(_ manifests: [ArtifactManifest], _ time: Int64) {
        let oldest = settings.schedule.version(for: steps.committed)
        for manifest in manifests where Versions.mayBeNamed(manifest, from: oldest) {
            versions.add(manifest)
            for (id, member) in members.here where Versions.needs(member.role, manifest) {
                outbox.add(id, .artifact(manifest))
            }
        }
        retireVersions()
        openSteps()
    }

    mutating func retireVersions() {
        let oldest = settings.schedule.version(for: steps.committed)
        if versions.retire(below: oldest) { persist(.retired(below: oldest)) }
    }

    /// Opens every step whose policy version can be pulled.
    mutating func openSteps() {
        guard versions.newest != nil else { return }
        if life.state == .starting {
            life.begin(paused: isPaused, at: lastTurn)
            if isPaused { for (id, _) in members.here { outbox.add(id, .pause(true)) } }
            expose()
        }
        for job in steps.open(versions) { ledger.add(job) }
    }

    // MARK: - Batches

    mutating func requestBatch(of step: Int, _ incoming: Incoming) {
        guard step >= steps.committed, step < settings.steps else {
            refuse(
                incoming,
                Refusal(
                    .step,
                    """
                    the learner has the checkpoint of step \(step), and \(steps.committed) steps are committed: a newer \
                    checkpoint is missing; \(fromAnotherStep(step))
                    """))
            return
        }
        steps.request = Steps.Request(peer: incoming.peer, id: incoming.id, step: step)
        answerBatchRequest()
    }

    mutating func answerBatchRequest() {
        guard let request = steps.request, let step = steps[request.step], step.isComplete,
            ledger.isDurable(request.step)
        else { return }
        steps.request = nil
        if let (reason, jobs) = step.withoutReward(settings.neededRewards) {
            withdraw(request.step, reason, jobs)
            return
        }
        outbox.add(
            request.peer, .batchReady(step: request.step, jobs: step.jobs.count), inReplyTo: request.id)
    }

    /// A reward that fails for every answer is down, not puzzled by a text. Its results are taken out of the journal, so
    /// that the same command scores the step again once the reward is mended.
    private mutating func withdraw(_ step: Int, _ reason: String, _ jobs: [JobID]) {
        let ending = RunEnding(
            "step \(step + 1): \(reason). Mend the reward and call the same command again: the step is scored anew",
            exitCode: 75)
        // With a lag, steps behind it have met the same reward.
        let later = steps.behind(step).flatMap { $0.scoredInVain(settings.neededRewards) }
        persist(.withdrawn(jobs + later, reason: "step \(step + 1): \(reason)"), then: .withdrawn(ending))
    }

    mutating func fetch(_ step: Int, _ first: Int, _ incoming: Incoming) {
        guard let assembly = steps[step], assembly.isComplete, ledger.isDurable(step),
            assembly.jobs.indices.contains(first)
        else {
            refuse(incoming, Refusal(.step, "the batch of step \(step) has no job \(first)"))
            return
        }
        var jobs: [BatchJob] = []
        var size = 0
        for index in first..<assembly.jobs.count {
            guard let items = assembly.trajectories[index] else { break }
            size += JobPlan.bytes(of: items)
            if size > Self.fetchedBytes, !jobs.isEmpty { break }
            var scores = assembly.mergedScores(of: index)
            // They are for people, and would make the message as large as a reward's words.
            scores.errors = []
            jobs.append(BatchJob(items, scores))
        }
        outbox.add(incoming.peer, .batchJobs(step: step, first: first, jobs), inReplyTo: incoming.id)
    }

    // MARK: - Commits

    mutating func commit(
        _ step: Int, _ metrics: Data, _ manifest: ArtifactManifest, _ incoming: Incoming, _ time: Int64
    ) {
        guard step <= steps.committed else {
            let text =
                """
                the learner has the checkpoint of step \(step + 1), and the journal only \(steps.committed) steps: the \
                journal was removed, or is of another run; \(fromAnotherStep(step + 1))
                """
            refuse(incoming, Refusal(.step, text))
            fail(RunEnding(text, exitCode: 78), time)
            return
        }
        // The next version is what generators wait for, and only a batch that was whole can have made it.
        let isWhole = steps[step].map { $0.isComplete && ledger.isDurable(step) } ?? true
        guard manifest.kind == .policy, manifest.version.number == step + 1, isWhole || step < steps.committed else {
            refuse(
                incoming,
                Refusal(.step, "step \(step) cannot be committed with \(manifest.kind.rawValue) \(manifest.version)"))
            return
        }
        if step < steps.durable {
            outbox.add(incoming.peer, .commitAck(step: step), inReplyTo: incoming.id)
            // A coordinator that was started again behind the last commit.
            if steps.isLastCommitted { finish() }
        } else if step < steps.committed {
            steps.alsoTell(incoming.peer, incoming.id, of: step)
        } else {
            guard step < settings.steps else {
                refuse(incoming, Refusal(.step, "the run has \(settings.steps) steps"))
                return
            }
            let staleness = step - settings.schedule.version(for: step)
            let figures = figures.committed(step, report: metrics, staleness: staleness, at: time)
            let over = steps.commit(
                Steps.Commit(
                    step: step, manifest: manifest, record: StepRecord(step: step, figures: figures, assembly: nil),
                    askers: [(incoming.peer, incoming.id)]))
            ledger.forget(over?.allJobs ?? [])
            if let cause = over?.cause(settings.neededRewards) {
                persist(.event(kind: JournalEntry.dropped, detail: "\(step): \(cause)"))
            }
            persist(.step(step, metrics: metrics, manifest), then: .committed)
        }
    }

    mutating func commitIsDurable(_ time: Int64) {
        guard let commit = steps.becomeDurable() else { return }
        for asker in commit.askers { outbox.add(asker.peer, .commitAck(step: commit.step), inReplyTo: asker.id) }
        record(commit.record)
        announce([commit.manifest], time)
        for alarm in alarms.passSteps(committed: steps.committed) {
            let details = ["code": alarm.code, "last in step": "\(alarm.step)", "times": "\(alarm.times)"]
            log(.info, "an alarm is past", details)
        }
        if steps.isLastCommitted { finish() }
        expose()
    }

    // MARK: - Alarms

    mutating func alarm(_ code: String, _ detail: String, _ time: Int64) {
        let step = steps.committed + (Self.lateAlarms.contains(code) ? 0 : 1)
        if let times = alarms.raise(code, detail, step: step, at: time) {
            log(.warning, "alarm", ["code": code, "detail": detail, "times": "\(times)"])
        }
        persist(.event(kind: "alarm", detail: "\(code): \(detail)"))
        if code == Message.pausingAlarm { pause(true, over: settings.klStop) }
    }
}
