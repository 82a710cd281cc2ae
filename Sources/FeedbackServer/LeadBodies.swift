import FeedbackModel

/// A judgement in a list of them.
struct VoteRow: Encodable, Sendable {
    var vote: Int64
    var task: Int64
    var annotator: String?
    var judgement: JudgementBody
    var flags: [FlagsBody]
    var comment: String
    var reason: String
    var votedAtMs: Int64
    var seconds: Double
    var isAdjudication: Bool

    /// - Parameters:
    ///   - pseudonym: nil in a person's own list.
    ///   - order: which answer is at which place; nil: as the person saw them.
    init(_ act: Act, pseudonym: String?, order: [AnswerID]? = nil) {
        let order = order ?? act.order
        vote = act.id.value
        task = act.task.value
        annotator = pseudonym
        judgement = JudgementBody(act.judgement, order: order)
        flags = act.remarks.flags.map { FlagsBody(place: order.firstIndex(of: $0.answer) ?? 0, names: $0.names) }
        comment = act.remarks.comment
        reason = act.remarks.reason
        votedAtMs = act.actedAt
        seconds = act.seconds
        isAdjudication = act.isAdjudication
    }
}

/// The project as its leads see it. People appear by their pseudonyms here, too.
struct LeadBody: Encodable, Sendable {
    struct PersonRow: Encodable, Sendable {
        var pseudonym: String
        var isLead: Bool
        var isActive: Bool
        var votes: Int
        var skips: Int
        var seconds: Double
        var goldRight: Int
        var goldAnswered: Int
        var hasTask: Bool
    }

    struct Dispute: Encodable, Sendable {
        var task: Int64
        var votes: [VoteRow]
        var votesWanted: Int
    }

    private static let mostDisputes = 100
    private static let mostVotes = 200

    var people: [PersonRow]
    var disputes: [Dispute]
    var disputeCount: Int
    var votes: Int
    var wanted: Int

    init(_ machine: LabelMachine) {
        people = machine.peopleSummaries.map { summary in
            PersonRow(
                pseudonym: summary.person.pseudonym, isLead: summary.person.isLead, isActive: summary.person.isActive,
                votes: summary.progress.mine, skips: summary.progress.mySkips, seconds: summary.seconds,
                goldRight: summary.goldRight, goldAnswered: summary.goldAnswered, hasTask: summary.hasTask)
        }
        let all = machine.disputes
        disputeCount = all.count
        disputes = all.prefix(Self.mostDisputes).map { id in
            Dispute(
                // Everybody's answers by the same places.
                task: id.value, votes: Self.rows(machine.votes(on: id), machine, order: machine.task(id)?.answers),
                votesWanted: machine.task(id)?.wanted ?? 0)
        }
        let totals = machine.progress(of: PersonID(0))
        (votes, wanted) = (totals.votes, totals.wanted)
    }

    static func check(_ person: PersonID, _ machine: LabelMachine) throws(Refusal) {
        guard machine.person(person)?.isLead == true else { throw Refusal(.leadsOnly, "only leads see this") }
    }

    /// The votes on one task, or the newest of all.
    static func votes(_ machine: LabelMachine, task: TaskID?) -> [VoteRow] {
        rows(task.map { machine.votes(on: $0) } ?? machine.newestActs(limit: mostVotes), machine)
    }

    private static func rows(_ acts: [Act], _ machine: LabelMachine, order: [AnswerID]? = nil) -> [VoteRow] {
        acts.map { VoteRow($0, pseudonym: machine.person($0.person)?.pseudonym ?? "", order: order) }
    }
}
