import ClusterModel
import Console
import Coordinator
import Foundation
import Keys
import Logging
import MetricsServer
import StatusServer
import Synchronization
import Transport
import ZeroMQ

/// What a measured cluster has to do.
struct Load: Codable {
    /// Of each step; each has one prompt, whose answer is one token.
    var jobs: Int
    var steps: Int
    /// Leases that a worker holds at a time.
    var slots: Int
    var workers = 1
    /// Whether connections have keys (CURVE).
    var isKeyed = false

    /// Of a process of the measurement; nil without keys.
    func key(_ role: KeyRole, in directory: String) throws -> ProcessKey? {
        guard isKeyed else { return nil }
        let file = KeyDirectory("\(directory)/key-files").keyFile(role.rawValue)
        return try ProcessKey(parsing: PrivateFile.read(file), from: file)
    }

    static let log = makeLogger("bench", level: .error)

    /// - Parameter bytes: of the published file. Nobody pulls it.
    static func manifest(_ version: Int, bytes: Int = 0) -> ArtifactManifest {
        let sha = String(repeating: "0", count: 64)
        let file = ArtifactFile(name: "model.safetensors", size: bytes, sha256: sha, chunkSize: Wire.chunkSize)
        return ArtifactManifest(
            kind: .policy, version: PolicyVersion(epoch: 1, number: version), files: bytes > 0 ? [file] : [],
            sha256: sha, sources: ["tcp://127.0.0.1:9"])
    }

    /// One token for each prompt.
    static func answer(_ job: GenerateJob) -> JobOutcome {
        .trajectories(
            job.prompts.map {
                Trajectory(
                    row: $0.row, occurrence: $0.occurrence, sample: 0, promptTokens: $0.tokens, responseTokens: [2],
                    mask: [1], logProbabilities: [0], versions: [UInt32(clamping: job.version.number)], finish: .eos,
                    promptText: $0.text, responseText: "")
            })
    }
}

/// The coordinator of a measurement: Skein's own, with its journal on a real file and its status endpoint.
enum CoordinatorPart {
    /// In the directory: where it listens, written when it does.
    static let address = "address"
    static let status = "status"

    static func run(_ load: Load, directory: String) async throws {
        ParentWatch.start()
        OpenFiles.raiseLimit()
        var configuration = CoordinatorConfiguration()
        configuration.run.steps = load.steps
        configuration.run.promptsPerStep = load.jobs
        configuration.run.promptsPerJob = 1
        configuration.run.prompts = (0..<load.jobs).map { Prompt(row: $0, text: "p", tokens: [1]) }
        configuration.journalPath = directory + "/bench.sqlite"
        var ring: KeyRing?
        if load.isKeyed {
            let keys = KeyDirectory("\(directory)/key-files")
            ring = try KeyRing([keys])
            configuration.security = .server(try keys.serverKey())
            configuration.roster = ring
        }
        let thread = try SocketThread(roster: ring)
        let coordinator = try await Coordinator.start(configuration, on: thread, logger: Load.log)
        let snapshots = coordinator.snapshots
        guard let place = LocalAddress("127.0.0.1:0") else { return }
        let server = StatusServer(
            address: place, tokens: StatusTokens(commands: "", reading: ""), logger: Load.log,
            snapshot: { snapshots.current }, control: Nobody())
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await server.run { port in
                    try? "\(port)".write(toFile: "\(directory)/\(status)", atomically: true, encoding: .utf8)
                    try? coordinator.address.write(
                        toFile: "\(directory)/\(address)", atomically: true, encoding: .utf8)
                }
            }
            for await _ in coordinator.ended { break }
            await coordinator.close()
            group.cancelAll()
        }
    }

    private struct Nobody: RunControl {
        func lost(_ worker: String, pid: Int, byItself: Bool) async -> Bool { false }
        func drain(_ worker: String) async -> Bool { false }
        func scale(_ wishes: [Role: Int]) async {}
        func pause(_ paused: Bool) async {}
        func stop() async {}
    }
}
