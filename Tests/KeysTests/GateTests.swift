import Cluster
import ClusterModel
import Cryptography
import Foundation
import Keys
import Synchronization
import Testing
import Transport
import ZeroMQ

/// What peers with a key may say at the coordinator's socket, and at the learner's.
@Suite struct GateTests {
    /// A coordinator's socket that writes down what reaches it.
    private final class Door: Sendable {
        let place: Place
        let directory: KeyDirectory
        let ring: KeyRing
        let thread: SocketThread
        let endpoint: ServerEndpoint
        private let list: SharedList

        init() async throws {
            let list = SharedList()
            self.list = list
            place = try Place()
            directory = KeyDirectory(place.path + "/keys")
            for (name, role) in [("gpu1", KeyRole.generator), ("gpu2", .generator), ("judge", .scorer)] {
                try directory.add(name, role)
            }
            let refusals = RefusalLog()
            ring = try KeyRing([directory], refusals: refusals)
            thread = try SocketThread(roster: ring)
            endpoint = try await ServerEndpoint.listen(
                on: thread, address: "tcp://127.0.0.1:0", epoch: 1, security: .server(try directory.serverKey()),
                roster: ring, refusals: refusals, logger: quiet
            ) { list.add($0) }
        }

        var messages: [Incoming] { list.all }

        func key(_ name: String) throws -> ProcessKey {
            let file = directory.keyFile(name)
            return try ProcessKey(parsing: PrivateFile.read(file), from: file)
        }

        func caller(_ key: String, as name: String) async throws -> Caller {
            let caller = try await Caller(
                endpoint.address, as: WorkerID(name: name, incarnation: 1).routingID, self.key(key).security)
            try #require(await caller.verdict() == .accepted)
            return caller
        }

        /// The last line about somebody.
        func refusal(_ who: String) async -> RefusalLog.Entry? {
            await eventually { endpoint.refusals.entries.last { $0.who == who } }
        }
    }

    private final class SharedList: Sendable {
        private let items = Mutex<[Incoming]>([])
        func add(_ batch: [Incoming]) { items.withLock { $0 += batch } }
        var all: [Incoming] { items.withLock { $0 } }
    }

    private static func hello(_ role: Role, _ name: String) -> Message {
        .hello(Hello(role: role, name: name, incarnation: 1, capabilities: Capabilities(kinds: [.generate])))
    }

    /// One that is refused for good is told why, and what to do.
    private static func answer(_ caller: Caller) async -> (code: String, text: String)? {
        await eventually {
            for message in caller.received { if case .refused(let code, let text) = message { return (code, text) } }
            return nil
        }
    }

    @Test func whoSpeaksForItselfIsHeard() async throws {
        let door = try await Door()
        defer { door.thread.stop() }
        for (key, name) in [("gpu1", "gpu1"), ("gpu2", "gpu2.0"), ("gpu2", "gpu2.1")] {
            let caller = try await door.caller(key, as: name)
            _ = try await caller.send(Self.hello(.generator, name))
            let heard = await eventually { door.messages.contains { $0.peer.name == name } ? true : nil }
            #expect(heard == true)
        }
        #expect(door.endpoint.refusals.entries.isEmpty)
    }

    @Test func aStolenNameIsRefusedCountedAndNamed() async throws {
        let door = try await Door()
        defer { door.thread.stop() }
        let thief = try await door.caller("gpu2", as: "gpu1")
        _ = try await thief.send(Self.hello(.generator, "gpu1"))
        // Nor may it go on without HELLO.
        _ = try await thief.send(.credit(slots: 100))
        let answer = try #require(await Self.answer(thief))
        #expect(answer.code == "key" && answer.text.contains("'gpu2'"), "\(answer)")
        let counted = await eventually { door.endpoint.refusals.entries.last?.count == 2 ? true : nil }
        #expect(counted == true)
        let entry = try #require(await door.refusal("generator gpu2"))
        #expect(entry.why == "speaks as gpu1")
        #expect(door.endpoint.counters.refused == 2 && door.messages.isEmpty)
    }

