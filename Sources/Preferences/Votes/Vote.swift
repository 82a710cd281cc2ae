package import Foundation

/// One answer as an annotator saw it.
package struct Answer: Sendable, Equatable {
    package var id: String
    /// Where the answer comes from, such as a model; what a leaderboard ranks. nil when the file does not say.
    package var source: String?
    /// Empty when the file holds no texts.
    package var text: String
    /// Length and Markdown as the file counts them; nil when they are to be counted in the text.
    package var style: StyleCounts?

    package init(id: String, source: String? = nil, text: String = "", style: StyleCounts? = nil) {
        self.id = id
        self.source = source
        self.text = text
        self.style = style
    }
}

/// One judgement of one annotator on two answers to a prompt, in the order in which they were shown.
package struct Vote: Sendable, Equatable {
    /// The task of the labelling server or of the file; tasks may be given to several annotators.
    package var task: String
    package var promptID: String
    /// Empty when the file holds no texts.
    package var prompt: String
    package var left: Answer
    package var right: Answer
    package var annotator: String
    package var verdict: Verdict
    /// How clear the preference is: 1 slightly, 2 better, 3 much better; nil when nobody asked.
    package var strength: Int?
    /// A soft vote: the probability that the left answer is the better one; nil for a vote that is not soft.
    package var probability: Double?
    package var shownAt: Date?
    package var votedAt: Date?
    /// Seconds for which the pair was visible, without `idleSeconds`.
    package var seconds: Double?
    package var idleSeconds: Double?
    /// Categories of complaint about an answer, by answer id.
    package var flags: [String: [String]]
    /// Whether the pair was a control question.
    package var isGold: Bool
    /// The right verdict on a control question, in the order shown.
    package var expected: Verdict?
    /// Groups of the annotator, such as a country or a trade, by the name of the attribute.
    package var groups: [String: String]
    /// The part of the data to which a file assigns the row, such as `train`.
    package var split: String?
    /// Votes of one session share context and must not be divided between splits.
    package var session: String?
    package var language: String?
    /// The ranking of several answers that the vote was made from; its votes belong in one batch and one split.
    package var ranking: String?
    /// What the vote counts for: 1, and 1 / C(K, 2) for each pair of a ranking of K answers.
    package var weight: Double
    /// Whether left and right are as they were shown. Files of chosen and rejected answers do not say it; the sides are
    /// then drawn by a hash, and nothing is concluded from them.
    package var isOrderKnown: Bool

    package init(
        task: String, promptID: String, prompt: String = "", left: Answer, right: Answer, annotator: String,
        verdict: Verdict, strength: Int? = nil, probability: Double? = nil
    ) {
        self.task = task
        self.promptID = promptID
        self.prompt = prompt
        self.left = left
        self.right = right
        self.annotator = annotator
        self.verdict = verdict
        self.strength = strength
        self.probability = probability
        flags = [:]
        isGold = false
        groups = [:]
        weight = 1
        isOrderKnown = true
    }

    /// Left's share of the win, 0 to 1: the probability of a soft vote, else what the verdict says; nil for a skip.
    package var score: Double? { verdict == .skip ? nil : probability ?? verdict.score }

    /// The answer id that was preferred; nil for everything else.
    package var winner: String? {
        switch verdict {
        case .left: left.id
        case .right: right.id
        case .tie, .bothBad, .skip: nil
        }
    }
}
