import FeedbackModel
import Testing

/// SplitMix64 for tests whose seed is printed.
struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A machine with a clock that the test moves, and people who have agreed.
struct LabelBench {
    var machine: LabelMachine
    var now: UnixMilliseconds = 1_000_000
    var random: SeededNumbers
    var written: [FeedbackEntry] = []

    init(
        people: Int = 3, leads: Set<Int> = [], tasks: [LabelTask], seed: UInt64 = 1,
        settings body: (inout FeedbackSettings) -> Void = { _ in }
    ) {
        var settings = FeedbackSettings()
        body(&settings)
        var state = FeedbackState()
        state.people = (1...people).map { number in
            Person(
                id: PersonID(Int64(number)), pseudonym: "a-\(number)", isLead: leads.contains(number), consentedAt: 1)
        }
        state.tasks = tasks
        state.lastAnswer = tasks.flatMap(\.answers).map(\.value).max() ?? 0
        machine = LabelMachine(settings: settings, state: state)
        random = SeededNumbers(seed)
    }

    /// Pairs about answers 1 and 2, 3 and 4, and so on.
    static func pairs(_ count: Int, wanted: Int = 1) -> [LabelTask] {
        var tasks: [LabelTask] = []
        for number in 1...Int64(count) {
            let answers = [AnswerID(2 * number - 1), AnswerID(2 * number)]
            tasks.append(
                LabelTask(
                    id: TaskID(number), kind: .pair, prompt: PromptID(number), answers: answers, wanted: wanted))
        }
        return tasks
    }

    @discardableResult
    mutating func send(_ event: LabelEvent) throws -> DeskView {
        defer { written += machine.takeEntries() }
        return try machine.handle(event, at: now, random: &random)
    }

    mutating func open(_ person: Int64) throws -> Lease? {
        if case .task(let lease, _) = try send(.open(PersonID(person))).content { lease } else { nil }
    }

    /// Opens, says that the answer shown first is better, and gives what comes next.
    @discardableResult
    mutating func vote(_ person: Int64, _ outcome: PairOutcome? = nil, strength: Int? = 2) throws -> DeskView {
        let lease = try #require(try open(person))
        let outcome = outcome ?? .better(lease.order[0])
        let isBetter = if case .better = outcome { true } else { false }
        return try send(
            .submit(
                PersonID(person),
                Submission(lease: lease.id, judgement: .pair(outcome, strength: isBetter ? strength : nil))))
    }

    @discardableResult
    mutating func say(_ person: Int64, _ judgement: Judgement, _ remarks: Remarks = Remarks()) throws -> DeskView {
        let lease = try #require(try open(person))
        return try send(
            .submit(PersonID(person), Submission(lease: lease.id, judgement: judgement, remarks: remarks)))
    }

    func refusal(_ body: (inout LabelBench) throws -> Void) -> Refusal.Code? {
        var copy = self
        do {
            try body(&copy)
            return nil
        } catch {
            return (error as? Refusal)?.code
        }
    }

    func votes(_ task: Int64) -> [Act] { machine.votes(on: TaskID(task)) }
}

extension DeskView {
    var lease: Lease? { if case .task(let lease, _) = content { lease } else { nil } }
    var reason: EmptyReason? { if case .empty(let reason) = content { reason } else { nil } }
}
