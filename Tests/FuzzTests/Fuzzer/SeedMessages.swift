import Foundation

@testable import Cluster
@testable import ClusterModel

/// One of each message, and conversations of them.
enum SeedMessages {
    static let trajectory = Trajectory(
        row: 0, sample: 0, promptTokens: [1], responseTokens: [3, 2], mask: [1, 1], logProbabilities: [-1, -0.5],
        versions: [0, 0], finish: .eos, promptText: "a", responseText: "b")
    private static let scores = Scores(
        referenceLogProbabilities: [[-1, -2]], rewards: ["r": [1], "s": [nil]], errors: ["why"])
    private static let version = PolicyVersion(epoch: 7, number: 0)
    static let manifest = ArtifactManifest(
        kind: .policy, version: version,
        files: [
            ArtifactFile(name: "config.json", size: 2, sha256: hash, chunkSize: Wire.chunkSize)
        ], sha256: hash, sources: ["tcp://127.0.0.1:1"])
    private static let hash = String(repeating: "0f", count: 32)
    private static let generate = JobID(step: 0, index: 0, kind: .generate)
    private static let score = JobID(step: 0, index: 0, kind: .score)
    private static let grants = [
        Grant(
            .generate(
                GenerateJob(
                    id: generate, version: version, seed: 1, samples: 0..<2,
                    sampling: SamplingParameters(topK: 3, maxNewTokens: 4, stop: ["."]),
                    prompts: [Prompt(row: 0, text: "a", tokens: [1])])), attempt: 1, leaseMilliseconds: 10_000),
        Grant(
            .score(
                ScoreJob(
                    id: score, reference: true, rewards: ["r"], temperature: 1, trajectories: [trajectory],
                    rows: [0: RowData(extra: #"{"answer":"5"}"#)])), attempt: 2, leaseMilliseconds: 10_000),
    ]
    private static let welcome = Welcome(
        runID: "run", epoch: 7, setup: .scorer(scorer), artifacts: [manifest], leaseMilliseconds: 10_000,
        graceMilliseconds: 60_000)
    private static let scorer = ScorerSetup(
        templateArguments: "{}", clock: 1, rewards: [RewardSetup(name: "r", kind: "length", section: "kind: length\n")])

    private static func told(_ setup: RoleSetup) -> Welcome {
        var told = welcome
        told.setup = setup
        return told
    }

    private static let all: [(name: String, message: Message)] = [
        ("hello", .hello(MachineInputs.peers[1])),
        ("credit", .credit(slots: 2)),
        ("renewal", .renewal([RenewedJob(job: generate, attempt: 1, tokens: 5)])),
        ("result-trajectories", .result(generate, attempt: 1, .trajectories([trajectory]))),
        ("result-scores", .result(score, attempt: 1, .scores(scores))),
        ("result-failed", .result(score, attempt: 1, .failed(code: "x", message: "y", retryable: true))),
        ("loaded", .loaded(.reward("r"), version)),
        ("bye", .bye(reason: "done")),
        ("report", .report(WorkerReport(state: "idle", tokensPerSecond: 1, version: version))),
        ("alarm", .alarm(code: "paused", detail: "kl")),
        ("welcome-scorer", .welcome(welcome)),
        ("welcome-generator", .welcome(told(.generator(GeneratorSetup())))),
        ("welcome-learner", .welcome(told(.learner(LearnerSetup(runFile: "name: x\n", clock: 1))))),
        ("refused", .refused(code: "hello", message: "say HELLO")),
        ("lease", .lease(grants, acknowledged: [Acknowledgement(generate, attempt: 1, .accepted)])),
        ("cancel", .cancel(generate, attempt: 1, reason: "late")),
        ("result-ack", .resultAck([Acknowledgement(generate, attempt: 1, .accepted)])),
        ("drain", .drain),
        ("artifact", .artifact(manifest)),
        ("stop", .stop(reason: "done", exitCode: 0)),
        ("pause", .pause(true)),
        ("publish", .publish([manifest])), ("publish-ack", .publishAck(committed: 3)),
        ("batch-request", .batchRequest(step: 0)),
        ("batch-ready", .batchReady(step: 0, jobs: 2)),
        ("fetch-jobs", .fetchJobs(step: 0, first: 1)),
        ("batch-jobs", .batchJobs(step: 0, first: 0, [BatchJob([trajectory], scores)])),
        ("commit", .commit(step: 0, metrics: Data(#"{"metrics":{"a":1}}"#.utf8), manifest)),
        ("commit-ack", .commitAck(step: 0)),
        ("chunk-request", .chunkRequest(ChunkPlace(file: hash, isList: true, index: 1))),
        ("chunk", .chunk(ChunkPlace(file: hash, isList: false, index: 1), bytes: SharedChunk(Data("bytes".utf8)))),
    ]

    private static func frames(_ message: Message, id: UInt64 = 5, inReplyTo: UInt64 = 0) -> [[UInt8]] {
        let envelope = Envelope(id: id, inReplyTo: inReplyTo, epoch: 7, message)
        return ((try? Codec.encode(envelope)) ?? []).compactMap(WireInputs.content)
    }

    static var envelopes: [String: [UInt8]] {
        Dictionary(uniqueKeysWithValues: all.map { ($0.name, Seeds.frames(frames($0.message))) })
    }

    static func manifests() throws -> [String: [UInt8]] {
        var second = manifest
        second.kind = .reward("r")
        second.files = []
        return try ["one": [UInt8](JSONEncoder().encode(manifest)), "none": [UInt8](JSONEncoder().encode(second))]
    }

    /// ``MachineInputs/coordinator(_:)``
    static var coordinator: [String: [UInt8]] {
        func say(_ peer: UInt8, _ message: Message) -> [UInt8] { [peer, 1] + Seeds.frames(frames(message)) }
        func near(_ step: UInt8, _ index: UInt8, _ what: UInt8, _ rest: [UInt8] = []) -> [UInt8] {
            [3, step, index, what] + rest
        }
        let disk: [UInt8] = [5]
        let tick: [UInt8] = [4, 0xFF, 0x0F]
        let begin = near(0, 0, 0) + disk + near(0, 0, 1) + near(0, 0, 2)
        let answers = near(0, 0, 3, [0]) + near(0, 1, 3, [1]) + near(0, 0, 3, [1]) + near(0, 1, 3, [0]) + disk
        let scores = near(0, 0, 4, [UInt8](repeating: 0, count: 8)) + near(0, 1, 4, [UInt8](repeating: 0, count: 8))
        let step = begin + answers + scores + disk + near(0, 0, 5) + say(2, .fetchJobs(step: 0, first: 0))
        let commit = near(0, 0, 6, Seeds.piece(Array(#"{"metrics":{"a":1}}"#.utf8))) + disk
        var seeds = [
            "steps": [0] + step + commit + tick, "old": [1] + step + commit + [6, 3],
            "wishes": [0, 6, 0, 6, 129, 6, 1, 6, 2, 7],
        ]
        for (name, message) in all {
            let peer: UInt8 = message.senders.contains(.learner) ? 2 : message.senders.contains(.scorer) ? 1 : 0
            seeds[name] = [0] + begin + say(peer, message) + disk + tick + [7]
        }
        return seeds
    }

    /// ``MachineInputs/session(_:)``
    static var session: [String: [UInt8]] {
        let join: [UInt8] = [0] + Seeds.frames(frames(.welcome(welcome)))
        var seeds: [String: [UInt8]] = ["life": join + [7, 1, 5, 1, 5, 0, 6, 0xFF, 0x0F] + join]
        for (name, message) in all where message.senders.isEmpty {
            seeds[name] = join + [2] + Seeds.frames(frames(message)) + [7, 2, 1] + Seeds.frames(frames(message))
        }
        return seeds
    }
}
