import Foundation

/// What the learner says beside batches and commits: artifacts, alarms.
extension RunMachine {
    /// Alarms that come behind the commit of the step that they are about.
    package static let lateAlarms: Set<String> = [Message.pausingAlarm, "evaluation"]

    // MARK: - Artifacts

    /// - Parameter checkpoint: how many steps the learner goes on from; nil: from its newest version.
    mutating func publish(
        _ all: [ArtifactManifest], checkpoint: Int?, _ incoming: Incoming, _ time: Int64
    ) {
        // It makes what lies behind its checkpoint again, and from the same batches the same. What stands there of it counts
        // already, unless the machine's end has damaged it.
        let reached = checkpoint ?? .max
        let manifests = all.filter { manifest in
            guard manifest.kind == .policy, manifest.version.number > max(0, reached) else { return true }
            let known = steps.weights(of: manifest.version.number)
            if let known, known != manifest.weights {
                log(
                    .warning, "a version of the policy is damaged on the learner's disk, and is made again",
                    ["version": "\(manifest.version.number)"])
            }
            return known == manifest.weights
        }
        if let changed = manifests.first(where: isChanged) {
            let step = changed.version.number
            return fail(
                RunEnding(
                    """
                    the policy of step \(step) is not the one that was committed: its checkpoint has changed since, or is \
                    damaged. This run cannot go on from it; \(fromAnotherStep(step - 1))
                    """, exitCode: 78), time)
        }
        let ahead = manifests.filter { $0.kind == .policy }.map(\.version.number).filter { $0 > reached }
        versions.serve(by: incoming.peer, upTo: reached, ahead: Set(ahead))
        if let checkpoint { keepBatches(from: checkpoint) }
        for manifest in manifests.dropLast() { persist(.weights(manifest)) }
        if let last = manifests.last {
            persist(.weights(last), then: .published(manifests, by: incoming.peer, incoming.id))
        }
        // A run that was ended between its last commit and the export of its policy: the learner that has come back has
        // nothing left to do but that.
        if steps.isLastCommitted { finish() }
    }

    /// Whether a version of the policy has other weights than the journal says. Version 0 is looked at with the run's inputs.
    private func isChanged(_ manifest: ArtifactManifest) -> Bool {
        let number = manifest.version.number
        guard manifest.kind == .policy, number > 0,
            let known = steps.weights(of: number) ?? versions.policy(number)?.weights
        else { return false }
        return known != manifest.weights
    }

    /// Whether what a job needs can be pulled, as far as the coordinator can know. While it cannot, nobody is to blame for
    /// not having it.
    func isServed(_ job: JobID) -> Bool {
        guard let learner = members.learner, learner.state == .ready else { return false }
        let version = job.kind == .generate ? settings.schedule.version(for: job.step) : 0
        return versions.isServed(version, by: learner.hello.id)
    }

    /// What to do when a checkpoint and the journal do not agree.
    func fromAnotherStep(_ step: Int) -> String {
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
