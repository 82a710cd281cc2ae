import Cluster
import ClusterModel
import Cryptography
import Foundation
import Keys
import Logging
import Synchronization
import Testing
import Transport
import ZeroMQ

/// A folder of its own, removed with the value.
final class Place: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
        let file = "\(path)/\(name)"
        try text.write(toFile: file, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Waits until `condition` gives a value; nil after a time in which it should have long.
func eventually<T>(_ condition: () async throws -> T?) async rethrows -> T? {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
        if let value = try await condition() { return value }
        try? await Task.sleep(for: .milliseconds(10))
    }
    return nil
}

/// A client's socket and what becomes of its connection.
final class Caller: Sendable {
    let thread: SocketThread
    private let socket: any TransportSocket
    private let seen = Mutex<[ConnectionEvent]>([])
    private let answers = Mutex<[[[UInt8]]]>([])

    init(_ address: String, as identity: String, _ security: SocketSecurity) async throws {
        let thread = try SocketThread()
        self.thread = thread
        socket = try await thread.run { try thread.open(.dealer(identity: identity), security: security) }
        try await thread.run { [self] in
            try thread.watchConnection(of: socket) { event in self.seen.withLock { $0.append(event) } }
            thread.watch(socket) { while let frames = self.socket.receive() { self.answers.withLock { $0.append(frames) } } }
            try socket.connect(address)
        }
    }

    deinit { thread.stop() }

    var events: [ConnectionEvent] { seen.withLock { $0 } }
    /// The first word on whether the connection was accepted.
    func verdict() async -> ConnectionEvent? {
        await eventually { events.first { $0 != .lost } }
    }

    func send(_ message: Message, id: UInt64 = 0, epoch: UInt64 = 1) async throws -> SendResult {
        let frames = try Codec.encode(Envelope(id: id, epoch: epoch, message))
        return try await thread.run { [self] in socket.send(frames) }
    }

    var received: [Message] {
        answers.withLock { $0 }.compactMap { try? Codec.decode($0[...]).message }
    }
}
