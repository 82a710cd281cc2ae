/// What can happen to the labelling machine.
package enum LabelEvent: Sendable {
    /// The page was opened or loaded again.
    case open(PersonID)
    case consent(PersonID)
    case submit(PersonID, Submission)
    /// Takes the last answer of the person back.
    case undo(PersonID)
    /// Somebody is at work on the task.
    case renew(PersonID, LeaseID)
    /// The person stops, and somebody else may have the task.
    case giveBack(PersonID)
    /// A lead takes a task on which people disagree.
    case adjudicate(PersonID, TaskID)
}

/// What has to be written down, in this order, before the answer to an event may be shown.
package enum FeedbackEntry: Sendable, Equatable {
    case consent(PersonID, at: UnixMilliseconds)
    case lease(Lease)
    case renewed(LeaseID, expiresAt: UnixMilliseconds)
    case leaseEnded(LeaseID, LeaseEnd, at: UnixMilliseconds)
    case act(Act)
    case withdrawn(ActID, at: UnixMilliseconds)
    /// A text that a person wrote.
    case answer(AnswerID, text: String, prompt: PromptID, author: PersonID, corrects: AnswerID?)
    case task(LabelTask)
    /// The task is not asked any more.
    case closed(TaskID)
    /// A reviewer sent the author's text back.
    case sentBack(TaskID, to: PersonID, by: ActID)
}

/// What a person has in front of them.
package struct DeskView: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        /// The person has not agreed yet to what is recorded.
        case consentNeeded
        case task(Lease, LabelTask)
        case empty(EmptyReason)
    }

    package var content: Content
    package var progress: LabelProgress
    /// Whether the judgement had been counted before, because its confirmation was lost.
    package var wasCountedBefore = false
}

/// How far one person and the project are.
package struct LabelProgress: Sendable, Equatable {
    /// Votes of the person that count.
    package var mine = 0
    package var mySkips = 0
    /// Votes that fill overlaps, of all people.
    package var votes = 0
    package var wanted = 0

    package init(mine: Int = 0, mySkips: Int = 0, votes: Int = 0, wanted: Int = 0) {
        self.mine = mine
        self.mySkips = mySkips
        self.votes = votes
        self.wanted = wanted
    }
}

/// Why a person has no task.
package enum EmptyReason: Sendable, Equatable {
    case nothingImported
    case entryTestFailed(right: Int, of: Int)
    /// Every question has all its answers.
    case allDone
    /// What is open has been answered or skipped by the person.
    case onlyYours
    /// What is open is in the hands of others; it comes back when they give up.
    case heldByOthers(Int)
    /// What is open goes to named people.
    case routedElsewhere(Int)
    /// What is open was written by the person.
    case ownTexts(Int)

    package var code: String {
        switch self {
        case .nothingImported: "nothing_imported"
        case .entryTestFailed: "entry_test_failed"
        case .allDone: "all_done"
        case .onlyYours: "only_yours"
        case .heldByOthers: "held_by_others"
        case .routedElsewhere: "routed_elsewhere"
        case .ownTexts: "own_texts"
        }
    }

    package var sentence: String {
        switch self {
        case .nothingImported: "There are no tasks yet. The team that runs this project has to add some."
        case .entryTestFailed(let right, let count):
            "\(right) of \(count) test questions were right, which is not enough to go on. Please talk to your lead."
        case .allDone: "Every task has all the answers it needs. Thank you."
        case .onlyYours: "You have answered or skipped every open task. What remains needs other people."
        case .heldByOthers(let count):
            "\(count) open task\(count == 1 ? " is" : "s are") with other people now. Look again in some minutes."
        case .routedElsewhere(let count):
            "\(count) open task\(count == 1 ? " is" : "s are") meant for other people by name."
        case .ownTexts(let count):
            "\(count) open task\(count == 1 ? " shows" : "s show") a text of yours, which others have to judge."
        }
    }
}

/// Why something was not done. It concerns one request.
package struct Refusal: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        case unknownPerson = "unknown_person"
        case consentNeeded = "consent_needed"
        /// The task has gone to somebody else in the meantime, or was taken back.
        case leaseGone = "lease_gone"
        /// The judgement does not fit the task.
        case invalid
        case reasonNeeded = "reason_needed"
        case nothingToUndo = "nothing_to_undo"
        case cannotUndo = "cannot_undo"
        case leadsOnly = "leads_only"
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package var description: String { message }
}
