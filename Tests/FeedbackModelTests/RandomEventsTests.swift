import FeedbackModel
import Testing

/// Random people do random things; what must always hold is looked at after each of them.
@Suite struct RandomEventsTests {
    @Test(arguments: 1...60) func theRulesHoldWhateverHappens(_ seed: UInt64) throws {
        var random = SeededNumbers(seed)
        let wanted = Int.random(in: 1...3, using: &random)
        var tasks = LabelBench.pairs(12, wanted: wanted)
        for number in Int64(13)...16 {
            tasks.append(
                LabelTask(
                    id: TaskID(number), kind: .writing, prompt: PromptID(number), answers: [],
                    authors: number == 13 ? [PersonID(1)] : []))
        }
        var bench = LabelBench(people: 5, leads: [5], tasks: tasks, seed: seed &+ 1000) { $0.leaseSeconds = 60 }
        var old: [Submission] = []
        for _ in 0..<400 {
            let person = PersonID(Int64.random(in: 1...5, using: &random))
            bench.now += Int64.random(in: 0...20_000, using: &random)
            let event = try Self.event(person, &bench, &old, &random)
            do { try bench.send(event) } catch is Refusal {}
            try check(bench, wanted, seed)
        }
        // A machine that is read back from what was written is the same.
        let again = LabelMachine(settings: bench.machine.settings, state: Self.replay(bench))
        for id in 1...16 {
            let (a, b) = (bench.machine.summary(of: TaskID(Int64(id))), again.summary(of: TaskID(Int64(id))))
            #expect(a?.votes == b?.votes && a?.skips == b?.skips && a?.holders == b?.holders, "seed \(seed)")
            #expect(a?.expiries == b?.expiries && a?.isDisputed == b?.isDisputed, "seed \(seed) task \(id)")
        }
        #expect(bench.machine.progress(of: PersonID(2)) == again.progress(of: PersonID(2)), "seed \(seed)")
        #expect(bench.machine.disputes == again.disputes, "seed \(seed)")
    }

    private static func event(
        _ person: PersonID, _ bench: inout LabelBench, _ old: inout [Submission], _ random: inout SeededNumbers
    ) throws -> LabelEvent {
        switch Int.random(in: 0..<12, using: &random) {
        case 0: return .undo(person)
        case 1: return .giveBack(person)
        case 2: if let late = old.randomElement(using: &random) { return .submit(person, late) }
        case 3:
            bench.now += 100_000
            return .open(person)
        case 4: if let task = bench.machine.disputes.first { return .adjudicate(person, task) }
        default: break
        }
        guard let lease = try bench.open(person.value), let task = bench.machine.task(lease.task) else {
            return .open(person)
        }
        let judgement: Judgement =
            switch (task.kind, Int.random(in: 0..<6, using: &random)) {
            case (_, 0): .skip
            case (.pair, 1): .pair(.tie, strength: nil)
            case (.pair, let choice): .pair(.better(task.answers[choice % 2]), strength: 1)
            case (.writing, _): .writing(text: "text", corrects: nil)
            case (_, 1): .review(.sendBack)
            default: .review(.approve)
            }
        let submission = Submission(lease: lease.id, judgement: judgement, remarks: Remarks(comment: "because"))
        old.append(submission)
        return .submit(person, submission)
    }

    private func check(_ bench: LabelBench, _ wanted: Int, _ seed: UInt64) throws {
        for id in 1...16 {
            let summary = try #require(bench.machine.summary(of: TaskID(Int64(id))))
            #expect(summary.votes + summary.holders <= summary.task.wanted, "seed \(seed) task \(id)")
            let acts = bench.machine.votes(on: TaskID(Int64(id)))
            #expect(Set(acts.map(\.person)).count == acts.count, "seed \(seed): a person counts twice")
            #expect(!acts.contains { summary.task.authors.contains($0.person) }, "seed \(seed): an own text")
        }
    }

    /// What a store would hand back.
    private static func replay(_ bench: LabelBench) -> FeedbackState {
        var state = FeedbackState()
        state.people = bench.machine.peopleSummaries.map(\.person)
        state.tasks = (1...16).compactMap { bench.machine.task(TaskID($0)) }
        var open: [LeaseID: Lease] = [:]
        for entry in bench.written {
            switch entry {
            case .lease(let lease): open[lease.id] = lease
            case .renewed(let id, let expiry): open[id]?.expiresAt = expiry
            case .leaseEnded(let id, let end, _):
                if end == .expired, let task = open[id]?.task { state.expiries[task, default: 0] += 1 }
                open[id] = nil
            case .act(let act):
                state.acts.append(act)
                state.sentBack.removeAll { $0.task == act.task && $0.to == act.person }
            case .withdrawn(let id, let time):
                if let place = state.acts.firstIndex(where: { $0.id == id }) { state.acts[place].withdrawnAt = time }
            case .task(let task): state.tasks.append(task)
            case .closed(let id): state.closed.insert(id)
            case .sentBack(let task, let person, let act): state.sentBack.append((task, person, act))
            case .consent, .answer: break
            }
            if case .lease(let lease) = entry { state.lastLease = max(state.lastLease, lease.id.value) }
        }
        state.leases = open.values.sorted { $0.id < $1.id }
        return state
    }
}
