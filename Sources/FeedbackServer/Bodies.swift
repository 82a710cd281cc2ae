import FeedbackModel
import FeedbackStore

/// A judgement as the page says it: answers by their place as shown, from 0, so that nothing about their origin reaches it.
struct JudgementBody: Codable, Sendable {
    struct Rated: Codable, Sendable {
        var place: Int
        var scores: [String: Int]
    }

    /// pair, ranking, rating, writing, review or skip.
    var kind: String
    /// Of a pair: better, tie or both_bad.
    var outcome: String?
    var place: Int?
    var strength: Int?
    var groups: [[Int]]?
    var ratings: [Rated]?
    var text: String?
    /// Of a review: approve, edit or send_back.
    var word: String?

    init(_ judgement: Judgement, order: [AnswerID]) {
        func place(_ answer: AnswerID) -> Int { order.firstIndex(of: answer) ?? 0 }
        switch judgement {
        case .pair(let outcome, let strength):
            kind = "pair"
            self.strength = strength
            switch outcome {
            case .better(let answer): (self.outcome, self.place) = ("better", place(answer))
            case .tie: self.outcome = "tie"
            case .bothBad: self.outcome = "both_bad"
            }
        case .ranking(let groups):
            kind = "ranking"
            self.groups = groups.map { $0.map(place) }
        case .rating(let rated):
            kind = "rating"
            ratings = rated.map { Rated(place: place($0.answer), scores: $0.scores) }
        case .writing(let text, let corrects):
            kind = "writing"
            self.text = text
            self.place = corrects.map(place)
        case .review(let review):
            kind = "review"
            switch review {
            case .approve: word = "approve"
            case .edit(let text): (word, self.text) = ("edit", text)
            case .sendBack: word = "send_back"
            }
        case .skip: kind = "skip"
        }
    }

    /// - Parameter order: the answers as they were shown.
    func judgement(_ order: [AnswerID]) throws(Refusal) -> Judgement {
        switch (kind, outcome, word) {
        case ("pair", "better", _): .pair(.better(try answer(place, order)), strength: strength)
        case ("pair", "tie", _): .pair(.tie, strength: strength)
        case ("pair", "both_bad", _): .pair(.bothBad, strength: strength)
        case ("ranking", _, _): .ranking(try ranking(order))
        case ("rating", _, _): .rating(try rating(ratings ?? [], order))
        case ("writing", _, _): .writing(text: text ?? "", corrects: try corrected(order))
        case ("review", _, "approve"): .review(.approve)
        case ("review", _, "edit"): .review(.edit(text: text ?? ""))
        case ("review", _, "send_back"): .review(.sendBack)
        case ("skip", _, _): .skip
        default: throw Refusal(.invalid, "there is no judgement of this kind")
        }
    }

    private func corrected(_ order: [AnswerID]) throws(Refusal) -> AnswerID? {
        guard place != nil else { return nil }
        return try answer(place, order)
    }

    private func ranking(_ order: [AnswerID]) throws(Refusal) -> [[AnswerID]] {
        var result: [[AnswerID]] = []
        for group in groups ?? [] {
            var answers: [AnswerID] = []
            for place in group { answers.append(try answer(place, order)) }
            result.append(answers)
        }
        return result
    }

    private func rating(_ given: [Rated], _ order: [AnswerID]) throws(Refusal) -> [RatedAnswer] {
        var result: [RatedAnswer] = []
        for item in given { result.append(RatedAnswer(try answer(item.place, order), scores: item.scores)) }
        return result
    }

    private func answer(_ place: Int?, _ order: [AnswerID]) throws(Refusal) -> AnswerID {
        guard let place, order.indices.contains(place) else {
            throw Refusal(.invalid, "an answer is named by its place, from 0 to \(order.count - 1)")
        }
        return order[place]
    }
}

/// Remarks by places.
struct FlagsBody: Codable, Sendable {
    var place: Int
    var names: [String]
}

/// What the page sends when somebody has decided.
struct ActBody: Decodable, Sendable {
    var lease: Int64
    var judgement: JudgementBody
    var flags: [FlagsBody]?
    /// Overall scores that were given while ranking.
    var scores: [JudgementBody.Rated]?
    var comment: String?
    var reason: String?
    var seconds: Double?
    var idleSeconds: Double?

