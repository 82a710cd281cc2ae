extension LabelMachine {
    /// Edge 4.
    mutating func expireLeases(_ now: UnixMilliseconds) {
        guard now >= nextExpiry else { return }
        let ended = leases.values.filter { $0.expiresAt <= now }.map(\.person).sorted()
        for person in ended { end(leaseOf: person, as: .expired, now) }
        nextExpiry = leases.values.map(\.expiresAt).min() ?? .max
    }

    mutating func renew(_ lease: LeaseID, of id: PersonID, _ now: UnixMilliseconds) throws(Refusal) {
        guard var held = leases[id], held.id == lease else {
            throw Refusal(.leaseGone, "the time for this task is over; your answer still counts if nobody else has it")
        }
        held.expiresAt = now + Int64(settings.leaseSeconds) * 1000
        leases[id] = held
        write(.renewed(lease, expiresAt: held.expiresAt))
    }

    /// Takes the person's lease away, if there is one.
    mutating func end(leaseOf id: PersonID, as end: LeaseEnd, _ now: UnixMilliseconds) {
        guard let lease = leases.removeValue(forKey: id) else { return }
        if !lease.isAdjudication { tasks[lease.task]?.holders -= 1 }
        if end == .expired { tasks[lease.task]?.expiries += 1 }
        if end == .expired || end == .returned { lapsed[id] = lease }
        write(.leaseEnded(lease.id, end, at: now))
    }

    /// Edge 1.
    mutating func begin(
        _ task: TaskID, for id: PersonID, order: [AnswerID], isAdjudication: Bool = false, draft: ActID? = nil,
        _ now: UnixMilliseconds
    ) {
        lastLease += 1
        let lease = Lease(
            id: LeaseID(lastLease), task: task, person: id, order: order, shownAt: now,
            expiresAt: now + Int64(settings.leaseSeconds) * 1000, isAdjudication: isAdjudication, draft: draft)
        leases[id] = lease
        if !isAdjudication { tasks[task]?.holders += 1 }
        nextExpiry = min(nextExpiry, lease.expiresAt)
        write(.lease(lease))
    }

    // MARK: - Which task

    /// Tasks that the selection chooses from.
    private static let sample = 32

    mutating func assign(_ id: PersonID, _ now: UnixMilliseconds, _ random: inout some RandomNumberGenerator) {
        if let task = sentBack[id]?.first(where: { tasks[$0]?.hasRoom == true }), let state = tasks[task] {
            return begin(task, for: id, order: state.task.answers, draft: lastText(of: id, on: task), now)
        }
        guard let task = entryQuestion(for: id) ?? goldQuestion(for: id, &random) ?? openTask(for: id, &random),
            let answers = tasks[task]?.task.answers
        else { return }
        begin(task, for: id, order: answers.shuffled(using: &random), now)
    }

    /// What the author had written before it was sent back.
    private func lastText(of id: PersonID, on task: TaskID) -> ActID? {
        acts.values.filter { $0.person == id && $0.task == task && !$0.judgement.isSkip }.map(\.id).max()
    }

    private func entryQuestion(for id: PersonID) -> TaskID? {
        guard people[id]?.isLead == false else { return nil }
        return entryTest.first { tasks[$0]?.isFor(id) == true }
    }

    /// - Returns: how the entry test ended; nil while it goes on, or when there is no entry test.
    func entryResult(of id: PersonID) -> (right: Int, count: Int, isPassed: Bool)? {
        guard people[id]?.isLead == false, !entryTest.isEmpty, entryQuestion(for: id) == nil else { return nil }
        let answered = (history[id] ?? []).compactMap { acts[$0] }.filter { tasks[$0.task]?.task.isEntryTest == true }
        guard !answered.isEmpty else { return nil }
        let right = answered.count { isRight($0) == true }
        let isPassed = Double(right) >= settings.passShare * Double(answered.count) - 1e-9
        return (right, answered.count, isPassed)
    }

    /// - Returns: whether a gold question was answered right; nil for other tasks.
    package func isRight(_ act: Act) -> Bool? {
        guard let gold = tasks[act.task]?.task.gold else { return nil }
        guard case .pair(let outcome, _) = act.judgement else { return false }
        return outcome == gold
    }

    private func isShutOut(_ id: PersonID) -> Bool { entryResult(of: id)?.isPassed == false }

    private func goldQuestion(for id: PersonID, _ random: inout some RandomNumberGenerator) -> TaskID? {
        guard settings.goldEvery > 0, !gold.isEmpty, !isShutOut(id) else { return nil }
        guard Int.random(in: 0..<settings.goldEvery, using: &random) == 0 else { return nil }
        return gold.filter { tasks[$0]?.isFor(id) == true }.randomElement(using: &random)
    }

    private func openTask(for id: PersonID, _ random: inout some RandomNumberGenerator) -> TaskID? {
        guard !open.ids.isEmpty, !isShutOut(id) else { return nil }
        let count = open.ids.count
        let start = Int.random(in: 0..<count, using: &random)
        var found: [OpenTask] = []
        for step in 0..<count {
            let task = open.ids[(start + step) % count]
            guard let state = tasks[task], state.hasRoom, state.isFor(id) else { continue }
            found.append(
                OpenTask(
                    task: task, kind: state.task.kind, prompt: state.task.prompt, answers: state.task.answers,
                    votes: state.votes.count, wanted: state.task.wanted))
            if found.count == Self.sample { break }
        }
        guard !found.isEmpty else { return nil }
        let choice = selection.choose(among: found, random: &random)
        return found.indices.contains(choice) ? found[choice].task : found[0].task
    }

    func reasonForNothing(_ id: PersonID) -> EmptyReason {
        if let result = entryResult(of: id), !result.isPassed {
            return .entryTestFailed(right: result.right, of: result.count)
        }
        guard !tasks.isEmpty else { return .nothingImported }
        guard !open.ids.isEmpty else { return .allDone }
        var (held, routed, own) = (0, 0, 0)
        for task in open.ids {
            guard let state = tasks[task], !state.acted.contains(id) else { continue }
            if state.task.authors.contains(id) {
                own += 1
            } else if state.task.route?.contains(id) == false {
                routed += 1
            } else {
                held += 1
            }
        }
        if held > 0 { return .heldByOthers(held) }
        if routed > 0 { return .routedElsewhere(routed) }
        return own > 0 ? .ownTexts(own) : .onlyYours
    }
}
