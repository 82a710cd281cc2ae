extension LabelMachine {
    /// Edges 2 and 3.
    ///
    /// - Returns: whether it had been counted before.
    mutating func submit(_ given: Submission, by id: PersonID, _ now: UnixMilliseconds) throws(Refusal) -> Bool {
        if let known = actOfLease[given.lease].flatMap({ acts[$0] }) {
            guard known.person == id, known.withdrawnAt == nil else { throw gone() }
            guard known.judgement == given.judgement, known.remarks == given.remarks else {
                throw Refusal(
                    .leaseGone, "you have answered this task already, in another window; this answer was not counted")
            }
            return true
        }
        let candidate = leases[id].flatMap { $0.id == given.lease ? $0 : nil } ?? lapsed[id]
        guard let lease = candidate, lease.id == given.lease, let state = tasks[lease.task] else { throw gone() }
        // The same task may have come back to the person under a new lease.
        let isHeld = leases[id]?.task == lease.task && leases[id]?.isAdjudication == lease.isAdjudication
        let isFree = lease.isAdjudication ? state.adjudication == nil : state.hasRoom
        guard isHeld || state.isFor(id) && isFree else { throw gone() }
        try JudgementCheck(settings: settings, task: state.task).check(given)
        if isHeld { end(leaseOf: id, as: given.judgement.isSkip ? .skipped : .answered, now) }
        lastAct += 1
        let act = Act(
            id: ActID(lastAct), lease: lease.id, task: lease.task, person: id, order: lease.order,
            judgement: given.judgement, remarks: given.remarks, shownAt: lease.shownAt, actedAt: now,
            seconds: given.seconds, idleSeconds: given.idleSeconds, isAdjudication: lease.isAdjudication)
        lapsed[id] = nil
        write(.act(act))
        count(act)
        follow(act, now)
        return false
    }

    private func gone() -> Refusal {
        Refusal(.leaseGone, "this task has gone to somebody else in the meantime, so this answer was not counted")
    }

    /// Brings all sums in line with an act that counts from now on.
    mutating func count(_ act: Act) {
        acts[act.id] = act
        actOfLease[act.lease] = act.id
        history[act.person, default: []].append(act.id)
        guard var state = tasks[act.task] else { return }
        state.acted.insert(act.person)
        if act.isAdjudication {
            if !act.judgement.isSkip { state.adjudication = act.id }
        } else if act.judgement.isSkip {
            state.skips += 1
        } else {
            state.votes.append(act.id)
            if !state.isGold { votes += 1 }
        }
        if let back = state.sentBack, back.to == act.person {
            state.sentBack = nil
            sentBack[act.person]?.removeAll { $0 == act.task }
        }
        tasks[act.task] = state
        refresh(act.task)
    }

    /// The opposite of ``count(_:)``.
    mutating func discount(_ act: Act) {
        history[act.person]?.removeAll { $0 == act.id }
        guard var state = tasks[act.task] else { return }
        state.acted.remove(act.person)
        if act.isAdjudication {
            if state.adjudication == act.id { state.adjudication = nil }
        } else if act.judgement.isSkip {
            state.skips -= 1
        } else {
            state.votes.removeAll { $0 == act.id }
            if !state.isGold { votes -= 1 }
        }
        tasks[act.task] = state
        refresh(act.task)
    }

    /// Keeps the lists of open and of disputed tasks in line with one task.
    mutating func refresh(_ id: TaskID) {
        guard let state = tasks[id] else { return }
        open.set(id, isOpen: state.isOpen)
        if isDisputed(state) { disputed.insert(id) } else { disputed.remove(id) }
    }

    /// What an author's text and a reviewer's word lead to.
    private mutating func follow(_ act: Act, _ now: UnixMilliseconds) {
        guard let task = tasks[act.task]?.task else { return }
        switch act.judgement {
        case .writing(let text, let corrects):
            let answer = newAnswer(text, task, act.person, corrects: corrects)
            let review = LabelTask(
                id: newTask(), kind: .review, prompt: task.prompt, answers: [answer], authors: [act.person],
                route: task.route.map { $0.subtracting([act.person]) }.flatMap { $0.isEmpty ? nil : $0 },
                reviews: act.id)
            add(review)
            write(.task(review))
        case .review(.edit(let text)):
            _ = newAnswer(text, task, act.person, corrects: task.answers.first)
        case .review(.sendBack):
            guard let written = task.reviews.flatMap({ acts[$0] }), written.withdrawnAt == nil else { return }
            withdraw(written, now)
            close(act.task)
            // An author whose link was revoked cannot take it up again; then it is anybody's.
            guard people[written.person]?.isActive == true else { return }
            tasks[written.task]?.sentBack = (written.person, act.id)
            sentBack[written.person, default: []].append(written.task)
            write(.sentBack(written.task, to: written.person, by: act.id))
        default: break
        }
    }

    private mutating func newAnswer(
        _ text: String, _ task: LabelTask, _ author: PersonID, corrects: AnswerID?
    ) -> AnswerID {
        lastAnswer += 1
        let id = AnswerID(lastAnswer)
        write(.answer(id, text: text, prompt: task.prompt, author: author, corrects: corrects))
        return id
    }

    private mutating func newTask() -> TaskID {
        lastTask += 1
        return TaskID(lastTask)
    }

    mutating func add(_ task: LabelTask) {
        tasks[task.id] = TaskState(task)
        if task.isEntryTest {
            entryTest.append(task.id)
        } else if task.gold != nil {
            gold.append(task.id)
        } else {
            wanted += task.wanted
        }
        refresh(task.id)
    }

    mutating func close(_ id: TaskID) {
        guard let state = tasks[id], !state.isClosed else { return }
        tasks[id]?.isClosed = true
        wanted -= max(0, state.task.wanted - state.votes.count)
        refresh(id)
        write(.closed(id))
    }

    mutating func withdraw(_ act: Act, _ now: UnixMilliseconds) {
        acts[act.id]?.withdrawnAt = now
        discount(act)
        write(.withdrawn(act.id, at: now))
    }

    // MARK: - Taking back

    /// Edge 6.
    mutating func undo(_ id: PersonID, _ now: UnixMilliseconds) throws(Refusal) {
        guard let last = history[id]?.last, let act = acts[last], let state = tasks[act.task] else {
            throw Refusal(.nothingToUndo, "there is no answer of yours to take back")
        }
        if state.task.isEntryTest, entryResult(of: id) != nil {
            throw Refusal(.cannotUndo, "the entry test is over; its answers stand")
        }
        if case .review(.sendBack) = act.judgement {
            throw Refusal(.cannotUndo, "the author has the text again already; write to them instead")
        }
        let review = openReview(of: act)
        if let review, review.holders > 0 || !review.votes.isEmpty {
            throw Refusal(.cannotUndo, "somebody is reviewing this text or has done so; it stands")
        }
        // A vote frees its own place. A skip left it to others, who may have filled it.
        if act.judgement.isSkip, !act.isAdjudication, !state.hasRoom {
            throw Refusal(.cannotUndo, "others have answered the task that you skipped; the skip stands")
        }
        if let review { close(review.task.id) }
        end(leaseOf: id, as: .returned, now)
        withdraw(act, now)
        begin(act.task, for: id, order: act.order, isAdjudication: act.isAdjudication, draft: act.id, now)
    }

    private func openReview(of act: Act) -> TaskState? {
        guard case .writing = act.judgement else { return nil }
        return tasks.values.first { $0.task.reviews == act.id && !$0.isClosed }
    }

    // MARK: - Disagreement

    /// Edge 7: all places of a comparison are filled, and the outcomes, leaving strength aside, are not all the same.
    private func isDisputed(_ state: TaskState) -> Bool {
        guard state.task.kind == .pair, !state.isGold, state.adjudication == nil, state.votes.count >= state.task.wanted
        else { return false }
        return outcomes(state).count > 1
    }

    private func outcomes(_ state: TaskState) -> Set<PairOutcome> {
        Set(
            state.votes.compactMap { id -> PairOutcome? in
                if case .pair(let outcome, _)? = acts[id]?.judgement { outcome } else { nil }
            })
    }

    /// Tasks on which people disagree and no lead has decided, in their order.
    package var disputes: [TaskID] { disputed.sorted() }

    mutating func adjudicate(
        _ task: TaskID, by id: PersonID, _ now: UnixMilliseconds, _ random: inout some RandomNumberGenerator
    ) throws(Refusal) {
        guard people[id]?.isLead == true else { throw Refusal(.leadsOnly, "only leads settle disagreements") }
        guard disputed.contains(task), let state = tasks[task] else {
            throw Refusal(.leaseGone, "there is no open disagreement about this task")
        }
        guard state.isFor(id) else {
            throw Refusal(.invalid, "this task needs a lead who has not answered it or written one of its texts")
        }
        if let other = leases.values.first(where: { $0.isAdjudication && $0.task == task && $0.person != id }) {
            throw Refusal(.leaseGone, "\(people[other.person]?.pseudonym ?? "another lead") is settling it now")
        }
        guard leases[id]?.task != task else { return }
        end(leaseOf: id, as: .returned, now)
        begin(task, for: id, order: state.task.answers.shuffled(using: &random), isAdjudication: true, now)
    }
}