    @Test func anotherRoleIsRefused() async throws {
        let door = try await Door()
        defer { door.thread.stop() }
        let caller = try await door.caller("gpu1", as: "gpu1")
        _ = try await caller.send(Self.hello(.learner, "gpu1"))
        let answer = try #require(await Self.answer(caller))
        #expect(answer.code == "role" && answer.text.contains("skein keys new NAME --role learner"), "\(answer)")
        #expect(await door.refusal("generator gpu1")?.why == "joins as a learner with the key of a generator")
        #expect(door.messages.isEmpty)
    }

    /// Whatever it called itself in HELLO.
    @Test func messagesOfAnotherRoleAreRefused() async throws {
        let door = try await Door()
        defer { door.thread.stop() }
        let caller = try await door.caller("judge", as: "judge")
        _ = try await caller.send(Self.hello(.scorer, "judge"))
        let version = PolicyVersion(epoch: 1, number: 1)
        let manifest = ArtifactManifest(kind: .policy, version: version, files: [], sha256: "", sources: [])
        let forbidden: [Message] = [
            .commit(step: 0, metrics: Data(), manifest), .publish([manifest]), .batchRequest(step: 0),
            .fetchJobs(step: 0, first: 0), .alarm(code: "paused", detail: "x"), .stop(reason: "x", exitCode: 0),
            .peers([]), .drain, .pause(true),
        ]
        for message in forbidden { _ = try await caller.send(message) }
        _ = try await caller.send(.bye(reason: "last"))
        let isOver = await eventually {
            door.messages.contains { if case .bye = $0.message { true } else { false } } ? true : nil
        }
        #expect(isOver == true)
        #expect(door.messages.count == 2, "\(door.messages.map(\.message))")
        let entry = try #require(await door.refusal("scorer judge"))
        #expect(entry.count == forbidden.count && entry.why == "sends what a scorer may not")
    }

    @Test func aRevokedKeyIsCutOffThoughItsConnectionStands() async throws {
        let door = try await Door()
        defer { door.thread.stop() }
        let (good, bad) = (try await door.caller("gpu1", as: "gpu1"), try await door.caller("gpu2", as: "gpu2"))
        _ = try await good.send(Self.hello(.generator, "gpu1"))
        _ = try await bad.send(Self.hello(.generator, "gpu2"))
        let joined = await eventually { door.messages.count == 2 ? true : nil }
        try #require(joined == true)
        let key = try door.key("gpu2")
        try door.directory.revoke("gpu2")
        let change = try #require(door.ring.refresh())
        let holders = try await door.thread.run { door.endpoint.holders(of: change.revoked) }
        #expect(holders == [WorkerID(name: "gpu2", incarnation: 1)])
        _ = try await bad.send(.credit(slots: 1))
        let answer = try #require(await Self.answer(bad))
        #expect(answer.code == "key" && answer.text.contains("revoked"), "\(answer)")
        _ = try await good.send(.credit(slots: 1))
        let heard = await eventually { door.messages.count == 3 ? true : nil }
        #expect(heard == true && door.messages.last?.peer.name == "gpu1")
        // And it does not come in again.
        let again = try await Caller(door.endpoint.address, as: "gpu2#0000000000000002", key.security)
        #expect(await again.verdict() == .keyRefused)
        #expect(await door.refusal("127.0.0.1")?.why.hasPrefix("unknown key") == true)
    }

    @Test func aFloodOfGreetingsIsDropped() async throws {
        let door = try await Door()
        defer { door.thread.stop() }
        let caller = try await door.caller("gpu1", as: "gpu1")
        for _ in 0..<500 { _ = try await caller.send(Self.hello(.generator, "gpu1")) }
        _ = try await caller.send(.credit(slots: 1))
        let isThrough = await eventually {
            door.messages.contains { if case .credit = $0.message { true } else { false } } ? true : nil
        }
        #expect(isThrough == true)
        #expect(await door.refusal("generator gpu1")?.why == "says HELLO too often")
        #expect(door.messages.count < 400)
    }

