import Cluster
import ClusterModel
import Foundation
import Testing
import Transport

/// What peers of the present protocol send, as bytes that somebody else's encoder made
/// (`scripts/fixtures/make_wire_fixtures.py`): a field that is renumbered, or reads into another value, fails here.
@Suite struct WireFixtureTests {
    private static let hash = String(repeating: "0f", count: 32)
    private static let version = PolicyVersion(epoch: 7, number: 3)
    private static let generate = JobID(step: 2, index: 1, kind: .generate)
    private static let score = JobID(step: 2, index: 1, kind: .score, part: 4)
    private static let manifest = ArtifactManifest(
        kind: .policy, version: version,
        files: [ArtifactFile(name: "config.json", size: 2, sha256: hash, chunkSize: 524_288)], sha256: hash,
        sources: ["tcp://127.0.0.1:9"])
    private static let trajectory = Trajectory(
        row: 5, occurrence: 6, sample: 2, promptTokens: [1], responseTokens: [3, 2], mask: [1, 0],
        logProbabilities: [-1, -0.5], versions: [3, 4], finish: .length, promptText: "a", responseText: "b")
    private static let computation = Computation(device: "cuda:1", arithmetic: "exact", threads: 3)

    private static func welcome(_ setup: RoleSetup) -> Message {
        .welcome(
            Welcome(
                runID: "run", epoch: 7, protocolVersion: 5, setup: setup, artifacts: [manifest],
                leaseMilliseconds: 10_000, graceMilliseconds: 60_000))
    }

    private static let reward = RewardSetup(
        name: "r", kind: "model", section: "kind: model\nname: r\nweight: 1\npath: /m\n", encodesAgain: true,
        usesTemplate: true)

