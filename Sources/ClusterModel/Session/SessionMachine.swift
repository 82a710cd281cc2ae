/// What a worker or the learner does with its session at the coordinator, as a value: the mirror of ``RunMachine``.
///
///     APART --(1) connected: HELLO--> GREETING --(2) WELCOME--> JOINED
///     GREETING --(3) no answer for a while: HELLO again--> GREETING
///     GREETING, JOINED --(4) connection lost--> APART;  JOINED --(5) REFUSED "hello" or "epoch": HELLO--> GREETING
///     APART, GREETING --(7) for too long: connect anew--> APART
///     any --(6) refused for good, nobody there for too long, or closed--> OVER
///
/// At edge 2 everything is said again that the coordinator may not have: results without an acknowledgement, asks without
/// an answer. What comes from an older epoch is passed over: a newer coordinator has taken over. A WELCOME of another run
/// ends the session.
package struct SessionMachine: Sendable {
    package struct Identity: Sendable {
        package var role: Role
        package var name: String
        package var capabilities: Capabilities
        package var threads: Int
        package var build: String
        package var incarnation: UInt64
        package var host = ""
        package var pid = 0

        package init(
            role: Role, name: String, capabilities: Capabilities, threads: Int = 0, build: String = "",
            incarnation: UInt64
        ) {
            self.role = role
            self.name = name
            self.capabilities = capabilities
            self.threads = threads
            self.build = build
            self.incarnation = incarnation
        }

        package var id: WorkerID { WorkerID(name: name, incarnation: incarnation) }
    }

    package enum Event: Sendable {
        case connection(up: Bool)
        case received(Message, inReplyTo: UInt64, epoch: UInt64)
        case tell(Message)
        /// Something that is to be answered, by ``Effect/answer(_:_:)`` with this number, which was not used before.
        /// - Parameter patience: milliseconds; nil: as long as the session lives.
        case ask(Message, UInt64, patience: Int64?)
        case withdraw(UInt64)
        /// A message that the transport cannot send, whatever happens.
        case unsendable(Message, id: UInt64, reason: String)
        case tick
        case close(reason: String)
    }

    package enum Effect: Sendable {
        case send(Message, id: UInt64, epoch: UInt64)
        /// What the transport still holds is void: it is said anew after WELCOME.
        case forgetUnsent
        /// Give the connection up and make another one: a transport that read garbage may never try again by itself, and one
        /// whose other end holds a dead connection of the same name is not heard.
        case connectAnew
        /// For the work.
        case deliver(Message)
        case answer(UInt64, Result<Message, SessionFailure>)
        case log(RunLog)
        /// Nothing follows.
        case end(SessionFailure?)
    }

    private enum State: Sendable { case apart, greeting, joined, over }

    private struct Attempt: Hashable, Sendable {
        var job: JobID
        var number: Int
    }

    private struct Ask: Sendable {
        var message: Message
        var deadline: Int64?
        var repetition: Repetition
    }

    /// When something that has no answer is said again: a message may be lost though the connection holds. It is
    /// said less and less often, since the other side may only be busy.
    private struct Repetition: Sendable {
        private static let first: Int64 = 1_500
        private static let longest: Int64 = 12_000
        private var period = Self.first
        private var next: Int64

        init(saidAt time: Int64) { next = time + Self.first }
        func isDue(at time: Int64) -> Bool { next <= time }
        mutating func said(at time: Int64) {
            period = min(2 * period, Self.longest)
            next = time + period
        }
    }

    private struct KeptResult: Sendable {
        /// In the order in which they were told.
        var place: UInt64
        var outcome: JobOutcome
        var repetition: Repetition
    }

    /// Milliseconds without a WELCOME after which HELLO is said again, and twice as long each time: a coordinator with many
    /// workers needs a moment for all of them, and a WELCOME to an earlier HELLO counts for nothing.
    private static let helloPeriod: Int64 = 1_000
    private static let longestHelloPeriod: Int64 = 16_000
    /// Milliseconds without a coordinator after which another connection is made; more than the transport's own pause.
    private static let connectionPeriod: Int64 = 4_000
    /// Above the numbers of asks.
    private static let firstGreeting: UInt64 = 1 << 63
    /// Milliseconds without an answer before the first line of the log about it, and between two of them. Whoever gave a wrong
    /// address looks on in the first seconds.
    private static let firstSaid: Int64 = 5_000
    private static let sayPeriod: Int64 = 60_000

    package let identity: Identity
    /// Milliseconds without a coordinator after which the session is over; nil: never.
    private let patience: Int64?
    private let planted: Set<PlantedBug>

    private var state = State.apart
    package private(set) var epoch: UInt64 = 0
    package private(set) var runID: String?
    private var asks: [UInt64: Ask] = [:]
    private var waiting: [Message] = []
    private var unacknowledged: [Attempt: KeptResult] = [:]
    private var nextPlace: UInt64 = 0
    private var leased: Set<Attempt> = []
    private var apartSince: Int64
    private var nextHello: Int64 = 0
    private var helloPeriod = Self.helloPeriod
    /// The longer nobody answers, the less often: a coordinator with a thousand workers is not to drown in what they ask.
    private var connectionPeriod: Int64 { max(Self.connectionPeriod, helloPeriod) }
    /// Number of the last HELLO.
    private var greeting: UInt64 = 0
    private var nextSaid: Int64
    private var nextConnection: Int64
    private var effects: [Effect] = []

    package init(_ identity: Identity, patience: Int64? = nil, planted: Set<PlantedBug> = [], at time: Int64) {
        self.identity = identity
        self.patience = patience
        self.planted = planted
        apartSince = time
        nextSaid = time + Self.firstSaid
        nextConnection = time + Self.connectionPeriod
    }

    package var isFlushed: Bool { unacknowledged.isEmpty }
    package var isOver: Bool { state == .over }

    package mutating func handle(_ event: Event, at time: Int64) -> [Effect] {
        if state == .over {
            guard case .ask(_, let id, _) = event else { return [] }
            return [.answer(id, .failure(SessionFailure(.closed, "the link to the coordinator is closed")))]
        }
        switch event {
        case .connection(let up): connectionChanged(up, time)
        case .received(let message, let asked, let epoch): receive(message, asked, epoch, time)
        case .tell(let message): tell(message, time)
        case .ask(let message, let id, let patience):
            asks[id] = Ask(
                message: message, deadline: patience.map { time + $0 }, repetition: Repetition(saidAt: time))
            if state == .joined { send(message, id: id) }
        case .withdraw(let id): asks[id] = nil
        case .unsendable(let message, let id, let reason): giveUp(message, id, reason)
        case .tick: passTime(time)
        case .close(let reason):
            if state == .joined { send(.bye(reason: reason)) }
            end(nil)
        }
        defer { effects = [] }
        return effects
    }

    // MARK: - What this side says

    private mutating func tell(_ message: Message, _ time: Int64) {
        if case .result(let job, let attempt, let outcome) = message {
            let key = Attempt(job: job, number: attempt)
            unacknowledged[key] = KeptResult(
                place: nextPlace, outcome: outcome, repetition: Repetition(saidAt: time))
            nextPlace += 1
        }
        if state == .joined {
            send(message)
        } else if message.isWorthSayingLater {
            waiting.append(message)
        }
    }

    private mutating func giveUp(_ message: Message, _ id: UInt64, _ reason: String) {
        log(.warning, "a message cannot be sent", ["reason": reason])
        if id != 0, asks.removeValue(forKey: id) != nil {
            effects.append(.answer(id, .failure(SessionFailure(.malformed, reason))))
        }
        guard case .result(let job, let attempt, let outcome) = message else { return }
        if case .failed = outcome { return }
        let failure = JobOutcome.failed(code: "too_large", message: reason, retryable: false)
        unacknowledged[Attempt(job: job, number: attempt)]?.outcome = failure
        send(.result(job, attempt: attempt, failure))
    }

    private mutating func greet(_ time: Int64) {
        if state == .joined { nextConnection = time + Self.connectionPeriod }
        state = .greeting
        greeting = max(greeting, Self.firstGreeting) + 1
        nextHello = time + helloPeriod
        helloPeriod = min(2 * helloPeriod, Self.longestHelloPeriod)
        let held =
            unacknowledged.keys.map { HeldJob(job: $0.job, attempt: $0.number, finished: true) }
            + leased.subtracting(unacknowledged.keys).map {
                HeldJob(job: $0.job, attempt: $0.number, finished: false)
            }
        send(
            .hello(
                Hello(
                    role: identity.role, name: identity.name, incarnation: identity.incarnation,
                    build: identity.build, capabilities: identity.capabilities,
                    heldJobs: held.sorted { ($0.job, $0.attempt) < ($1.job, $1.attempt) }, host: identity.host,
                    pid: identity.pid, threads: identity.threads, takesAcknowledgements: true)), id: greeting)
    }

    private mutating func send(_ message: Message, id: UInt64 = 0) {
        effects.append(.send(message, id: id, epoch: epoch))
    }

    private mutating func log(_ level: RunLog.Level, _ message: String, _ details: [String: String] = [:]) {
        effects.append(.log(RunLog(level: level, message: message, details: details)))
    }

    // MARK: - What the other side says

    private mutating func connectionChanged(_ up: Bool, _ time: Int64) {
        // What matters of it is said anew after WELCOME.
        effects.append(.forgetUnsent)
        if state == .joined {
            part(time)
            log(.info, "connection to the coordinator lost; trying again")
        }
        nextConnection = time + connectionPeriod
        state = .apart
        if up { greet(time) }
    }

    /// From here on the session waits for a coordinator.
    private mutating func part(_ time: Int64) {
        apartSince = time
        nextSaid = time + Self.sayPeriod
        helloPeriod = Self.helloPeriod
    }

    private mutating func receive(_ message: Message, _ asked: UInt64, _ sender: UInt64, _ time: Int64) {
        switch message {
        case .welcome(let welcome):
            // To this HELLO and not to an earlier one, perhaps of another run's time.
            if state == .greeting, asked == greeting { join(welcome, time) }
            return
        case .refused(let code, let text):
            if sender >= epoch || state != .joined { refused(code, text, asked, time) }
            return
        default: break
        }
        // What was said to an earlier session comes again, or is void.
        guard state == .joined, sender == epoch || planted.contains(.forgetEpoch) else { return }
        if asked != 0 {
            if asks.removeValue(forKey: asked) != nil { effects.append(.answer(asked, .success(message))) }
            return
        }
        switch message {
        case .resultAck(let acks):
            forget(acks)
            return
        case .lease(let grants, let acks):
            forget(acks)
            for grant in grants { leased.insert(Attempt(job: grant.job.id, number: grant.attempt)) }
        case .cancel(let job, let attempt, _): leased.remove(Attempt(job: job, number: attempt))
        default: break
        }
        effects.append(.deliver(message))
    }

    /// The coordinator has them.
    private mutating func forget(_ acks: [Acknowledgement]) {
        for ack in acks {
            let key = Attempt(job: ack.job, number: ack.attempt)
            unacknowledged[key] = nil
            leased.remove(key)
        }
    }

    private mutating func refused(_ code: String, _ text: String, _ asked: UInt64, _ time: Int64) {
        switch Refusal.Code(rawValue: code) {
        case .hello, .epoch:
            guard state == .joined else { return }
            part(time)
            greet(time)
        case .malformed:
            log(.warning, "a message was refused as malformed", ["reason": text])
            answerRefused(asked, text)
        case .step: answerRefused(asked, text)
        case .protocol, .replaced, .taken, .key, .role, nil:
            log(.critical, "refused by the coordinator", ["code": code, "reason": text])
            effects.append(.deliver(.refused(code: code, message: text)))
            end(SessionFailure(.refused, text))
        }
    }

    private mutating func answerRefused(_ asked: UInt64, _ text: String) {
        guard asks.removeValue(forKey: asked) != nil else { return }
        effects.append(.answer(asked, .failure(SessionFailure(.refused, text))))
    }

    /// Edge 2. Epochs of one run are compared; another run counts its own.
    private mutating func join(_ welcome: Welcome, _ time: Int64) {
        if let runID, runID != welcome.runID {
            endWithEarlierRun(welcome.runID)
            if state == .over { return }
        } else if welcome.epoch < epoch {
            return
        }
        runID = welcome.runID
        epoch = welcome.epoch
        state = .joined
        effects.append(.deliver(.welcome(welcome)))
        sayAgain(always: true, time)
        for message in waiting { send(message) }
        waiting = []
    }

    /// - Parameter always: whatever has no answer, whenever it was said: it was said to an earlier session.
    private mutating func sayAgain(always: Bool, _ time: Int64) {
        for (key, result) in unacknowledged.sorted(by: { $0.value.place < $1.value.place })
        where always || result.repetition.isDue(at: time) {
            if always {
                unacknowledged[key]?.repetition = Repetition(saidAt: time)
            } else {
                unacknowledged[key]?.repetition.said(at: time)
            }
            send(.result(key.job, attempt: key.number, result.outcome))
        }
        for (id, ask) in asks.sorted(by: { $0.key < $1.key }) where always || ask.repetition.isDue(at: time) {
            if always { asks[id]?.repetition = Repetition(saidAt: time) } else { asks[id]?.repetition.said(at: time) }
            send(ask.message, id: id)
        }
    }

    /// What was made for the earlier run, weights, tokenizer, rewards and results, is nothing to another one. So the process
    /// ends; whoever looks after it starts a new one, which has nothing in memory.
    private mutating func endWithEarlierRun(_ name: String) {
        guard !planted.contains(.acceptAnotherRun) else { return }
        log(.warning, "another run has taken over the coordinator's address", ["run": name])
        end(SessionFailure(.refused, "another run, \(name), has taken over the coordinator's address"))
    }

    // MARK: - Time

    private mutating func passTime(_ time: Int64) {
        for (id, ask) in asks.sorted(by: { $0.key < $1.key }) {
            guard let deadline = ask.deadline, deadline <= time else { continue }
            asks[id] = nil
            let failure = SessionFailure(.deadline, "the coordinator did not answer within the deadline")
            effects.append(.answer(id, .failure(failure)))
        }
        if state == .joined {
            sayAgain(always: false, time)
            return
        }
        if time >= nextConnection {
            nextConnection = time + connectionPeriod
            state = .apart
            effects += [.forgetUnsent, .connectAnew]
        }
        if state == .greeting, time >= nextHello { greet(time) }
        let waited = time - apartSince
        if let patience, waited >= patience {
            end(SessionFailure(.unreachable, "no coordinator answered for \(waited / 1000) s"))
        } else if time >= nextSaid {
            nextSaid = time + Self.sayPeriod
            let end = patience.map { "gives up after \($0 / 1000) s" } ?? "never gives up"
            log(.warning, "the coordinator does not answer; trying again, \(end)", ["waited": "\(waited / 1000) s"])
        }
    }

    /// Edge 6.
    private mutating func end(_ failure: SessionFailure?) {
        state = .over
        let closed = SessionFailure(.closed, "the link to the coordinator was closed")
        for id in asks.keys.sorted() { effects.append(.answer(id, .failure(failure ?? closed))) }
        asks = [:]
        effects.append(.end(failure))
    }
}

extension Message {
    /// False for what is said anew after WELCOME, or is worth nothing later.
    fileprivate var isWorthSayingLater: Bool {
        switch self {
        case .result, .credit, .renewal, .report: false
        default: true
        }
    }
}

/// Why a session, or an exchange in it, came to nothing.
package struct SessionFailure: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Code: Sendable, Equatable {
        /// A message that cannot be encoded.
        case malformed
        /// The coordinator refused; the reason is in the message.
        case refused
        /// No answer within the deadline.
        case deadline
        case closed
        /// No coordinator within the time that it was waited for.
        case unreachable
    }

    package let code: Code
    package let message: String
    package var description: String { message }

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }
}

/// Faults that the simulator plants, to show that it finds them. A run has none.
package enum PlantedBug: String, Sendable, Hashable, CaseIterable {
    case acknowledgeBeforeDurable = "acknowledge-before-durable"
    case forgetEpoch = "forget-epoch"
    case renewWithoutWork = "renew-without-work"
    case acceptTwice = "accept-twice"
    case acceptStaleVersion = "accept-stale-version"
    case acceptAnotherRun = "accept-another-run"
    case dropBatchEarly = "drop-batch-early"
}
