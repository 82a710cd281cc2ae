import ClusterModel
import Foundation
import Testing

@Suite struct SessionMachineTests {
    private static let job = JobID(step: 0, index: 0, kind: .generate)

    private static func session(_ role: Role = .generator, patience: Int64? = nil) -> SessionMachine {
        SessionMachine(
            SessionMachine.Identity(role: role, name: "w", capabilities: Capabilities(), incarnation: 1),
            patience: patience, at: 0)
    }

    private static func welcome(_ run: String = "a", epoch: UInt64 = 5) -> Message {
        .welcome(
            Welcome(
                runID: run, epoch: epoch, setup: nil, artifacts: [], leaseMilliseconds: 1,
                graceMilliseconds: 1))
    }

    /// Connects and is welcomed; returns what was said after WELCOME.
    private static func join(
        _ session: inout SessionMachine, _ run: String = "a", epoch: UInt64 = 5, at time: Int64 = 0
    ) -> [Message] {
        let hello = session.handle(.connection(up: true), at: time)
        let id = hello.said.last?.id ?? 0
        return session.handle(.received(welcome(run, epoch: epoch), inReplyTo: id, epoch: epoch), at: time).said
            .map(\.message)
    }

    @Test func helloIsSaidAgainUntilItIsAnswered() {
        var session = Self.session()
        #expect(session.handle(.connection(up: true), at: 0).said.count == 1)
        #expect(session.handle(.tick, at: 999).said.isEmpty)
        #expect(session.handle(.tick, at: 1_000).said.count == 1)
        #expect(Self.join(&session, at: 1_500).isEmpty)
        #expect(session.handle(.tick, at: 9_000).said.isEmpty)
    }

    /// libzmq gives a connection up for good when it has read garbage, and a ROUTER does not hear a second connection of one
    /// name: neither says so.
    @Test func aConnectionOverWhichNobodyAnswersIsMadeAnew() {
        func anew(_ effects: [SessionMachine.Effect]) -> Int {
            effects.count { if case .connectAnew = $0 { true } else { false } }
        }
        var session = Self.session()
        #expect(anew(session.handle(.tick, at: 3_999)) == 0)
        #expect(anew(session.handle(.tick, at: 4_000)) == 1)
        #expect(anew(session.handle(.tick, at: 4_001)) == 0)
        _ = session.handle(.connection(up: true), at: 4_100)
        #expect(anew(session.handle(.tick, at: 8_099)) == 0)
        #expect(anew(session.handle(.tick, at: 8_100)) == 1, "HELLO was not answered")
        _ = Self.join(&session, at: 8_200)
        #expect(anew(session.handle(.tick, at: 90_000)) == 0)
        let refused = Message.refused(code: Refusal.Code.hello.rawValue, message: "")
        #expect(anew(session.handle(.received(refused, inReplyTo: 0, epoch: 5), at: 90_001)) == 0)
        #expect(anew(session.handle(.tick, at: 90_002)) == 0)
        #expect(anew(session.handle(.tick, at: 94_001)) == 1)
    }

    @Test(arguments: [true, false]) func resultsAreKeptUntilTheyAreAcknowledged(inALease: Bool) {
        var session = Self.session()
        _ = Self.join(&session)
        let result = Message.result(Self.job, attempt: 1, .trajectories([]))
        #expect(session.handle(.tell(result), at: 1).said.count == 1)
        _ = session.handle(.connection(up: false), at: 2)
        #expect(Self.join(&session, epoch: 6, at: 3).count == 1)
        #expect(session.handle(.tick, at: 1_502).said.isEmpty)
        #expect(session.handle(.tick, at: 1_503).said.count == 1, "a message may be lost though the connection holds")
        #expect(session.handle(.tick, at: 4_502).said.isEmpty, "the other side may be busy")
        #expect(session.handle(.tick, at: 4_503).said.count == 1)
        let acks = [Acknowledgement(Self.job, attempt: 1, .accepted)]
        let ack = inALease ? Message.lease([], acknowledged: acks) : .resultAck(acks)
        _ = session.handle(.received(ack, inReplyTo: 0, epoch: 6), at: 5_004)
        #expect(session.isFlushed)
    }