    private static let expected: [String: Message] = [
        "hello": .hello(
            Hello(
                role: .scorer, name: "s", incarnation: 2, protocolMin: 4, protocolMax: 5, build: "x",
                capabilities: Capabilities(kinds: [.score], reference: true, rewards: ["r"]),
                heldJobs: [HeldJob(job: score, attempt: 8, finished: true)], host: "h", pid: 9, threads: 10)),
        "welcome-generator": welcome(
            .generator(GeneratorSetup(computation: computation, rowsInFlight: 64, versionsBehind: 2))),
        "welcome-scorer": welcome(
            .scorer(
                ScorerSetup(
                    computation: computation, reference: true, chatTemplate: true, templateArguments: #"{"a": 1}"#,
                    clock: 1.5, rewards: [reward]))),
        "welcome-learner": welcome(.learner(LearnerSetup(runFile: "name: x\nppo:\n  steps: 3\n", clock: 2.5))),
        "refused": .refused(code: "hello", message: "say HELLO"),
        "credit": .credit(slots: 2),
        "lease-generate": .lease([
            Grant(
                .generate(
                    GenerateJob(
                        id: generate, version: version, seed: 11, samples: 4..<6,
                        sampling: SamplingParameters(
                            temperature: 0.5, topK: 3, topP: 0.75, maxNewTokens: 4, stop: ["."]),
                        prompts: [Prompt(row: 5, occurrence: 6, text: "a", tokens: [1, 2])])), attempt: 1,
                leaseMilliseconds: 10_000)
        ]),
        "lease-score": .lease([
            Grant(
                .score(
                    ScoreJob(
                        id: score, reference: true, rewards: ["r"], temperature: 0.5, trajectories: [trajectory],
                        rows: [5: RowData(extra: #"{"answer": "5"}"#, conversation: #"{"messages": []}"#)])),
                attempt: 1, leaseMilliseconds: 10_000)
        ]),
        "lease-acknowledged": .lease(
            [
                Grant(
                    .generate(
                        GenerateJob(
                            id: generate, version: version, seed: 11, samples: 4..<6,
                            sampling: SamplingParameters(
                                temperature: 0.5, topK: 3, topP: 0.75, maxNewTokens: 4, stop: ["."]),
                            prompts: [Prompt(row: 5, occurrence: 6, text: "a", tokens: [1, 2])])), attempt: 1,
                    leaseMilliseconds: 10_000)
            ], acknowledged: [Acknowledgement(score, attempt: 2, .duplicate)]),
        "hello-acknowledged": .hello(
            Hello(
                role: .generator, name: "g", incarnation: 2, protocolMin: 5, protocolMax: 5,
                capabilities: Capabilities(kinds: [.generate]), takesAcknowledgements: true)),
        "renewal": .renewal([RenewedJob(job: generate, attempt: 1, tokens: 5)]),
        "result-trajectories": .result(generate, attempt: 1, .trajectories([trajectory])),
        "result-scores": .result(
            score, attempt: 1,
            .scores(Scores(referenceLogProbabilities: [[-1, -2]], rewards: ["r": [1.5, nil]], errors: ["why"]))),
        "result-failure": .result(score, attempt: 1, .failed(code: "x", message: "y", retryable: true)),
        "result-ack": .resultAck([
            Acknowledgement(generate, attempt: 1, .accepted), Acknowledgement(score, attempt: 2, .stale),
        ]),
        "cancel": .cancel(generate, attempt: 1, reason: "late"),
        "drain": .drain,
        "bye": .bye(reason: "done"),
        "stop": .stop(reason: "done", exitCode: 3),
        "report": .report(
            WorkerReport(state: "busy", tokensPerSecond: 1.5, residentBytes: 12, version: version, fraction: 0.25)),
        "loaded": .loaded(.reward("r"), version),
        "artifact": .artifact(manifest),
        "alarm": .alarm(code: "paused", detail: "kl"),
        "pause": .pause(true),
        "peers": .peers([PeerKey(role: "generator", name: "g", key: Data(0..<32))]),
        "publish": .publish([manifest]),
        "publish-checkpoint": .publish([manifest], checkpoint: 0),
        "publish-ack": .publishAck(committed: 0),
        "publish-ack-committed": .publishAck(committed: 44),
        "batch-request": .batchRequest(step: 2),
        "batch-ready": .batchReady(step: 2, jobs: 3),
        "fetch-jobs": .fetchJobs(step: 2, first: 1),
        "batch-jobs": .batchJobs(
            step: 2, first: 1,
            [
                BatchJob(
                    [trajectory],
                    Scores(referenceLogProbabilities: [[-1, -2]], rewards: ["r": [1.5]]))
            ]),
        "commit": .commit(step: 2, metrics: Data(#"{"a":1}"#.utf8), manifest),
        "commit-checkpoint": .commit(step: 2, metrics: Data(#"{"a":1}"#.utf8), manifest, checkpoint: 1),
        "commit-ack": .commitAck(step: 2),
        "chunk-request": .chunkRequest(ChunkPlace(file: hash, isList: true, index: 1)),
        "chunk": .chunk(
            ChunkPlace(file: hash, isList: true, index: 1), bytes: SharedChunk(Data("bytes".utf8))),
        "chunk-missing": .chunk(ChunkPlace(file: hash, isList: false, index: 1), bytes: nil),
    ]

    private static func fixtures() throws -> [String: [[UInt8]]] {
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures/wire.json")
        return try JSONDecoder().decode([String: [String]].self, from: Data(contentsOf: file)).mapValues {
            $0.map { hex in
                let digits = Array(hex)
                return stride(from: 0, to: digits.count, by: 2).compactMap {
                    UInt8(String(digits[$0..<$0 + 2]), radix: 16)
                }
            }
        }
    }

    @Test func whatPeersSendIsReadAndIsWhatIsSent() throws {
        let fixtures = try Self.fixtures()
        #expect(Set(fixtures.keys) == Set(Self.expected.keys))
        for (name, frames) in fixtures {
            let message = try #require(Self.expected[name])
            let read = try Codec.decode(frames[...])
            #expect(read.protocolVersion == Wire.version && read.id == 12, "\(name)")
            #expect(read.inReplyTo == 13 && read.epoch == 7, "\(name)")
            // The bytes of a chunk describe themselves by their address.
            if name != "chunk" { #expect("\(read.message)" == "\(message)", "\(name)") }
            let written = try Codec.encode(Envelope(id: 12, inReplyTo: 13, epoch: 7, message)).map { frame in
                switch frame {
                case .bytes(let bytes): bytes
                case .shared(let shared): shared.withBytes { [UInt8]($0) }
                }
            }
            #expect(written == frames, "\(name)")
        }
    }

    /// A kind of message without a fixture does not compile here, or fails.
    @Test func everyKindHasAFixture() {
        func kind(_ message: Message) -> Int {
            switch message {
            case .hello: 0
            case .credit: 1
            case .renewal: 2
            case .result: 3
            case .loaded: 4
            case .bye: 5
            case .report: 6
            case .alarm: 7
            case .welcome: 8
            case .refused: 9
            case .lease: 10
            case .cancel: 11
            case .resultAck: 12
            case .drain: 13
            case .artifact: 14
            case .stop: 15
            case .pause: 16
            case .publish: 17
            case .publishAck: 18
            case .batchRequest: 19
            case .batchReady: 20
            case .fetchJobs: 21
            case .batchJobs: 22
            case .commit: 23
            case .commitAck: 24
            case .chunkRequest: 25
            case .chunk: 26
            case .peers: 27
            }
        }
        #expect(Set(Self.expected.values.map(kind)) == Set(0...27))
    }

    /// Numbers that nobody can work by are refused with a reason, in whatever message they stand.
    @Test func setupsThatMakeNoSenseAreRefused() throws {
        func problem(_ setup: RoleSetup) throws -> String? {
            let frames = try Codec.encode(Envelope(Self.welcome(setup))).compactMap { frame -> [UInt8]? in
                if case .bytes(let bytes) = frame { bytes } else { nil }
            }
            guard case .welcome(let welcome) = try Codec.decode(frames[...]).message else { return "another message" }
            return try #require(welcome.setup).problem
        }
        func generator(_ change: (inout GeneratorSetup) -> Void) -> RoleSetup {
            var setup = GeneratorSetup(computation: Computation(), rowsInFlight: 64, versionsBehind: 0)
            change(&setup)
            return .generator(setup)
        }
        #expect(try problem(generator { _ in }) == nil)
        for bad in [
            generator { $0.computation.threads = 0 }, generator { $0.computation.threads = .max },
            generator { $0.computation.threads = -1 }, generator { $0.computation.arithmetic = "later" },
            generator { $0.computation.device = String(repeating: "x", count: 100) },
            generator { $0.rowsInFlight = 0 }, generator { $0.rowsInFlight = .max },
            generator { $0.versionsBehind = .max },
            .scorer(ScorerSetup(clock: .nan)), .scorer(ScorerSetup(clock: .infinity)),
            .scorer(ScorerSetup(computation: Computation(threads: 0))),
            .scorer(ScorerSetup(rewards: [RewardSetup](repeating: Self.reward, count: 1001))),
            .learner(LearnerSetup(runFile: "", clock: -.infinity)),
        ] {
            #expect(try problem(bad) != nil, "\(bad)")
        }
    }
}
