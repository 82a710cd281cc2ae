import ClusterModel
import Foundation

@testable import Cluster

/// Machines at the other end of a connection on which anything may come.
enum MachineInputs {
    static let peers = [
        Hello(role: .generator, name: "g", incarnation: 1, capabilities: Capabilities(kinds: [.generate])),
        Hello(
            role: .scorer, name: "s", incarnation: 2,
            capabilities: Capabilities(kinds: [.score], reference: true, rewards: ["r"])),
        Hello(role: .learner, name: "l", incarnation: 3, capabilities: Capabilities()),
    ]

    static let settings: RunSettings = {
        var settings = RunSettings()
        settings.steps = 4
        settings.prompts = [Prompt(row: 0, text: "a", tokens: [1]), Prompt(row: 1, text: "b", tokens: [2])]
        settings.promptsPerStep = 2
        settings.promptsPerJob = 1
        settings.sampling = SamplingParameters(maxNewTokens: 4)
        settings.parts = [RunSettings.ScorePart(reference: true, rewards: ["r"])]
        settings.neededRewards = ["r"]
        settings.schedule = .lag(1)
        return settings
    }()

    /// Commands: 0 to 2 a message of a peer, 3 what it says to a lease, 4 time, 5 the disk, 6 wishes.
    static func coordinator(_ bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        let isOld = reader.byte() % 2 == 1
        var time: Int64 = 1_000_000
        var recovered = RecoveredRun()
        recovered.epoch = 7
        if isOld { recovered.committedSteps = 1 }
        var machine = try RunMachine(settings, recovered: recovered, at: time)
        var number: UInt64 = 0
        func look(_ effects: [RunEffect]) throws {
            for effect in effects {
                switch effect {
                case .persist(let entries, let last):
                    number = last
                    for case .weights(let manifest) in entries { _ = try JSONEncoder().encode(manifest) }
                case .send(let messages):
                    for message in messages { _ = try? Codec.encode(Envelope(epoch: 7, message.message)) }
                default: break
                }
            }
        }
        try look(machine.begin())
        for hello in peers {
            try look(
                machine.handle(
                    .messages([Incoming(peer: hello.id, message: .hello(hello), epoch: 0)]), at: time))
        }
        while !reader.isEmpty {
            switch reader.byte() % 8 {
            case let peer where peer < 3:
                let (isNow, frames) = (reader.byte() % 4 != 0, reader.frames())
                guard let envelope = try? Codec.decode(frames[...]) else { continue }
                let incoming = Incoming(
                    peer: peers[Int(peer)].id, message: envelope.message, id: envelope.id,
                    epoch: isNow ? 7 : envelope.epoch, frames: frames)
                try look(machine.handle(.messages([incoming]), at: time))
            case 3:
                let step = Int(reader.byte() % 4)
                let message = answer(&reader, step)
                try look(
                    machine.handle(
                        .messages([Incoming(peer: peers[message.peer].id, message: message.message, epoch: 7)]),
                        at: time))
            case 4:
                time += Int64(reader.short())
                try look(machine.handle(.tick, at: time))
            case 5: try look(machine.handle(.durable(number), at: time))
            case 6:
                let name = reader.byte()
                let wish: RunWish =
                    switch name % 5 {
                    case 0: .drain("g")
                    case 1: .pause(name & 128 != 0)
                    case 2: .scale([.generator: Int(name)])
                    case 3: .lost("g", pid: 0, byItself: true)
                    default: .stop
                    }
                try look(machine.handle(.wish(wish), at: time))
            default: _ = try JSONEncoder().encode(machine.snapshot(at: time))
            }
        }
        _ = try JSONEncoder().encode(machine.snapshot(at: time))
    }

    /// Nearly what a well-behaved peer says.
    private static func answer(_ reader: inout ByteReader, _ step: Int) -> (peer: Int, message: Message) {
        let version = PolicyVersion(epoch: 7, number: step)
        let manifest = ArtifactManifest(kind: .policy, version: version, files: [], sha256: "", sources: [])
        let index = Int(reader.byte() % 3)
        switch reader.byte() % 7 {
        case 0: return (2, .publish([manifest]))
        case 1: return (0, .credit(slots: 3))
        case 2: return (1, .credit(slots: 3))
        case 3:
            let job = JobID(step: step, index: index, kind: .generate)
            let row = Int(reader.byte() % 3)
            let item = Trajectory(
                row: row, sample: 0, promptTokens: [Int32(row) + 1], responseTokens: [3], mask: [1],
                logProbabilities: [-1], versions: [UInt32(max(0, step - 1))], finish: .eos, promptText: "",
                responseText: "")
            return (0, .result(job, attempt: 1, .trajectories([item])))
        case 4:
            let job = JobID(step: step, index: index, kind: .score)
            let value = Float(bitPattern: UInt32(truncatingIfNeeded: reader.word()))
            let scores = Scores(referenceLogProbabilities: [[-1]], rewards: ["r": [value]])
            return (1, .result(job, attempt: 1, .scores(scores)))
        case 5: return (2, .batchRequest(step: step))
        default:
            let next = ArtifactManifest(
                kind: .policy, version: PolicyVersion(epoch: 7, number: step + 1), files: [], sha256: "", sources: [])
            return (2, .commit(step: step, metrics: Data(reader.piece()), next))
        }
    }

    /// Commands: 0 to 4 a message of the coordinator, 5 the connection, 6 time, 7 what this side says.
    static func session(_ bytes: [UInt8]) throws {
        var reader = ByteReader(bytes)
        var time: Int64 = 1_000_000
        let identity = SessionMachine.Identity(
            role: .generator, name: "g", capabilities: Capabilities(kinds: [.generate]), incarnation: 1)
        var machine = SessionMachine(identity, patience: 600_000, at: time)
        var greeting: UInt64 = 0
        func look(_ effects: [SessionMachine.Effect]) {
            for case .send(let message, let id, let epoch) in effects {
                if case .hello = message { greeting = id }
                _ = try? Codec.encode(Envelope(id: id, epoch: epoch, message))
            }
        }
        look(machine.handle(.connection(up: true), at: time))
        var asked: UInt64 = 0
        while !reader.isEmpty {
            let command = reader.byte() % 8
            switch command {
            case 0...4:
                let frames = reader.frames()
                guard let envelope = try? Codec.decode(frames[...]) else { continue }
                let answers = command == 0 ? greeting : command == 1 ? asked : envelope.inReplyTo
                look(
                    machine.handle(
                        .received(
                            envelope.message, inReplyTo: answers, epoch: command < 3 ? machine.epoch : envelope.epoch),
                        at: time))
            case 5: look(machine.handle(.connection(up: reader.byte() % 2 == 0), at: time))
            case 6:
                time += Int64(reader.short())
                look(machine.handle(.tick, at: time))
            default:
                asked += 1
                let job = JobID(step: 1, index: Int(reader.byte()), kind: .generate)
                look(machine.handle(.ask(.batchRequest(step: 1), asked, patience: nil), at: time))
                look(machine.handle(.tell(.result(job, attempt: 1, .trajectories([]))), at: time))
            }
        }
    }
}
