import Foundation

/// What the learner learns from, and what it has made of it: batches, commits.
extension RunMachine {
    /// Most of an answer to a fetch, unless one job alone is larger.
    private static let fetchedBytes = 512 << 10

    // MARK: - Batches

    mutating func requestBatch(of step: Int, _ incoming: Incoming) {
        let isThere = step >= steps.committed || steps.batch(of: step)?.isComplete == true
        guard isThere, step < settings.steps else {
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
        guard let request = steps.request, let step = steps.batch(of: request.step), step.isComplete,
            ledger.isDurable(request.step)
        else { return }
        steps.request = nil
        if request.step >= steps.committed, let (reason, jobs) = step.withoutReward(settings.neededRewards) {
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
        guard let assembly = steps.batch(of: step), assembly.isComplete, ledger.isDurable(step),
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
        _ step: Int, _ metrics: Data, _ manifest: ArtifactManifest, checkpoint: Int?, _ incoming: Incoming,
        _ time: Int64
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
        if step < steps.committed {
            commitAgain(step, manifest, checkpoint: checkpoint, incoming, time)
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
            versions.reach(step + 1)
            keepBatches(from: settings.planted.contains(.dropBatchEarly) ? step + 1 : checkpoint ?? step + 1)
        }
    }

    /// A commit that was not heard to be acknowledged, or one of a learner that repeats steps from the journal.
    private mutating func commitAgain(
        _ step: Int, _ manifest: ArtifactManifest, checkpoint: Int?, _ incoming: Incoming, _ time: Int64
    ) {
        let version = step + 1
        if let known = steps.weights(of: version) ?? versions.policy(version)?.weights, known != manifest.weights {
            let text =
                """
                step \(version) was repeated from the journal, and its policy is not the one that was committed: the learner \
                computes otherwise than before. Go on with the processor, the libtorch and the threads of before; or \
                \(fromAnotherStep(steps.checkpoint))
                """
            refuse(incoming, Refusal(.step, text))
            return fail(RunEnding(text, exitCode: 78), time)
        }
        versions.reach(version)
        keepBatches(from: checkpoint ?? version)
        guard step < steps.durable else { return steps.alsoTell(incoming.peer, incoming.id, manifest, of: step) }
        if let known = versions.policy(version), known != manifest {
            // The learner that served it is gone.
            persist(
                .weights(manifest), then: .repeated(step: step, manifest, by: incoming.peer, incoming.id))
        } else {
            outbox.add(incoming.peer, .commitAck(step: step), inReplyTo: incoming.id)
        }
        // A coordinator that was started again behind the last commit.
        if steps.isLastCommitted { finish() }
    }

    /// The learner's checkpoint is on its disk, so that it asks for no batch before it.
    mutating func keepBatches(from checkpoint: Int) {
        if steps.keep(from: checkpoint) { persist(.checkpoint(steps.checkpoint)) }
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
}
