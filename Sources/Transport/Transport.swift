/// Moves messages, each of several frames: ZeroMQ between processes, and inside one process for tests.
///
/// A loop is the one thread on which its sockets are used, and the executor of the actors that use them.
package protocol TransportLoop: SerialExecutor, Sendable {
    /// True on the loop's own thread.
    var isCurrent: Bool { get }
    /// The loop's clock, which tests set by hand.
    var now: ContinuousClock.Instant { get }

    /// Runs `body` on the loop, behind everything that was given before; from any thread.
    func perform(_ body: @escaping @Sendable () -> Void)
    /// Ends the loop and closes its sockets; from any thread.
    func stop()

    // On the loop alone.

    /// - Parameter queue: messages that may wait for one peer in each direction.
    func open(_ kind: SocketKind, queue: Int32, security: SocketSecurity) throws -> any TransportSocket
    /// Calls `onReadable` whenever messages wait at the socket.
    func watch(_ socket: any TransportSocket, onReadable: @escaping () -> Void)
    /// Calls `body` with what becomes of the socket's connections.
    func watchConnection(of socket: any TransportSocket, _ body: @escaping (ConnectionEvent) -> Void) throws
    func unwatch(_ socket: any TransportSocket)
    func every(_ interval: Duration, _ body: @escaping () -> Void)
}

package enum SocketKind: Sendable, Hashable {
    /// Takes messages of many peers; the first frame of each is the sender's identity.
    case router
    /// Talks to one router, which knows it by this identity.
    case dealer(identity: String)
}

package enum SendResult: Sendable, Equatable { case sent, full, unreachable }

/// One end of many connections, or of one. Used on its loop alone.
package protocol TransportSocket: AnyObject, Sendable {
    /// Listens; answers the address with the port that was given for `:0`. Throws ``TransportError``.
    func bind(_ address: String) throws -> String
    func connect(_ address: String) throws
    /// Ends the connection to the address, if there is one, and begins another.
    func connectAnew(_ address: String) throws
    /// Sends a message whole, or nothing of it.
    /// - Parameter peer: of a router: to whom.
    func send(_ frames: [Frame], to peer: [UInt8]?) -> SendResult
    /// The next message; nil when there is none now.
    func take() -> Received?
    func close()
}

extension TransportSocket {
    package func send(_ frames: [Frame]) -> SendResult { send(frames, to: nil) }
    /// The next message's frames, whoever sent it.
    package func receive() -> [[UInt8]]? { take()?.frames }
}

extension TransportLoop {
    package func open(_ kind: SocketKind, security: SocketSecurity = .none) throws -> any TransportSocket {
        try open(kind, queue: 4096, security: security)
    }

    package func open(_ kind: SocketKind, queue: Int32) throws -> any TransportSocket {
        try open(kind, queue: queue, security: .none)
    }

    /// Runs `body` on the loop and waits for its result.
    package func run<T: Sendable>(_ body: @escaping @Sendable () throws -> T) async throws -> T {
        try await withCheckedThrowingContinuation { continuation in
            perform { continuation.resume(with: Result { try body() }) }
        }
    }
}

/// Limits of one message with all its frames, whatever carries it.
package enum MessageLimits {
    package static let bytes = 1 << 20
    package static let frames = 64
}
