/// Gives tasks to people and counts their answers: a lease machine, pure as those of the cluster.
///
///     open --(1)--> leased --(2) a vote---> counted: fills one place of the overlap
///                     |   --(3) a skip----> passed over: this person is not asked again, others are
///                     |   --(4) no activity until the lease ends--> open
///                     |   --(5) given back--> open
///     counted, passed over --(6) undo--> leased to the same person, with the answer as a draft
///     all places filled, outcomes differ --(7)--> disputed, until a lead settles it
///
/// There is one lease a person, so loading the page again shows the same task, and one act a person and task. Places count
/// votes and open leases together, so no task is answered by more people than it wants. An answer whose lease has ended
/// counts if its place is still free.
///
/// The machine has no clock, file or random numbers of its own. Its owner hands them in, writes `takeEntries()` down, and
/// shows a reply only when that is on disk. After a restart the state is read back from there.
package struct LabelMachine: Sendable {
    package let settings: FeedbackSettings
    package var selection: any TaskSelection

    var people: [PersonID: Person]
    var tasks: [TaskID: TaskState] = [:]
    var open = OpenTasks()
    var gold: [TaskID] = []
    var entryTest: [TaskID] = []
    var leases: [PersonID: Lease] = [:]
    /// The last lease of each person that ended without an answer.
    var lapsed: [PersonID: Lease] = [:]
    var acts: [ActID: Act] = [:]
    var actOfLease: [LeaseID: ActID] = [:]
    /// Acts of each person that count, in their order.
    var history: [PersonID: [ActID]] = [:]
    /// Tasks that were sent back to their author.
    var sentBack: [PersonID: [TaskID]] = [:]
    /// Sums over all tasks without gold questions.
    var votes = 0
    var wanted = 0
    var disputed: Set<TaskID> = []

    var lastLease: Int64 = 0
    var lastAct: Int64 = 0
    var lastTask: Int64 = 0
    var lastAnswer: Int64 = 0
    var nextExpiry: UnixMilliseconds = .max
    private var entries: [FeedbackEntry] = []

    package init(
        settings: FeedbackSettings, selection: any TaskSelection = RandomTaskSelection(), state: FeedbackState
    ) {
        self.settings = settings
        self.selection = selection
        people = Dictionary(state.people.map { ($0.id, $0) }) { $1 }
        restore(state)
    }

    /// What has to be on disk before the replies that were given are shown. Empties the list.
    package mutating func takeEntries() -> [FeedbackEntry] {
        defer { entries = [] }
        return entries
    }

    mutating func write(_ entry: FeedbackEntry) { entries.append(entry) }

    /// - Parameter random: decides which task is given and which answer stands on which side.
    /// - Returns: what the person has in front of them now.
    package mutating func handle(
        _ event: LabelEvent, at now: UnixMilliseconds, random: inout some RandomNumberGenerator
    ) throws(Refusal) -> DeskView {
        expireLeases(now)
        switch event {
        case .open(let id):
            try check(id, needsConsent: false)
        case .consent(let id):
            try check(id, needsConsent: false)
            if people[id]?.consentedAt == nil {
                people[id]?.consentedAt = now
                write(.consent(id, at: now))
            }
        case .submit(let id, let submission):
            try check(id)
            if try submit(submission, by: id, now) {
                var shown = view(of: id, now, &random)
                shown.wasCountedBefore = true
                return shown
            }
        case .undo(let id):
            try check(id)
            try undo(id, now)
        case .renew(let id, let lease):
            try check(id)
            try renew(lease, of: id, now)
        case .giveBack(let id):
            try check(id)
            end(leaseOf: id, as: .returned, now)
            return DeskView(content: .empty(reasonForNothing(id)), progress: progress(of: id))
        case .adjudicate(let id, let task):
            try check(id)
            try adjudicate(task, by: id, now, &random)
        }
        return view(of: event.person, now, &random)
    }

    private func check(_ id: PersonID, needsConsent: Bool = true) throws(Refusal) {
        guard let person = people[id], person.isActive else {
            throw Refusal(.unknownPerson, "this link is not valid any more")
        }
        guard !needsConsent || person.consentedAt != nil else {
            throw Refusal(.consentNeeded, "agree first to what is recorded")
        }
    }

    /// The person's lease, or a new one.
    private mutating func view(
        of id: PersonID, _ now: UnixMilliseconds, _ random: inout some RandomNumberGenerator
    ) -> DeskView {
        func show(_ content: DeskView.Content) -> DeskView { DeskView(content: content, progress: progress(of: id)) }
        guard people[id]?.consentedAt != nil else { return show(.consentNeeded) }
        if leases[id] == nil { assign(id, now, &random) }
        guard let lease = leases[id], let state = tasks[lease.task] else { return show(.empty(reasonForNothing(id))) }
        return show(.task(lease, state.task))
    }

    package func progress(of id: PersonID) -> LabelProgress {
        let mine = history[id] ?? []
        let skips = mine.count { acts[$0]?.judgement.isSkip == true }
        return LabelProgress(mine: mine.count - skips, mySkips: skips, votes: votes, wanted: wanted)
    }
}

extension LabelEvent {
    package var person: PersonID {
        switch self {
        case .open(let id), .consent(let id), .submit(let id, _), .undo(let id), .renew(let id, _), .giveBack(let id),
            .adjudicate(let id, _):
            id
        }
    }
}
