/// What a store knows: all that a machine goes on from.
package struct FeedbackState: Sendable {
    package var people: [Person] = []
    /// In the order of their ids.
    package var tasks: [LabelTask] = []
    package var closed: Set<TaskID> = []
    /// In the order of their ids, with those that were taken back.
    package var acts: [Act] = []
    /// Leases that have not ended.
    package var leases: [Lease] = []
    /// The last lease of each person that ended without an answer.
    package var lapsed: [Lease] = []
    package var expiries: [TaskID: Int] = [:]
    package var sentBack: [(task: TaskID, to: PersonID, by: ActID)] = []
    package var lastLease: Int64 = 0
    package var lastAnswer: Int64 = 0

    package init() {}
}

extension LabelMachine {
    mutating func restore(_ state: FeedbackState) {
        for task in state.tasks { add(task) }
        for act in state.acts {
            if act.withdrawnAt == nil {
                count(act)
            } else {
                acts[act.id] = act
                actOfLease[act.lease] = act.id
            }
            lastAct = max(lastAct, act.id.value)
        }
        for id in state.closed { close(id) }
        for (task, person, act) in state.sentBack where people[person]?.isActive == true {
            tasks[task]?.sentBack = (person, act)
            sentBack[person, default: []].append(task)
        }
        for (task, count) in state.expiries { tasks[task]?.expiries = count }
        for lease in state.lapsed { lapsed[lease.person] = lease }
        for lease in state.leases where tasks[lease.task] != nil {
            leases[lease.person] = lease
            if !lease.isAdjudication { tasks[lease.task]?.holders += 1 }
            nextExpiry = min(nextExpiry, lease.expiresAt)
        }
        lastLease = state.lastLease
        lastAnswer = state.lastAnswer
        lastTask = state.tasks.map(\.id.value).max() ?? 0
        // All of it came from disk.
        _ = takeEntries()
    }
}

/// One task as a lead sees it.
package struct TaskSummary: Sendable, Equatable {
    package var task: LabelTask
    package var votes: Int
    package var skips: Int
    package var expiries: Int
    package var holders: Int
    package var isDisputed: Bool
}

/// One person as a lead sees them.
package struct PersonSummary: Sendable, Equatable {
    package var person: Person
    package var progress: LabelProgress
    package var seconds: Double
    package var goldRight: Int
    package var goldAnswered: Int
    package var hasTask: Bool
}

extension LabelMachine {
    package func act(_ id: ActID) -> Act? { acts[id] }
    package func person(_ id: PersonID) -> Person? { people[id] }
    package func task(_ id: TaskID) -> LabelTask? { tasks[id]?.task }

    /// Votes on a task that count, with the lead's decision last.
    package func votes(on id: TaskID) -> [Act] {
        guard let state = tasks[id] else { return [] }
        return (state.votes + [state.adjudication].compactMap(\.self)).compactMap { acts[$0] }
    }

    /// The review that sent the person's text back, if that is why they have this task.
    package func reviewBehind(_ lease: Lease) -> Act? {
        guard let back = tasks[lease.task]?.sentBack, back.to == lease.person else { return nil }
        return acts[back.by]
    }

    package func summary(of id: TaskID) -> TaskSummary? {
        tasks[id].map { state in
            TaskSummary(
                task: state.task, votes: state.votes.count, skips: state.skips, expiries: state.expiries,
                holders: state.holders, isDisputed: disputed.contains(id))
        }
    }

    /// In the order of their ids.
    package var peopleSummaries: [PersonSummary] {
        people.values.sorted { $0.id < $1.id }.map { person in
            let mine = (history[person.id] ?? []).compactMap { acts[$0] }
            let gold = mine.compactMap { isRight($0) }
            return PersonSummary(
                person: person, progress: progress(of: person.id), seconds: mine.reduce(0) { $0 + $1.seconds },
                goldRight: gold.count { $0 }, goldAnswered: gold.count, hasTask: leases[person.id] != nil)
        }
    }

    /// The answers of a lease as they were shown, if the person has or had it.
    package func order(of lease: LeaseID, by id: PersonID) -> [AnswerID]? {
        if let held = leases[id], held.id == lease { return held.order }
        if let held = lapsed[id], held.id == lease { return held.order }
        return actOfLease[lease].flatMap { acts[$0] }.flatMap { $0.person == id ? $0.order : nil }
    }

    /// Acts of all people that count, the newest first.
    package func newestActs(limit: Int) -> [Act] {
        var found: [Act] = []
        var number = lastAct
        while number > 0, found.count < limit {
            if let act = acts[ActID(number)], act.withdrawnAt == nil { found.append(act) }
            number -= 1
        }
        return found
    }

    /// The person's acts that count, the newest first.
    package func acts(of id: PersonID, limit: Int) -> [Act] {
        (history[id] ?? []).suffix(max(0, limit)).reversed().compactMap { acts[$0] }
    }
}
