/// How two answers compare. The better one is named by its id, never by the side on which it was shown.
package enum PairOutcome: Sendable, Hashable, Codable {
    case better(AnswerID)
    case tie
    case bothBad
}

/// What a person said about a task. A closed set: anything else is refused.
package enum Judgement: Sendable, Equatable, Codable {
    /// - strength: of the preference, 1 slightly, 2 better, 3 much better; nil without a better answer.
    case pair(PairOutcome, strength: Int?)
    /// Groups of equally good answers, the best group first.
    case ranking([[AnswerID]])
    case rating([RatedAnswer])
    /// - corrects: the answer that the text is a correction of.
    case writing(text: String, corrects: AnswerID?)
    case review(Review)
    case skip

    package var isSkip: Bool { self == .skip }
}

/// Scores of one answer by the criteria's names.
package struct RatedAnswer: Sendable, Equatable, Codable {
    package let answer: AnswerID
    package let scores: [String: Int]

    package init(_ answer: AnswerID, scores: [String: Int]) {
        self.answer = answer
        self.scores = scores
    }
}

/// What a second person says about a text that is to be learned from.
package enum Review: Sendable, Equatable, Codable {
    case approve
    /// Good after this change.
    case edit(text: String)
    /// The author gets it again, with the reviewer's comment.
    case sendBack
}

/// What is said beside the judgement.
package struct Remarks: Sendable, Equatable, Codable {
    /// Problems of one answer, by the names of the settings.
    package struct Flags: Sendable, Equatable, Codable {
        package let answer: AnswerID
        package let names: [String]

        package init(_ answer: AnswerID, _ names: [String]) {
            self.answer = answer
            self.names = names
        }
    }

    package var flags: [Flags]
    /// Overall scores that were given while ranking.
    package var scores: [RatedAnswer]
    package var comment: String
    package var reason: String

    package init(flags: [Flags] = [], scores: [RatedAnswer] = [], comment: String = "", reason: String = "") {
        self.flags = flags
        self.scores = scores
        self.comment = comment
        self.reason = reason
    }
}

/// A judgement as it arrives.
package struct Submission: Sendable, Equatable {
    package var lease: LeaseID
    package var judgement: Judgement
    package var remarks: Remarks
    /// How long the task was visible and somebody was active, in seconds.
    package var seconds: Double
    /// How long it was visible and nobody was, in seconds.
    package var idleSeconds: Double

    package init(
        lease: LeaseID, judgement: Judgement, remarks: Remarks = Remarks(), seconds: Double = 0,
        idleSeconds: Double = 0
    ) {
        self.lease = lease
        self.judgement = judgement
        self.remarks = remarks
        self.seconds = seconds
        self.idleSeconds = idleSeconds
    }
}

/// A judgement that counts, or counted until it was taken back.
package struct Act: Sendable, Equatable {
    package let id: ActID
    package let lease: LeaseID
    package let task: TaskID
    package let person: PersonID
    package let order: [AnswerID]
    package let judgement: Judgement
    package let remarks: Remarks
    package let shownAt: UnixMilliseconds
    package let actedAt: UnixMilliseconds
    package let seconds: Double
    package let idleSeconds: Double
    package let isAdjudication: Bool
    package var withdrawnAt: UnixMilliseconds?

    package init(
        id: ActID, lease: LeaseID, task: TaskID, person: PersonID, order: [AnswerID], judgement: Judgement,
        remarks: Remarks = Remarks(), shownAt: UnixMilliseconds = 0, actedAt: UnixMilliseconds = 0,
        seconds: Double = 0, idleSeconds: Double = 0, isAdjudication: Bool = false,
        withdrawnAt: UnixMilliseconds? = nil
    ) {
        self.id = id
        self.lease = lease
        self.task = task
        self.person = person
        self.order = order
        self.judgement = judgement
        self.remarks = remarks
        self.shownAt = shownAt
        self.actedAt = actedAt
        self.seconds = seconds
        self.idleSeconds = idleSeconds
        self.isAdjudication = isAdjudication
        self.withdrawnAt = withdrawnAt
    }
}