    /// Connections without a word, with half a greeting, with nonsense: they keep nobody out, and are closed after a while.
    @Test func strangersKeepNobodyOut() async throws {
        let door = try await Door()
        defer { door.thread.stop() }
        let port = try #require(door.endpoint.address.split(separator: ":").last.flatMap { UInt16($0) })
        let words: [[UInt8]] = [
            [], [0xFF, 0, 0], [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1] + Array("CURVE".utf8),
            Array("GET / HTTP/1.1\r\n\r\n".utf8),
        ]
        let strangers = try (0..<200).map { try Stranger(port, saying: words[$0 % words.count]) }
        let caller = try await door.caller("gpu1", as: "gpu1")
        _ = try await caller.send(Self.hello(.generator, "gpu1"))
        let heard = await eventually { door.messages.isEmpty ? nil : true }
        #expect(heard == true)
        let closed = await eventually { strangers.allSatisfy(\.isClosed) ? true : nil }
        #expect(closed == true)
    }

    /// The link of a worker with a wrong name ends with the sentence that says what to do.
    @Test func aWorkersLinkEndsWithTheReason() async throws {
        let door = try await Door()
        defer { door.thread.stop() }
        let own = try SocketThread()
        defer { own.stop() }
        let link = try await WorkerLink.connect(
            on: own, to: door.endpoint.address,
            as: WorkerLink.Identity(
                role: .generator, name: "gpu1", capabilities: Capabilities(kinds: [.generate]),
                incarnation: Secrets.randomUInt64()),
            security: try door.key("gpu2").security, logger: quiet)
        for await message in link.messages() {
            guard case .refused(_, let text) = message else { continue }
            #expect(text.contains("--name"), "\(text)")
        }
        #expect(link.ending?.code == .refused)
    }

    /// Weights are served to those that the coordinator names, as long as it names them.
    @Test func weightsAreServedToThoseThatTheCoordinatorNames() async throws {
        let roster = AnnouncedPeers()
        let thread = try SocketThread(roster: roster)
        let other = try SocketThread()
        defer {
            thread.stop()
            other.stop()
        }
        let server = try await ArtifactServer.listen(
            on: thread, address: "tcp://127.0.0.1:0", security: .server(.make()), roster: roster, logger: quiet)
        let data = Data(Secrets.randomBytes(1_500_000))
        let manifest = server.serve(
            kind: .policy, version: PolicyVersion(epoch: 1, number: 0),
            files: [ServedFile(name: "model.safetensors", data: data)])
        let source = try #require(manifest.sources.first?.split(separator: "#"))
        #expect(source.count == 2 && source[1].count == 64, "\(manifest.sources)")
        let serverKey = try #require(Hexadecimal.bytes(String(source[1])).flatMap { PublicKey($0) })

        let pair = try KeyPair.make()
        let early = try await Caller(String(source[0]), as: "pull#1", .client(pair, server: serverKey))
        #expect(await early.verdict() == .keyRefused)
        let plain = try await Caller(String(source[0]), as: "pull#2", .none)
        #expect(await plain.verdict() == .noAgreement)

        server.admit([PeerKey(role: "generator", name: "gpu1", key: Data(pair.publicKey.bytes))])
        let client = ArtifactClient(on: other, keys: pair, logger: quiet)
        #expect(try await client.pull(manifest)["model.safetensors"] == data)

        let late = try await Caller(String(source[0]), as: "pull#3", .client(pair, server: serverKey))
        try #require(await late.verdict() == .accepted)
        server.admit([])
        let sent = server.sentBytes
        _ = try await late.send(.chunkRequest(ChunkPlace(file: manifest.files[0].sha256, isList: false, index: 0)))
        let refused = await eventually { roster.refusals.entries.contains { $0.who == "gpu1" } ? true : nil }
        #expect(refused == true && server.sentBytes == sent && late.received.isEmpty)
    }

    /// What comes over an authenticated link may not lead a worker to a source that nobody vouches for.
    @Test func aWorkerWithAKeyPullsFromNobodyWithoutOne() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let server = try await ArtifactServer.listen(on: thread, address: "tcp://127.0.0.1:0", logger: quiet)
        let manifest = server.serve(
            kind: .policy, version: PolicyVersion(epoch: 1, number: 0),
            files: [ServedFile(name: "config.json", data: Data("{}".utf8))])
        let keyed = ArtifactClient(on: thread, keys: try KeyPair.make(), logger: quiet)
        await #expect(throws: ClusterError.self) { try await keyed.pull(manifest) }
        let plain = ArtifactClient(on: thread, logger: quiet)
        #expect(try await plain.pull(manifest).count == 1)
    }
}
