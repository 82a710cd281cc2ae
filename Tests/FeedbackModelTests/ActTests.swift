import FeedbackModel
import Testing

/// What is said, taken back, settled and reviewed.
@Suite struct ActTests {
    @Test func anAnswerThatIsSentTwiceCountsOnce() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(2))
        let lease = try #require(try bench.open(1))
        let submission = Submission(lease: lease.id, judgement: .pair(.tie, strength: nil))
        let next = try bench.send(.submit(PersonID(1), submission))
        let again = try bench.send(.submit(PersonID(1), submission))
        #expect(!next.wasCountedBefore && again.wasCountedBefore && next.lease == again.lease)
        #expect(bench.votes(lease.task.value).count == 1)
        #expect(bench.refusal { try $0.send(.submit(PersonID(2), submission)) } == .leaseGone)
        // Another answer to the same task, from a second window, is not taken for the same one.
        let other = Submission(lease: lease.id, judgement: .pair(.bothBad, strength: nil))
        #expect(bench.refusal { try $0.send(.submit(PersonID(1), other)) } == .leaseGone)
    }

    @Test func undoBringsTheAnswerBackAsADraft() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(3))
        let lease = try #require(try bench.open(1))
        let flags = [Remarks.Flags(lease.order[1], ["unsafe"])]
        try bench.say(1, .pair(.bothBad, strength: nil), Remarks(flags: flags, comment: "hm"))
        let view = try bench.send(.undo(PersonID(1)))
        let draft = try #require(view.lease?.draft.flatMap { bench.machine.act($0) })
        #expect(view.lease?.task == lease.task && view.lease?.order == lease.order)
        #expect(draft.remarks.flags == flags && draft.remarks.comment == "hm" && draft.withdrawnAt == bench.now)
        #expect(bench.votes(lease.task.value).isEmpty && view.progress.mine == 0)
        // The page is loaded again: the draft is still there.
        #expect(try bench.open(1) == view.lease)
        // What came late of the first answer does not count any more.
        let late = Submission(lease: lease.id, judgement: .pair(.tie, strength: nil))
        #expect(bench.refusal { try $0.send(.submit(PersonID(1), late)) } == .leaseGone)
        try bench.vote(1)
        #expect(bench.votes(lease.task.value).count == 1)
    }

    @Test func undoGoesBackThroughAllAnswersAndSkips() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(4))
        var tasks: [TaskID] = []
        for number in 0..<4 {
            tasks.append(try #require(try bench.open(1)).task)
            if number == 2 { try bench.say(1, .skip) } else { try bench.vote(1) }
        }
        for task in tasks.reversed() {
            #expect(try bench.send(.undo(PersonID(1))).lease?.task == task)
        }
        #expect(bench.refusal { try $0.send(.undo(PersonID(1))) } == .nothingToUndo)
        #expect(bench.machine.progress(of: PersonID(1)) == LabelProgress(wanted: 4))
    }

    @Test func aSkipThatOthersFilledStands() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(1))
        try bench.say(1, .skip)
        try bench.vote(2)
        #expect(bench.refusal { try $0.send(.undo(PersonID(1))) } == .cannotUndo)
        #expect(bench.votes(1).count == 1)
    }

    @Test(arguments: [
        Judgement.pair(.better(AnswerID(9)), strength: 2), .pair(.better(AnswerID(1)), strength: 4),
        .pair(.better(AnswerID(1)), strength: nil), .pair(.tie, strength: 1),
        .ranking([[AnswerID(1)], [AnswerID(2)]]), .writing(text: "x", corrects: nil), .review(.approve),
    ])
    func whatDoesNotFitIsRefused(_ judgement: Judgement) throws {
        let bench = LabelBench(tasks: LabelBench.pairs(1))
        #expect(bench.refusal { try $0.say(1, judgement) } == .invalid)
    }

    @Test func remarksAreChecked() throws {
        let bench = LabelBench(tasks: LabelBench.pairs(1))
        let tie = Judgement.pair(.tie, strength: nil)
        let unknown = Remarks(flags: [Remarks.Flags(AnswerID(1), ["ugly"])])
        #expect(bench.refusal { try $0.say(1, tie, unknown) } == .invalid)
        let other = Remarks(flags: [Remarks.Flags(AnswerID(3), ["unsafe"])])
        #expect(bench.refusal { try $0.say(1, tie, other) } == .invalid)
        let long = Remarks(comment: String(repeating: "x", count: FeedbackSettings.longestText + 1))
        #expect(bench.refusal { try $0.say(1, tie, long) } == .invalid)
        #expect(
            bench.refusal {
                let lease = try #require(try $0.open(1))
                try $0.send(.submit(PersonID(1), Submission(lease: lease.id, judgement: tie, seconds: .nan)))
            } == .invalid)
    }

    @Test func aReasonIsAskedForWhereTheTaskWantsOne() throws {
        let task = LabelTask(
            id: TaskID(1), kind: .pair, prompt: PromptID(1), answers: [AnswerID(1), AnswerID(2)], wantsReason: true)
        var bench = LabelBench(tasks: [task])
        #expect(bench.refusal { try $0.vote(1) } == .reasonNeeded)
        #expect(bench.refusal { try $0.say(1, .pair(.tie, strength: nil), Remarks(reason: " \n")) } == .reasonNeeded)
        #expect(bench.refusal { try $0.say(1, .skip) } == nil)
        try bench.say(1, .pair(.tie, strength: nil), Remarks(reason: "both are right"))
        #expect(bench.votes(1).first?.remarks.reason == "both are right")
    }

    @Test func rankingsAndRatingsAreStoredAsGiven() throws {
        let answers = (1...4).map { AnswerID($0) }
        let ranking = LabelTask(id: TaskID(1), kind: .ranking, prompt: PromptID(1), answers: answers)
        var bench = LabelBench(tasks: [ranking])
        let order = [[answers[2]], [answers[0], answers[3]], [answers[1]]]
        #expect(bench.refusal { try $0.say(1, .ranking([[answers[0]], [answers[1]]])) } == .invalid)
        #expect(bench.refusal { try $0.say(1, .ranking([answers, [answers[0]]])) } == .invalid)
        try bench.say(1, .ranking(order), Remarks(scores: [RatedAnswer(answers[2], scores: ["overall": 5])]))
        #expect(bench.votes(1).first?.judgement == .ranking(order))

        let rating = LabelTask(id: TaskID(1), kind: .rating, prompt: PromptID(1), answers: Array(answers[..<1]))
        bench = LabelBench(tasks: [rating]) { $0.criteria = ["clear", "kind"] }
        func rate(_ scores: [String: Int]) -> Judgement { .rating([RatedAnswer(answers[0], scores: scores)]) }
        #expect(bench.refusal { try $0.say(1, rate(["clear": 3])) } == .invalid)
        #expect(bench.refusal { try $0.say(1, rate(["clear": 3, "kind": 6])) } == .invalid)
        #expect(bench.refusal { try $0.say(1, rate(["clear": 3, "kind": 0])) } == .invalid)
        try bench.say(1, rate(["clear": 3, "kind": 5]))
        #expect(bench.votes(1).first?.judgement == rate(["clear": 3, "kind": 5]))
    }

    @Test func leadsSettleWhatPeopleDisagreeAbout() throws {
        var bench = LabelBench(people: 4, leads: [3, 4], tasks: LabelBench.pairs(2, wanted: 2))
        func vote(_ person: Int64, _ answer: Int64, strength: Int) throws {
            while let lease = try bench.open(person), lease.task != TaskID(1) {
                try bench.vote(person, .better(AnswerID(3)))
            }
            try bench.vote(person, .better(AnswerID(answer)), strength: strength)
        }
        try vote(1, 1, strength: 1)
        #expect(bench.machine.disputes.isEmpty)
        try vote(2, 2, strength: 3)
        #expect(bench.machine.disputes == [TaskID(1)], "the second task's votes agree, or it is not full")
        #expect(bench.refusal { try $0.send(.adjudicate(PersonID(1), TaskID(1))) } == .leadsOnly)
        #expect(bench.refusal { try $0.send(.adjudicate(PersonID(3), TaskID(2))) } == .leaseGone)
        let view = try bench.send(.adjudicate(PersonID(3), TaskID(1)))
        let lease = try #require(view.lease)
        #expect(lease.isAdjudication && lease.task == TaskID(1))
        #expect(bench.refusal { try $0.send(.adjudicate(PersonID(4), TaskID(1))) } == .leaseGone)
        try bench.send(
            .submit(PersonID(3), Submission(lease: lease.id, judgement: .pair(.better(AnswerID(2)), strength: 2))))
        #expect(bench.machine.disputes.isEmpty)
        #expect(bench.votes(1).map(\.isAdjudication) == [false, false, true])
        #expect(bench.machine.summary(of: TaskID(1))?.votes == 2)
        // Taking it back opens the disagreement again.
        try bench.send(.undo(PersonID(3)))
        #expect(bench.machine.disputes == [TaskID(1)])
    }

    @Test func strengthAloneIsNoDisagreement() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(1, wanted: 2))
        try bench.vote(1, .better(AnswerID(1)), strength: 1)
        try bench.vote(2, .better(AnswerID(1)), strength: 3)
        #expect(bench.machine.disputes.isEmpty)
    }

    @Test func textsAreReviewedByAnotherPerson() throws {
        let task = LabelTask(id: TaskID(1), kind: .writing, prompt: PromptID(1), answers: [AnswerID(1), AnswerID(2)])
        var bench = LabelBench(people: 2, tasks: [task])
        let lease = try #require(try bench.open(1))
        #expect(lease.task == TaskID(1))
        #expect(bench.refusal { try $0.say(1, .writing(text: " ", corrects: nil)) } == .invalid)
        #expect(bench.refusal { try $0.say(1, .writing(text: "x", corrects: AnswerID(3))) } == .invalid)
        let view = try bench.say(1, .writing(text: "better", corrects: AnswerID(2)))
        #expect(view.reason == .ownTexts(1))
        let written = AnswerID(3)
        #expect(
            bench.written.contains(
                .answer(written, text: "better", prompt: PromptID(1), author: PersonID(1), corrects: AnswerID(2))))
        let review = try #require(try bench.open(2))
        #expect(bench.machine.task(review.task)?.kind == .review && review.order == [written])
        // Nobody takes back what is being reviewed.
        #expect(bench.refusal { try $0.send(.undo(PersonID(1))) } == .cannotUndo)
        #expect(bench.refusal { try $0.say(2, .review(.sendBack)) } == .reasonNeeded)
        try bench.say(2, .review(.sendBack), Remarks(comment: "too long"))
        let again = try #require(try bench.open(1))
        #expect(again.task == TaskID(1) && again.draft == ActID(1))
        #expect(bench.machine.reviewBehind(again)?.remarks.comment == "too long")
        #expect(try bench.open(2) == nil, "it is the author's to change")
        try bench.say(1, .writing(text: "short", corrects: AnswerID(2)))
        try bench.say(2, .review(.approve))
        #expect(try bench.send(.open(PersonID(2))).reason == .allDone)
        #expect(bench.votes(1).map(\.judgement) == [.writing(text: "short", corrects: AnswerID(2))])
    }

    @Test func aTextCanBeTakenBackUntilSomebodyReviewsIt() throws {
        let task = LabelTask(id: TaskID(1), kind: .writing, prompt: PromptID(1), answers: [])
        var bench = LabelBench(people: 2, tasks: [task])
        try bench.say(1, .writing(text: "a", corrects: nil))
        let view = try bench.send(.undo(PersonID(1)))
        #expect(view.lease?.task == TaskID(1) && view.progress.wanted == 1)
        #expect(try bench.open(2) == nil)
        try bench.say(1, .writing(text: "b", corrects: nil))
        #expect(try bench.open(2)?.task == TaskID(3))
    }
}