    @Test func whatAnOlderEpochSaysIsPassedOver() {
        var session = Self.session()
        _ = Self.join(&session, epoch: 7)
        #expect(session.handle(.received(.drain, inReplyTo: 0, epoch: 6), at: 1).isEmpty)
        #expect(!session.handle(.received(.drain, inReplyTo: 0, epoch: 7), at: 1).isEmpty)
    }

    /// Weights, tokenizer, rewards and results in the memory of a process are those of its run.
    @Test(arguments: [Role.generator, .scorer, .learner]) func anotherRunGetsNothingOfTheEarlierOne(role: Role) {
        var session = Self.session(role)
        _ = Self.join(&session)
        _ = session.handle(.tell(.result(Self.job, attempt: 1, .trajectories([]))), at: 1)
        _ = session.handle(.connection(up: false), at: 2)
        #expect(Self.join(&session, "b", epoch: 9, at: 3).isEmpty)
        #expect(session.isOver)
    }

    /// The wait for a coordinator begins where its last word was that it does not know this worker.
    @Test func anOldSessionIsNotOverAtOnceWhenItIsRefused() {
        var session = Self.session(patience: 60_000)
        _ = Self.join(&session)
        let told = session.handle(
            .received(.refused(code: "hello", message: ""), inReplyTo: 0, epoch: 5), at: 3_600_000)
        #expect(told.said.count == 1)
        _ = session.handle(.tick, at: 3_600_050)
        #expect(!session.isOver)
    }

    /// A coordinator with a thousand workers is not asked faster than it can answer, and a connection that nobody reads is
    /// given up.
    @Test func helloIsSaidLessAndLessOften() {
        var session = Self.session()
        _ = session.handle(.connection(up: true), at: 0)
        var times: [Int64] = []
        var connections: [Int64] = []
        for time in stride(from: Int64(0), through: 60_000, by: 100) {
            let effects = session.handle(.tick, at: time)
            if !effects.said.isEmpty { times.append(time) }
            if effects.contains(where: { if case .connectAnew = $0 { true } else { false } }) {
                connections.append(time)
            }
        }
        #expect(times == [1_000, 3_000] && connections.first == 4_000)
    }

    /// A wrong address is said while somebody looks on, and then once a minute.
    @Test func aCoordinatorThatIsNotThereIsNamed() {
        var session = Self.session(patience: 200_000)
        var said: [Int64] = []
        for time in stride(from: Int64(0), through: 130_000, by: 500) {
            for case .log(let line) in session.handle(.tick, at: time) where line.message.contains("does not answer") {
                #expect(line.message.contains("gives up after 200 s"))
                said.append(time)
            }
        }
        #expect(said == [5_000, 65_000, 125_000])
    }

    @Test func aCoordinatorThatIsNotThereEndsTheSession() {
        var session = Self.session(patience: 10_000)
        _ = session.handle(.tick, at: 9_999)
        #expect(!session.isOver)
        let effects = session.handle(.tick, at: 10_000)
        guard case .end(let failure?)? = effects.last else {
            Issue.record("it waits for ever")
            return
        }
        #expect(failure.code == .unreachable && session.isOver)
    }

    @Test func asksAreAnsweredOnceOrEnd() {
        var session = Self.session(.learner)
        _ = Self.join(&session)
        _ = session.handle(.ask(.batchRequest(step: 0), 3, patience: 100), at: 0)
        let answers = session.handle(.received(.batchReady(step: 0, jobs: 1), inReplyTo: 3, epoch: 5), at: 1)
        #expect(answers.count == 1)
        #expect(session.handle(.received(.batchReady(step: 0, jobs: 1), inReplyTo: 3, epoch: 5), at: 2).isEmpty)
        _ = session.handle(.ask(.batchRequest(step: 1), 4, patience: 100), at: 10)
        guard case .answer(4, .failure(let failure))? = session.handle(.tick, at: 110).first else {
            Issue.record("an ask has no end")
            return
        }
        #expect(failure.code == .deadline)
    }
}

extension [SessionMachine.Effect] {
    fileprivate var said: [(message: Message, id: UInt64)] {
        compactMap { if case .send(let message, let id, _) = $0 { (message, id) } else { nil } }
    }
}
