import ClusterModel
import CZeroMQ
import Foundation
import Synchronization
import Testing
import Transport

@testable import ZeroMQ

/// The five cases of a CURVE server, over real sockets: the right key, another key, no CURVE, no handler, a handler that is
/// gone. In all but the first nothing that the client sends arrives.
@Suite struct HandshakeTests {
    private final class OneKey: Roster {
        let key: PublicKey
        let turnedAway = Mutex<[String]>([])
        init(_ key: PublicKey) { self.key = key }
        func peer(of other: PublicKey) -> Peer? {
            other == key ? Peer(role: "generator", name: "gpu", key: key) : nil
        }
        func refused(_ key: PublicKey?, from address: String, why: String) {
            turnedAway.withLock { $0.append("\(address) \(why)") }
        }
    }

    /// A server's socket, and what has come to it.
    private final class Server: Sendable {
        let thread: SocketThread
        let address: String
        let came = Mutex<[Received]>([])

        init(_ thread: SocketThread, _ keys: KeyPair) async throws {
            self.thread = thread
            let (socket, address) = try await thread.run {
                let socket = try thread.open(.router, security: .server(keys))
                return (socket, try socket.bind("tcp://127.0.0.1:0"))
            }
            self.address = address
            thread.perform { [self] in
                thread.watch(socket) { while let next = socket.take() { self.came.withLock { $0.append(next) } } }
            }
        }
    }

    private let server: KeyPair
    private let client: KeyPair

    init() throws {
        server = try KeyPair.make()
        client = try KeyPair.make()
    }

    @Test func theRightKeyIsAdmittedAndNamed() async throws {
        let thread = try SocketThread(roster: OneKey(client.publicKey))
        defer { thread.stop() }
        let listening = try await Server(thread, server)
        let caller = try await Caller(
            listening.address, as: "gpu#1", .client(client, server: server.publicKey))
        #expect(await caller.verdict() == .accepted)
        #expect(try await caller.send(.drain) == .sent)
        let first = try #require(await eventually { listening.came.withLock { $0.first } })
        #expect(first.peer == Peer(role: "generator", name: "gpu", key: client.publicKey))
        #expect(first.frames.first == Array("gpu#1".utf8))
    }

    @Test func anotherKeyIsRefused() async throws {
        let roster = OneKey(client.publicKey)
        let thread = try SocketThread(roster: roster)
        defer { thread.stop() }
        let listening = try await Server(thread, server)
        let caller = try await Caller(
            listening.address, as: "gpu#1", .client(try KeyPair.make(), server: server.publicKey))
        #expect(await caller.verdict() == .keyRefused)
        #expect(try await caller.send(.drain) != .sent)
        #expect(roster.turnedAway.withLock { $0 } == ["127.0.0.1 unknown key"])
        try await thread.run {}
        #expect(listening.came.withLock { $0.isEmpty })
    }

    /// Who does not know the server's key cannot even ask.
    @Test func anotherServersKeyIsOfNoUse() async throws {
        let roster = OneKey(client.publicKey)
        let thread = try SocketThread(roster: roster)
        defer { thread.stop() }
        let listening = try await Server(thread, server)
        let caller = try await Caller(
            listening.address, as: "gpu#1", .client(client, server: try KeyPair.make().publicKey))
        #expect(await caller.verdict() == .noAgreement)
        #expect(try await caller.send(.drain) != .sent)
        #expect(listening.came.withLock { $0.isEmpty } && roster.turnedAway.withLock { $0.isEmpty })
    }

    @Test func aPeerWithoutCurveGetsNothing() async throws {
        let thread = try SocketThread(roster: OneKey(client.publicKey))
        defer { thread.stop() }
        let listening = try await Server(thread, server)
        let caller = try await Caller(listening.address, as: "gpu#1", .none)
        #expect(await caller.verdict() == .noAgreement)
        #expect(try await caller.send(.drain) != .sent)
        try await thread.run {}
        #expect(listening.came.withLock { $0.isEmpty } && caller.received.isEmpty)
    }

    /// The other way round: a worker with a key says nothing to a coordinator without one.
    @Test func aServerWithoutCurveIsToldNothing() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let came = Mutex(0)
        let address = try await thread.run {
            let socket = try thread.open(.router)
            let address = try socket.bind("tcp://127.0.0.1:0")
            thread.watch(socket) { while socket.take() != nil { came.withLock { $0 += 1 } } }
            return address
        }
        let caller = try await Caller(address, as: "gpu#1", .client(client, server: server.publicKey))
        #expect(await caller.verdict() == .noAgreement)
        #expect(try await caller.send(.drain) != .sent)
        #expect(came.withLock { $0 } == 0)
    }

    @Test func withoutAHandlerNobodyIsAdmitted() async throws {
        let bare = try SocketThread()
        defer { bare.stop() }
        // The thread refuses to open such a socket at all ...
        await #expect { _ = try await Server(bare, self.server) } throws: {
            "\($0)".contains("whom the socket may admit")
        }
        // ... and if it did not, libzmq would admit nobody: option 93.
        let context = try #require(zmq_ctx_new())
        let socket = try Socket(context: context, kind: .router, queue: 100, security: .server(server))
        let address = try socket.bind("tcp://127.0.0.1:0")
        let caller = try await Caller(address, as: "gpu#1", .client(client, server: server.publicKey))
        let verdict = await caller.verdict()
        #expect(verdict != nil && verdict != .accepted, "\(String(describing: verdict))")
        #expect(try await caller.send(.drain) != .sent)
        #expect(socket.take() == nil)
        socket.close()
        zmq_ctx_term(context)
    }

    @Test func whenTheHandlerIsGoneNobodyIsAdmitted() async throws {
        let thread = try SocketThread(roster: OneKey(client.publicKey))
        defer { thread.stop() }
        let listening = try await Server(thread, server)
        try await thread.run { thread.endAdmission() }
        let caller = try await Caller(
            listening.address, as: "gpu#1", .client(client, server: server.publicKey))
        let verdict = await caller.verdict()
        #expect(verdict != nil && verdict != .accepted, "\(String(describing: verdict))")
        #expect(try await caller.send(.drain) != .sent)
        #expect(listening.came.withLock { $0.isEmpty })
    }

    /// A key may be written into a log by mistake: what is printed of it says nothing.
    @Test func aSecretKeyIsNeverPrinted() throws {
        let digits = client.secretKey.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        var dumped = ""
        dump(client, to: &dumped)
        for text in ["\(client)", String(reflecting: client), dumped, "\(SocketSecurity.server(client))"] {
            #expect(!text.contains(digits) && text.contains("(secret key)"), "\(text)")
            #expect(!text.contains(client.secretKey.bytes.map { "\($0)" }.joined(separator: ", ")), "\(text)")
        }
    }
}
