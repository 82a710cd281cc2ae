/// Whether a judgement is one that its task can have.
struct JudgementCheck {
    let settings: FeedbackSettings
    let task: LabelTask

    func check(_ given: Submission) throws(Refusal) {
        for (name, value) in [("seconds", given.seconds), ("idle_seconds", given.idleSeconds)]
        where !(0...1e7).contains(value) {
            throw invalid("\(name) must be a number from 0")
        }
        try check(given.remarks)
        switch (given.judgement, task.kind) {
        case (.skip, _): return
        case (.pair(let outcome, let strength), .pair): try check(outcome, strength)
        case (.ranking(let groups), .ranking): try check(groups)
        case (.rating(let rated), .rating): try check(rated)
        case (.writing(let text, let corrects), .writing):
            try check(text: text)
            if let corrects, !task.answers.contains(corrects) { throw invalid("the corrected answer is not shown") }
        case (.review(.edit(let text)), .review): try check(text: text)
        case (.review(.sendBack), .review):
            if given.remarks.comment.allSatisfy(\.isWhitespace) {
                throw Refusal(.reasonNeeded, "write a comment that tells the author what to change")
            }
        case (.review(.approve), .review): break
        default: throw invalid("a task of the kind \(task.kind.rawValue) cannot be answered so")
        }
        if task.wantsReason, given.remarks.reason.allSatisfy(\.isWhitespace) {
            throw Refusal(.reasonNeeded, "this task asks for a reason; write a sentence, or skip the task")
        }
    }

    private func check(_ outcome: PairOutcome, _ strength: Int?) throws(Refusal) {
        switch outcome {
        case .better(let answer):
            guard task.answers.contains(answer) else { throw invalid("the better answer is not one of the two") }
            guard let strength, (1...3).contains(strength) else { throw invalid("strength must be 1, 2 or 3") }
        case .tie, .bothBad:
            guard strength == nil else { throw invalid("only a better answer has a strength") }
        }
    }

    private func check(_ groups: [[AnswerID]]) throws(Refusal) {
        let all = groups.flatMap(\.self)
        guard all.count == task.answers.count, Set(all) == Set(task.answers), !groups.contains([]) else {
            throw invalid("a ranking names each of the \(task.answers.count) answers once")
        }
    }

    private func check(_ rated: [RatedAnswer]) throws(Refusal) {
        guard rated.count == task.answers.count, Set(rated.map(\.answer)) == Set(task.answers) else {
            throw invalid("each of the \(task.answers.count) answers is rated once")
        }
        for item in rated {
            guard Set(item.scores.keys) == Set(settings.criteria) else {
                throw invalid("each answer is rated by: \(settings.criteria.joined(separator: ", "))")
            }
            try checkRange(item)
        }
    }

    private func checkRange(_ item: RatedAnswer) throws(Refusal) {
        guard item.scores.values.allSatisfy((1...settings.highestScore).contains) else {
            throw invalid("scores are from 1 to \(settings.highestScore)")
        }
    }

    private func check(text: String) throws(Refusal) {
        guard !text.allSatisfy(\.isWhitespace) else { throw invalid("the text is empty") }
        guard text.utf8.count <= FeedbackSettings.longestText else {
            throw invalid("the text is longer than \(FeedbackSettings.longestText) bytes")
        }
    }

    private func check(_ remarks: Remarks) throws(Refusal) {
        for flags in remarks.flags {
            guard task.answers.contains(flags.answer), Set(flags.names).isSubset(of: settings.flags),
                Set(flags.names).count == flags.names.count
            else { throw invalid("flags are, for each answer of the task: \(settings.flags.joined(separator: ", "))") }
        }
        guard Set(remarks.flags.map(\.answer)).count == remarks.flags.count else {
            throw invalid("flags of one answer are there twice")
        }
        for item in remarks.scores {
            guard task.answers.contains(item.answer), item.scores.keys.allSatisfy({ $0 == "overall" }) else {
                throw invalid("while ranking an answer has the score 'overall' alone")
            }
            try checkRange(item)
        }
        for text in [remarks.comment, remarks.reason] where text.utf8.count > FeedbackSettings.longestText {
            throw invalid("a remark is longer than \(FeedbackSettings.longestText) bytes")
        }
    }

    private func invalid(_ message: String) -> Refusal { Refusal(.invalid, message) }
}
