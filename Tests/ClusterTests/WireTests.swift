import Cluster
import ClusterModel
import Foundation
import Logging
import Cryptography
import Synchronization
import Testing
import Transport
import ZeroMQ

@Suite struct WireTests {
    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    private func bytes(_ frames: [Frame]) -> [[UInt8]] {
        frames.compactMap { if case .bytes(let bytes) = $0 { bytes } else { nil } }
    }

    private let trajectory = Trajectory(
        row: 3, occurrence: 2, sample: 1, promptTokens: [1, 2], responseTokens: [5, 6, 0], mask: [1, 1, 1],
        logProbabilities: [-0.5, -1.25, -3], versions: [4, 4, 4], finish: .eos, promptText: "a", responseText: "b")

    @Test func resultsComeBackAsTheyWere() throws {
        let job = JobID(step: 2, index: 1, kind: .generate)
        let frames = try bytes(
            Codec.encode(Envelope(id: 9, epoch: 3, .result(job, attempt: 2, .trajectories([trajectory])))))
        let back = try Codec.decode(frames[...])
        guard case .result(job, attempt: 2, .trajectories([trajectory])) = back.message else {
            Issue.record("another message came back: \(back.message)")
            return
        }
        #expect(back.id == 9 && back.epoch == 3)
    }

    @Test func jobsComeBackAsTheyWere() throws {
        let generate = GenerateJob(
            id: JobID(step: 1, index: 4, kind: .generate), version: PolicyVersion(epoch: 1, number: 1), seed: 7,
            samples: 10..<15, sampling: SamplingParameters(maxNewTokens: 3),
            prompts: [Prompt(row: 3, occurrence: 2, text: "a", tokens: [1, 2])])
        let score = ScoreJob(
            id: JobID(step: 1, index: 4, kind: .score), reference: true, rewards: ["r"], temperature: 1,
            trajectories: [trajectory],
            rows: [3: RowData(extra: #"{"answer": "5"}"#, conversation: #"{"messages": []}"#)])
        let frames = try bytes(
            Codec.encode(
                Envelope(
                    .lease([
                        Grant(.generate(generate), attempt: 1, leaseMilliseconds: 5),
                        Grant(.score(score), attempt: 1, leaseMilliseconds: 5),
                    ]))))
        guard case .lease(let grants, _) = try Codec.decode(frames[...]).message else {
            Issue.record("another message came back")
            return
        }
        #expect(grants.map(\.job) == [.generate(generate), .score(score)])
    }

    /// Generators have no use for the columns of a line, so these stay with the coordinator.
    @Test func generateJobsCarryNoColumns() throws {
        var job = GenerateJob(
            id: JobID(step: 1, index: 0, kind: .generate), version: PolicyVersion(epoch: 1, number: 1), seed: 7,
            samples: 0..<1, sampling: SamplingParameters(maxNewTokens: 3),
            prompts: [Prompt(row: 3, text: "a", tokens: [1], data: RowData(extra: #"{"answer": "secret"}"#))])
        let frames = try bytes(
            Codec.encode(Envelope(.lease([Grant(.generate(job), attempt: 1, leaseMilliseconds: 5)]))))
        job.prompts[0].data = RowData()
        guard case .lease(let grants, _) = try Codec.decode(frames[...]).message else {
            Issue.record("another message came back")
            return
        }
        #expect(grants.map(\.job) == [.generate(job)])
    }

    /// A flipped bit in an answer would be trained on, and one in a setting would change the run.
    @Test func noFlippedBitIsTakenForAMessage() throws {
        let job = JobID(step: 2, index: 1, kind: .generate)
        let good = try bytes(
            Codec.encode(Envelope(id: 4, epoch: 3, .result(job, attempt: 2, .trajectories([trajectory])))))
        _ = try Codec.decode(good[...])
        for frame in good.indices {
            for bit in 0..<good[frame].count * 8 {
                var frames = good
                frames[frame][bit / 8] ^= 1 << UInt8(bit % 8)
                #expect(throws: ClusterError.self, "bit \(bit) of frame \(frame)") { try Codec.decode(frames[...]) }
            }
        }
        #expect(throws: ClusterError.self) { try Codec.decode(good.dropLast()) }
    }

    /// Journals that were written before there were checksums are read.
    @Test func aPayloadWithoutAChecksumIsRead() throws {
        let job = JobID(step: 2, index: 1, kind: .generate)
        var frames = try bytes(Codec.encode(Envelope(.result(job, attempt: 2, .trajectories([trajectory])))))
        frames[0].removeLast(Checksum.size)
        #expect(throws: ClusterError.self) { try Codec.decode(frames[...]) }
        let outcome = try JournalPayload.decode(JournalPayload.encode(frames))
        #expect(outcome == .trajectories([trajectory]))
    }

    /// After bytes that are no ZMTP libzmq never tries again by itself.
    @Test func aLinkThatReadGarbageConnectsAnew() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let (listener, port) = try Self.listen()
        let address = "tcp://127.0.0.1:\(port)"
        let identity = WorkerLink.Identity(
            role: .generator, name: "g", capabilities: Capabilities(kinds: [.generate]), incarnation: 1)
        let link = try await WorkerLink.connect(on: thread, to: address, as: identity, logger: Self.quiet)
        await withCheckedContinuation { done in
            Thread {
                let peer = accept(listener, nil, nil)
                _ = send(peer, "HTTP/1.1 400 what is this? There is no such thing here at all, go away\r\n\r\n", 70, 0)
                var byte: UInt8 = 0
                while recv(peer, &byte, 1, 0) > 0 {}
                close(peer)
                close(listener)
                done.resume()
            }.start()
        }
        let (greetings, greeted) = AsyncStream.makeStream(of: Void.self)
        let endpoint = try await ServerEndpoint.listen(on: thread, address: address, epoch: 1, logger: Self.quiet) {
            for incoming in $0 { if case .hello = incoming.message { greeted.yield() } }
        }
        for await _ in greetings { break }
        await link.close(reason: "over")
        endpoint.close()
    }

    private static func listen() throws -> (descriptor: Int32, port: UInt16) {
        #if os(Linux)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let isListening = withUnsafeMutablePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && Foundation.listen(descriptor, 4) == 0
                    && getsockname(descriptor, $0, &size) == 0
            }
        }
        try #require(isListening)
        return (descriptor, UInt16(bigEndian: place.sin_port))
    }

    /// Whatever bytes come, decoding throws or gives a message; it never traps.
    @Test func noBytesTrap() throws {
        let job = JobID(step: 2, index: 1, kind: .generate)
        let good = try bytes(Codec.encode(Envelope(.result(job, attempt: 2, .trajectories([trajectory])))))
        var random = SystemRandomNumberGenerator()
        for _ in 0..<5000 {
            var frames = good
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                let index = Int.random(in: 0..<frames.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: frames[index] = Secrets.randomBytes(Int.random(in: 0..<64, using: &random))
                case 1 where !frames[index].isEmpty:
                    frames[index][Int.random(in: 0..<frames[index].count, using: &random)] = .random(in: 0...255)
                default: frames[index] = Array(frames[index].dropLast())
                }
            }
            _ = try? Codec.decode(frames[...])
            // What decoding refuses by its checksum alone says nothing about the rest.
            var envelope = Array(frames[0].dropLast(5))
            Checksum.seal(&envelope, frames.dropFirst().map { .bytes($0) })
            _ = try? Codec.decode([envelope] + frames.dropFirst())
        }
        #expect(throws: ClusterError.self) { try Codec.decode([[1, 2, 3]]) }
    }

    @Test func nothingListensBeyondThisMachine() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        for address in ["tcp://0.0.0.0:0", "tcp://127.example.com:0"] {
            await #expect {
                try await ServerEndpoint.listen(on: thread, address: address, epoch: 1, logger: Self.quiet) { _ in }
            } throws: {
                "\($0)".contains("this machine only")
            }
        }
    }

    @Test func artifactsArriveWholeAndVerified() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let server = try await ArtifactServer.listen(on: thread, address: "tcp://127.0.0.1:0", logger: Self.quiet)
        let data = Data(Secrets.randomBytes(3_000_001))
        var manifest = server.serve(
            kind: .policy, version: PolicyVersion(epoch: 1, number: 0),
            files: [ServedFile(name: "model.safetensors", data: data)])
        let client = ArtifactClient(on: thread, logger: Self.quiet)
        #expect(try await client.pull(manifest)["model.safetensors"] == data)
        manifest.files[0].sha256 = SHA256.hash(Data("another".utf8))
        await #expect(throws: ClusterError.self) { try await client.pull(manifest) }
    }

