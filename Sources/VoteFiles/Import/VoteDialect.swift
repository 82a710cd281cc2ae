package import Datasets
package import Preferences

/// How another tool writes votes down.
package protocol VoteDialect: Sendable {
    /// What a person types.
    static var kind: String { get }
    /// In a few words, for help.
    static var summary: String { get }
    /// What a row should look like, for messages.
    static var shape: String { get }

    init(_ options: ImportOptions) throws(RowProblem)

    /// The votes of one row. Each label of the file gives one result, so that counts in equal counts out.
    ///
    /// - Throws: what is wrong with a row that is not of this kind.
    func results(_ row: RowObject, place: RowPlace) throws(RowProblem) -> [LabelResult]
}

/// Where a row stands, for ids that a file does not give.
package struct RowPlace: Sendable {
    /// The file's name without its folder.
    package var file: String
    /// The line, or the place in a JSON array, from 1.
    package var number: Int

    package init(file: String, number: Int) {
        self.file = file
        self.number = number
    }
}

/// What became of one label.
package struct LabelResult: Sendable {
    /// As the file writes it.
    package var label: String
    package var outcome: Outcome

    package enum Outcome: Sendable {
        case vote(Vote)
        /// A label that is no vote, with the reason: it is counted, and the import goes on.
        case unused(String)
    }

    package init(_ label: String, _ vote: Vote) {
        self.label = label
        outcome = .vote(vote)
    }

    package init(_ label: String, unused reason: String) {
        self.label = label
        outcome = .unused(reason)
    }
}

/// What a person says of a file that does not say it.
package struct ImportOptions: Sendable {
    /// The annotator of rows that name none.
    package var annotator: String?
    /// Keys of the answers shown left and right, and of the prompt.
    package var left: String?
    package var right: String?
    package var prompt: String?
    /// The question, or the control of the labelling page, that holds the verdict.
    package var question: String?
    /// Labels of the file and what they mean.
    package var labels: [String: Verdict] = [:]
    /// Keys that divide annotators into groups.
    package var groups: [String] = []

    package init() {}
}

/// All dialects.
package enum VoteDialects {
    package static let all: [any VoteDialect.Type] = [
        OwnVotes.self, ChosenRejected.self, HHDialect.self, UltraFeedbackDialect.self, HelpSteerDialect.self,
        ArenaDialect.self, BattlesDialect.self, LabelStudioDialect.self, ArgillaDialect.self,
    ]

    /// Their names, for people.
    package static var kinds: String { all.map { $0.kind }.joined(separator: ", ") }

    /// Skein's own rows.
    package static let own: any VoteDialect.Type = OwnVotes.self

    package static func named(_ kind: String) -> (any VoteDialect.Type)? { all.first { $0.kind == kind } }
}

/// Votes of which the order shown is unknown.
enum UnknownOrder {
    /// A vote for `better` over `worse`, or a tie, with sides drawn by a hash of the answers, so that neither side
    /// means anything.
    static func vote(
        task: String, promptID: String, prompt: String, better: Answer, worse: Answer, annotator: String,
        isTie: Bool = false, probability: Double? = nil
    ) -> Vote {
        let low = min(better.id, worse.id)
        let isLowLeft = StableHash.of(low + promptID) & 1 == 0
        let isBetterLeft = (better.id == low) == isLowLeft
        let (left, right) = isBetterLeft ? (better, worse) : (worse, better)
        var vote = Vote(
            task: task, promptID: promptID, prompt: prompt, left: left, right: right, annotator: annotator,
            verdict: isTie ? .tie : isBetterLeft ? .left : .right,
            probability: probability.map { isBetterLeft ? $0 : 1 - $0 })
        vote.isOrderKnown = false
        return vote
    }
}
