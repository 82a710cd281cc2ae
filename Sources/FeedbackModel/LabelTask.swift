/// What is asked of a person.
package enum TaskKind: String, Sendable, Codable, CaseIterable {
    /// Which of two answers is better.
    case pair
    /// Up to six answers in order.
    case ranking
    /// Each answer by named criteria.
    case rating
    /// An answer of one's own, or a correction of a given one.
    case writing
    /// Whether somebody else's text is good enough to learn from.
    case review
}

/// One question about the answers to one prompt. It is put to as many people as it wants votes.
package struct LabelTask: Sendable, Equatable {
    package let id: TaskID
    package let kind: TaskKind
    package let prompt: PromptID
    package let answers: [AnswerID]
    /// Who wrote one of the answers: it is never put to them.
    package var authors: Set<PersonID>
    /// How many people are to answer.
    package let wanted: Int
    /// Who may be asked; nil: anybody.
    package var route: Set<PersonID>?
    /// The known outcome of a question that measures the person; it goes to everybody and fills no overlap.
    package let gold: PairOutcome?
    /// Whether it is part of the test before the first task.
    package let isEntryTest: Bool
    /// Whether the person is asked to say why.
    package let wantsReason: Bool
    /// The act whose text is reviewed.
    package let reviews: ActID?

    package init(
        id: TaskID, kind: TaskKind, prompt: PromptID, answers: [AnswerID], authors: Set<PersonID> = [],
        wanted: Int = 1, route: Set<PersonID>? = nil, gold: PairOutcome? = nil, isEntryTest: Bool = false,
        wantsReason: Bool = false, reviews: ActID? = nil
    ) {
        self.id = id
        self.kind = kind
        self.prompt = prompt
        self.answers = answers
        self.authors = authors
        self.wanted = wanted
        self.route = route
        self.gold = gold
        self.isEntryTest = isEntryTest
        self.wantsReason = wantsReason
        self.reviews = reviews
    }
}

/// The right of one person to answer one task, until it expires.
package struct Lease: Sendable, Equatable {
    package let id: LeaseID
    package let task: TaskID
    package let person: PersonID
    /// The task's answers in the order in which they are shown, from the left or the top.
    package let order: [AnswerID]
    /// When the task was first shown.
    package let shownAt: UnixMilliseconds
    package var expiresAt: UnixMilliseconds
    /// Whether a lead settles a disagreement by it. Such an answer fills no overlap.
    package let isAdjudication: Bool
    /// The answer that was taken back, or sent back by a reviewer, which the person starts from.
    package let draft: ActID?

    package init(
        id: LeaseID, task: TaskID, person: PersonID, order: [AnswerID], shownAt: UnixMilliseconds,
        expiresAt: UnixMilliseconds, isAdjudication: Bool = false, draft: ActID? = nil
    ) {
        self.id = id
        self.task = task
        self.person = person
        self.order = order
        self.shownAt = shownAt
        self.expiresAt = expiresAt
        self.isAdjudication = isAdjudication
        self.draft = draft
    }
}

/// How a lease ended.
package enum LeaseEnd: String, Sendable, Codable, CaseIterable {
    case answered, skipped, expired
    /// Given back: by the person, or because an earlier answer was taken back.
    case returned
}