    func submission(_ order: [AnswerID]) throws(Refusal) -> Submission {
        func answer(_ place: Int) throws(Refusal) -> AnswerID {
            guard order.indices.contains(place) else { throw Refusal(.invalid, "there is no answer at place \(place)") }
            return order[place]
        }
        var remarks = Remarks(comment: comment ?? "", reason: reason ?? "")
        for item in flags ?? [] where !item.names.isEmpty {
            remarks.flags.append(Remarks.Flags(try answer(item.place), item.names))
        }
        for item in scores ?? [] { remarks.scores.append(RatedAnswer(try answer(item.place), scores: item.scores)) }
        return Submission(
            lease: LeaseID(lease), judgement: try judgement.judgement(order), remarks: remarks, seconds: seconds ?? 0,
            idleSeconds: idleSeconds ?? 0)
    }
}

/// What somebody has in front of them.
struct DeskBody: Encodable {
    struct PersonBody: Encodable {
        var pseudonym: String
        var isLead: Bool
    }

    struct Project: Encodable {
        var title: String
        var guidelines: String
        var flags: [String]
        var criteria: [String]
        var highestScore: Int
    }

    struct AnswerBody: Encodable { var text: String }

    struct Draft: Encodable {
        var judgement: JudgementBody
        var flags: [FlagsBody]
        var scores: [JudgementBody.Rated]
        var comment: String
        var reason: String
    }

    struct VoteBody: Encodable {
        var annotator: String
        var judgement: JudgementBody
        var comment: String
        var reason: String
    }

    struct TaskBody: Encodable {
        var lease: Int64
        var task: Int64
        var kind: String
        var prompt: [TaskTexts.Turn]
        var answers: [AnswerBody]
        var wantsReason: Bool
        var isAdjudication: Bool
        var draft: Draft?
        var note: String?
        var votes: [VoteBody]
    }

    struct Empty: Encodable {
        var code: String
        var sentence: String
    }

    struct Progress: Encodable {
        var mine: Int
        var mySkips: Int
        var votes: Int
        var wanted: Int
    }

    var person: PersonBody
    var project: Project
    /// consent, task or empty.
    var content: String
    var recorded: [String]?
    var task: TaskBody?
    var empty: Empty?
    var progress: Progress
    var wasCountedBefore: Bool

    init(_ reply: LabelDesk.Reply, texts: TaskTexts?) {
        person = PersonBody(pseudonym: reply.person.pseudonym, isLead: reply.person.isLead)
        project = Project(
            title: reply.settings.title, guidelines: reply.settings.guidelines, flags: reply.settings.flags,
            criteria: reply.settings.criteria, highestScore: reply.settings.highestScore)
        let done = reply.view.progress
        progress = Progress(mine: done.mine, mySkips: done.mySkips, votes: done.votes, wanted: done.wanted)
        wasCountedBefore = reply.view.wasCountedBefore
        switch reply.view.content {
        case .consentNeeded:
            content = "consent"
            recorded = Consent.recorded
        case .empty(let reason):
            content = "empty"
            empty = Empty(code: reason.code, sentence: reason.sentence)
        case .task(let lease, let task):
            content = "task"
            self.task = TaskBody(
                lease: lease.id.value, task: task.id.value, kind: task.kind.rawValue, prompt: texts?.prompt.turns ?? [],
                answers: lease.order.map { AnswerBody(text: texts?.answers[$0]?.text ?? "") },
                wantsReason: task.wantsReason, isAdjudication: lease.isAdjudication,
                draft: reply.draft.map { Self.draft($0, order: lease.order) }, note: reply.note,
                votes: reply.votes.map { pseudonym, act in
                    VoteBody(
                        annotator: pseudonym, judgement: JudgementBody(act.judgement, order: lease.order),
                        comment: act.remarks.comment, reason: act.remarks.reason)
                })
        }
    }

    private static func draft(_ act: Act, order: [AnswerID]) -> Draft {
        func place(_ answer: AnswerID) -> Int { order.firstIndex(of: answer) ?? 0 }
        return Draft(
            judgement: JudgementBody(act.judgement, order: order),
            flags: act.remarks.flags.map { FlagsBody(place: place($0.answer), names: $0.names) },
            scores: act.remarks.scores.map { JudgementBody.Rated(place: place($0.answer), scores: $0.scores) },
            comment: act.remarks.comment, reason: act.remarks.reason)
    }
}

/// What people are told before they start.
enum Consent {
    static let recorded = [
        "Which answer you choose, how clearly, your flags, comments, reasons, and texts that you write.",
        "The order in which answers were shown to you.",
        "When a task was shown and when you answered, in UTC, and for how many seconds it was visible while you were "
            + "active or idle.",
        "Answers that you take back, as taken back.",
        "Your name stays in this project's store. Exports carry a pseudonym instead of it.",
        "No address, device, location or cookie of another site is recorded. One cookie keeps you signed in.",
        "Models may be trained from your answers. You can ask the project's team at any time to erase you: your answers and "
            + "texts are removed from the store, and the team is told which exports hold some of them.",
    ]
}
