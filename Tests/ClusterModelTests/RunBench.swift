import ClusterModel
import Foundation

/// A run machine whose disk is as fast as the test wants, and who talks to it.
struct RunBench {
    static let generator = WorkerID(name: "g", incarnation: 1)
    static let learner = WorkerID(name: "l", incarnation: 1)
    static let policy = manifest(0)

    static func manifest(_ number: Int) -> ArtifactManifest {
        ArtifactManifest(
            kind: .policy, version: PolicyVersion(epoch: 1, number: number), files: [], sha256: "\(number)",
            sources: [])
    }

    static func settings() -> RunSettings {
        var settings = RunSettings()
        settings.steps = 2
        settings.prompts = (0..<2).map { Prompt(row: $0, text: "p\($0)", tokens: [1]) }
        settings.promptsPerStep = 2
        settings.promptsPerJob = 1
        settings.sampling = SamplingParameters(maxNewTokens: 2)
        settings.leaseMilliseconds = 1_000
        settings.graceMilliseconds = 5_000
        return settings
    }

    static func answer(_ grant: Grant, version: UInt32 = 0) throws -> Message {
        guard case .generate(let job) = grant.job else { throw CancellationError() }
        let items = job.prompts.map {
            Trajectory(
                row: $0.row, occurrence: $0.occurrence, sample: 0, promptTokens: $0.tokens, responseTokens: [7],
                mask: [1], logProbabilities: [-1], versions: [version], finish: .eos, promptText: $0.text,
                responseText: "r")
        }
        return .result(job.id, attempt: grant.attempt, .trajectories(items))
    }

    var machine: RunMachine
    var time: Int64 = 0
    var persisted: [JournalEntry] = []
    var newest: UInt64?

    init(_ settings: RunSettings = RunBench.settings(), recovered: RecoveredRun = RecoveredRun()) throws {
        machine = try RunMachine(settings, recovered: recovered, at: 0)
        _ = note(machine.begin())
    }

    private mutating func note(_ effects: [RunEffect]) -> [RunEffect] {
        for case .persist(let entries, let number) in effects {
            persisted += entries
            newest = number
        }
        return effects
    }

    mutating func handle(_ event: RunEvent) -> [RunEffect] { note(machine.handle(event, at: time)) }

    mutating func say(_ peer: WorkerID, _ message: Message, id: UInt64 = 0) -> [Message] {
        let incoming = Incoming(peer: peer, message: message, id: id, epoch: machine.epoch)
        return handle(.messages([incoming])).messages
    }

    /// Everything that was persisted is on disk.
    mutating func sync() -> [Message] { newest.map { handle(.durable($0)).messages } ?? [] }

    mutating func pass(_ milliseconds: Int64) -> [RunEffect] {
        var effects: [RunEffect] = []
        for _ in 0..<milliseconds / 100 {
            time += 100
            effects += handle(.tick)
        }
        return effects
    }

    mutating func join(
        _ role: Role, _ id: WorkerID, min: Int = Wire.version, max: Int = Wire.version, pid: Int = 0,
        takesAcknowledgements: Bool = false
    ) -> [Message] {
        let kinds: Set<JobKind> = role == .generator ? [.generate] : []
        return say(
            id,
            .hello(
                Hello(
                    role: role, name: id.name, incarnation: id.incarnation, protocolMin: min, protocolMax: max,
                    capabilities: Capabilities(kinds: kinds), pid: pid,
                    takesAcknowledgements: takesAcknowledgements)))
    }

    /// A process says HELLO under the name of one that has died in silence.
    mutating func takeOver(_ role: Role, _ id: WorkerID, pid: Int = 0) -> [Message] {
        var told = join(role, id, pid: pid)
        for _ in 0..<20 where !told.contains(where: { if case .welcome = $0 { true } else { false } }) {
            if role != .learner, machine.knows(Self.learner.name) {
                told += say(Self.learner, .report(WorkerReport(state: "wait")))
            }
            told += pass(100).messages
        }
        return told
    }

    /// A learner joins and publishes version 0, so that the first step opens.
    mutating func open() {
        _ = join(.learner, Self.learner)
        _ = say(Self.learner, .publish([Self.policy]))
        _ = sync()
    }

    /// A run that has begun, with a learner and a generator that asks for two jobs; returns its leases.
    mutating func begin() throws -> [Grant] {
        open()
        _ = join(.generator, Self.generator)
        return Self.leases(say(Self.generator, .credit(slots: 2)))
    }

    /// The whole batch of a step, on disk.
    mutating func answer(_ grants: [Grant]) throws {
        for grant in grants { _ = say(Self.generator, try Self.answer(grant, version: grant.version)) }
        _ = sync()
    }

    static func leases(_ messages: [Message]) -> [Grant] {
        messages.flatMap { message -> [Grant] in if case .lease(let grants, _) = message { grants } else { [] } }
    }
}

extension Grant {
    fileprivate var version: UInt32 {
        if case .generate(let job) = job { UInt32(clamping: job.version.number) } else { 0 }
    }
}