    /// A learner that was started again answers at its address before it holds what workers ask for.
    @Test func aFileThatItsSourceIsAboutToHoldIsWaitedFor() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let server = try await ArtifactServer.listen(on: thread, address: "tcp://127.0.0.1:0", logger: Self.quiet)
        let files = [ServedFile(name: "model.safetensors", data: Data(Secrets.randomBytes(700_000)))]
        let version = PolicyVersion(epoch: 1, number: 0)
        let manifest = server.serve(kind: .policy, version: version, files: files)
        server.release(.policy, version)
        let client = ArtifactClient(on: thread, logger: Self.quiet)
        async let pulled = client.pull(manifest)
        try await Task.sleep(for: .milliseconds(500))
        _ = server.serve(kind: .policy, version: version, files: files)
        #expect(try await pulled["model.safetensors"] == files[0].data)
    }

    @Test func anAnnouncedAddressStandsInManifests() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let server = try await ArtifactServer.listen(
            on: thread, address: "tcp://127.0.0.1:0", announced: "tcp://127.0.0.1:7", logger: Self.quiet)
        let manifest = server.serve(kind: .policy, version: PolicyVersion(epoch: 1, number: 0), files: [])
        #expect(manifest.sources == ["tcp://127.0.0.1:7"])
    }

    /// A socket in a folder that others may enter is open to them.
    @Test func aSocketInAnOpenFolderIsRefused() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let folder = FileManager.default.temporaryDirectory.appending(path: "s-\(UUID().uuidString.prefix(8))").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (mode, isRefused) in [(0o755, true), (0o710, true), (0o700, false)] {
            try? FileManager.default.removeItem(atPath: folder)
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: false, attributes: [.posixPermissions: mode])
            func listen() async throws -> ServerEndpoint {
                try await ServerEndpoint.listen(
                    on: thread, address: "ipc://\(folder)/socket", epoch: 1, logger: Self.quiet
                ) { _ in }
            }
            if isRefused {
                await #expect {
                    _ = try await listen()
                } throws: { "\($0)".contains("mode 0700") }
            } else {
                try await listen().close()
            }
        }
    }
}
