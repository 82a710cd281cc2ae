import Cluster
import ClusterModel
import Cryptography
import Foundation
import Glibc
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
            thread.watch(socket) {
                while let frames = self.socket.receive() { self.answers.withLock { $0.append(frames) } }
            }
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

/// A TCP connection by somebody who speaks no ZMTP, or stops in the middle.
final class Stranger: Sendable {
    private let descriptor: Int32

    init(_ port: UInt16, saying bytes: [UInt8]) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        place.sin_addr.s_addr = inet_addr("127.0.0.1")
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isConnected = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, size) == 0 }
        }
        try #require(isConnected)
        _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    deinit { close(descriptor) }

    /// The other side has hung up.
    var isClosed: Bool {
        var byte: UInt8 = 0
        while true {
            let count = recv(descriptor, &byte, 1, Int32(MSG_DONTWAIT))
            if count > 0 { continue }
            return count == 0 || errno != EAGAIN
        }
    }
}
