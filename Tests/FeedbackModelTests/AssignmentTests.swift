import FeedbackModel
import Testing

/// Who gets which task.
@Suite struct AssignmentTests {
    @Test func loadingAgainShowsTheSameTaskInTheSameOrder() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(20))
        let first = try #require(try bench.open(1))
        for _ in 0..<10 { #expect(try bench.open(1) == first) }
        #expect(bench.written == [.lease(first)])
    }

    @Test func aTaskIsHeldByAsManyPeopleAsItWants() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(1, wanted: 2))
        #expect(try bench.open(1) != nil)
        #expect(try bench.open(2) != nil)
        #expect(try bench.send(.open(PersonID(3))).reason == .heldByOthers(1))
        try bench.vote(1)
        #expect(try bench.send(.open(PersonID(1))).reason == .onlyYours)
        #expect(try bench.send(.open(PersonID(3))).reason == .heldByOthers(1))
        try bench.vote(2)
        #expect(try bench.send(.open(PersonID(3))).reason == .allDone)
        #expect(bench.votes(1).count == 2)
    }

    @Test func aSkippedTaskGoesToOthersAndDoesNotComeBack() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(1))
        #expect(try bench.say(1, .skip).reason == .onlyYours)
        #expect(bench.votes(1).isEmpty)
        #expect(try bench.vote(2).reason == .allDone)
        let summary = try #require(bench.machine.summary(of: TaskID(1)))
        #expect(summary.votes == 1 && summary.skips == 1 && summary.expiries == 0)
        #expect(bench.machine.progress(of: PersonID(1)) == LabelProgress(mine: 0, mySkips: 1, votes: 1, wanted: 1))
    }

    @Test func aTaskOfSomebodyWhoLeftGoesRound() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(1)) { $0.leaseSeconds = 60 }
        let lease = try #require(try bench.open(1))
        bench.now += 59_999
        #expect(try bench.send(.open(PersonID(2))).reason == .heldByOthers(1))
        bench.now += 1
        #expect(try bench.open(2)?.task == TaskID(1))
        #expect(bench.written.contains(.leaseEnded(lease.id, .expired, at: bench.now)))
        #expect(bench.machine.summary(of: TaskID(1))?.expiries == 1)
        // The answer comes late: somebody else has the task.
        let late = Submission(lease: lease.id, judgement: .pair(.tie, strength: nil))
        #expect(bench.refusal { try $0.send(.submit(PersonID(1), late)) } == .leaseGone)
        // Had they given up as well, it counted.
        try bench.send(.giveBack(PersonID(2)))
        try bench.send(.submit(PersonID(1), late))
        #expect(bench.votes(1).map(\.lease) == [lease.id])
    }

    @Test func activityKeepsATask() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(1)) { $0.leaseSeconds = 60 }
        let lease = try #require(try bench.open(1))
        for _ in 0..<5 {
            bench.now += 50_000
            try bench.send(.renew(PersonID(1), lease.id))
        }
        #expect(try bench.open(2) == nil)
        #expect(try bench.open(1)?.id == lease.id)
    }

    @Test func nobodyJudgesTheirOwnText() throws {
        var task = LabelBench.pairs(1)[0]
        task.authors = [PersonID(1)]
        var bench = LabelBench(tasks: [task])
        #expect(try bench.send(.open(PersonID(1))).reason == .ownTexts(1))
        #expect(try bench.open(2) != nil)
    }

    @Test func routedTasksGoToThoseWhoAreNamed() throws {
        var task = LabelBench.pairs(1)[0]
        task.route = [PersonID(2)]
        var bench = LabelBench(tasks: [task])
        #expect(try bench.send(.open(PersonID(1))).reason == .routedElsewhere(1))
        #expect(try bench.open(2) != nil)
    }

    @Test func nobodyStartsBeforeTheyAgree() throws {
        var state = FeedbackState()
        state.people = [
            Person(id: PersonID(1), pseudonym: "a"), Person(id: PersonID(2), pseudonym: "b", isActive: false),
        ]
        state.tasks = LabelBench.pairs(1)
        var machine = LabelMachine(settings: FeedbackSettings(), state: state)
        var random = SeededNumbers(1)
        #expect(try machine.handle(.open(PersonID(1)), at: 5, random: &random).content == .consentNeeded)
        #expect(throws: Refusal.self) { try machine.handle(.undo(PersonID(1)), at: 5, random: &random) }
        #expect(throws: Refusal.self) { try machine.handle(.open(PersonID(2)), at: 5, random: &random) }
        #expect(try machine.handle(.consent(PersonID(1)), at: 6, random: &random).lease != nil)
        #expect(machine.takeEntries().first == .consent(PersonID(1), at: 6))
    }

    @Test func theEntryTestComesFirstAndDecides() throws {
        let questions = LabelBench.pairs(4).map { task in
            LabelTask(
                id: task.id, kind: .pair, prompt: task.prompt, answers: task.answers, gold: .better(task.answers[0]),
                isEntryTest: true)
        }
        let work = LabelTask(id: TaskID(9), kind: .pair, prompt: PromptID(9), answers: [AnswerID(17), AnswerID(18)])
        var bench = LabelBench(people: 3, leads: [3], tasks: questions + [work]) { $0.passShare = 0.75 }
        for number in 0..<4 {
            // Three right, one wrong: just enough.
            let lease = try #require(try bench.open(1))
            let right = try #require(bench.machine.task(lease.task)?.answers[0])
            try bench.vote(1, number == 0 ? .tie : .better(right))
        }
        #expect(try bench.open(1)?.task == TaskID(9))
        try bench.send(.giveBack(PersonID(1)))
        for _ in 0..<4 { try bench.vote(2, .bothBad) }
        #expect(try bench.send(.open(PersonID(2))).reason == .entryTestFailed(right: 0, of: 4))
        // What was decided cannot be tried again.
        #expect(bench.refusal { try $0.send(.undo(PersonID(2))) } == .cannotUndo)
        #expect(try bench.open(3)?.task == TaskID(9))
        #expect(bench.machine.progress(of: PersonID(1)).votes == 0, "gold fills no overlap")
        #expect(bench.machine.peopleSummaries[0].goldRight == 3)
    }

    @Test func goldQuestionsComeNowAndThen() throws {
        let gold = LabelBench.pairs(50).map { task in
            LabelTask(id: task.id, kind: .pair, prompt: task.prompt, answers: task.answers, gold: .tie)
        }
        let work = (51...250).map { number in
            LabelTask(
                id: TaskID(number), kind: .pair, prompt: PromptID(number),
                answers: [AnswerID(2 * number), AnswerID(2 * number + 1)])
        }
        var bench = LabelBench(tasks: gold + work) { $0.goldEvery = 5 }
        for _ in 0..<100 { try bench.vote(1) }
        let count = bench.machine.peopleSummaries[0].goldAnswered
        // Binomial(100, 1/5): beyond four standard deviations with this seed would be a fault.
        #expect((4...36).contains(count), "\(count)")
        #expect(bench.machine.progress(of: PersonID(1)).votes == 100 - count)
    }

    /// Both orders come up, and the order that was shown is what is written down.
    @Test func sidesAreShuffled() throws {
        var bench = LabelBench(tasks: LabelBench.pairs(200))
        var swapped = 0
        for _ in 0..<200 {
            let lease = try #require(try bench.open(1))
            if lease.order[0] > lease.order[1] { swapped += 1 }
            try bench.vote(1)
        }
        #expect((70...130).contains(swapped), "\(swapped)")
        for case .act(let act) in bench.written {
            #expect(act.judgement == .pair(.better(act.order[0]), strength: 2))
        }
    }

    @Test func selectionDecidesAmongWhatIsOpen() throws {
        struct Last: TaskSelection {
            func choose(among open: [OpenTask], random: inout some RandomNumberGenerator) -> Int {
                open.indices.max { open[$0].task < open[$1].task } ?? 0
            }
        }
        var bench = LabelBench(tasks: LabelBench.pairs(10))
        bench.machine.selection = Last()
        #expect(try bench.open(1)?.task == TaskID(10))
        #expect(try bench.open(2)?.task == TaskID(9))
    }
}
