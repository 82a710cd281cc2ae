import CZeroMQ
import Foundation
import Loopback
package import Transport

/// One libzmq socket with every option set on purpose. It is used on the thread of its `SocketThread` alone.
///
/// SAFETY: Sendable so that owners can hold the reference; every call is made on the socket thread, which owners reach
/// by `SocketThread.perform`.
package final class Socket: TransportSocket, @unchecked Sendable {
    let handle: UnsafeMutableRawPointer
    private let security: SocketSecurity
    private var peers = PeerIdentities()
    private var isClosed = false

    /// - Parameter queue: messages that may wait for one peer in each direction.
    init(context: UnsafeMutableRawPointer, kind: SocketKind, queue: Int32, security: SocketSecurity) throws {
        self.security = security
        guard let handle = zmq_socket(context, kind.number) else {
            throw TransportError(number: zmq_errno(), "cannot open a socket")
        }
        self.handle = handle
        try set(ZMQ_LINGER, 1000)
        try set(ZMQ_SNDHWM, queue)
        try set(ZMQ_RCVHWM, queue)
        try set64(ZMQ_MAXMSGSIZE, Int64(MessageLimits.bytes))
        try set(ZMQ_HANDSHAKE_IVL, 5000)
        try set(ZMQ_RECONNECT_IVL, 100)
        try set(ZMQ_RECONNECT_IVL_MAX, 2000)
        try set(ZMQ_TCP_KEEPALIVE, 1)
        try set(ZMQ_TCP_KEEPALIVE_IDLE, 30)
        try set(ZMQ_HEARTBEAT_IVL, 2000)
        try set(ZMQ_HEARTBEAT_TIMEOUT, 10000)
        try set(ZMQ_HEARTBEAT_TTL, 20000)
        switch kind {
        case .router:
            try set(ZMQ_ROUTER_MANDATORY, 1)
            try set(ZMQ_ROUTER_HANDOVER, 0)
        case .dealer(let identity):
            try set(ZMQ_IMMEDIATE, 1)
            let bytes = Array(identity.utf8)
            guard (1...255).contains(bytes.count), bytes[0] != 0 else {
                throw TransportError(.invalidAddress, "a routing id has 1 to 255 bytes and does not begin with 0")
            }
            let result = zmq_setsockopt(handle, ZMQ_ROUTING_ID, bytes, bytes.count)
            if result != 0 { throw TransportError(number: zmq_errno(), "cannot set the routing id") }
        }
        try secure(security)
    }

    deinit { close() }

    /// Binds; answers the address with the port that was given for `:0`.
    package func bind(_ address: String) throws -> String {
        switch security {
        case .none, .client: try Self.requirePrivate(address)
        case .noneAnywhere, .server: break
        }
        if zmq_bind(handle, address) != 0 {
            throw TransportError(number: zmq_errno(), "cannot listen at \(address)")
        }
        var bytes = [CChar](repeating: 0, count: 512)
        var count = bytes.count
        if zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &bytes, &count) != 0 {
            throw TransportError(number: zmq_errno(), "cannot read the address of the socket")
        }
        return String(decoding: bytes.prefix(max(0, count - 1)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    package func connect(_ address: String) throws {
        if zmq_connect(handle, address) != 0 {
            throw TransportError(number: zmq_errno(), "cannot connect to \(address)")
        }
    }

    /// One of many connections of a router: the other side knows it by `identity`, this side by `alias`.
    package func connect(_ address: String, as identity: String, alias: [UInt8]) throws {
        let bytes = Array(identity.utf8)
        if zmq_setsockopt(handle, ZMQ_ROUTING_ID, bytes, bytes.count) != 0
            || zmq_setsockopt(handle, ZMQ_CONNECT_ROUTING_ID, alias, alias.count) != 0
        {
            throw TransportError(number: zmq_errno(), "cannot name a connection to \(address)")
        }
        try connect(address)
    }

    /// Ends the connection to the address, if there is one, and begins another. After bytes that are no ZMTP libzmq gives a
    /// connection up for good.
    package func connectAnew(_ address: String) throws {
        _ = zmq_disconnect(handle, address)
        try connect(address)
    }

    /// Without encryption nothing listens beyond this machine.
    static func requirePrivate(_ address: String) throws {
        if address.hasPrefix("inproc://") { return }
        if address.hasPrefix("ipc://") { return try requirePrivateFolder(of: String(address.dropFirst(6)), address) }
        if address.hasPrefix("tcp://"), Loopback.isAddress(address.dropFirst(6)) { return }
        throw TransportError(
            .notPrivate,
            "\(address): without keys Skein listens on this machine only; use tcp://127.0.0.1:PORT or ipc://PATH")
    }

    /// Who may enter the folder may connect.
    private static func requirePrivateFolder(of path: String, _ address: String) throws {
        let folder = (path as NSString).deletingLastPathComponent
        var info = stat()
        guard !path.hasPrefix("@"), stat(folder.isEmpty ? "." : folder, &info) == 0, info.st_mode & 0o077 == 0 else {
            throw TransportError(
                .notPrivate,
                "\(address): the folder of the socket must be this user's alone; make one of mode 0700"
            )
        }
    }

    /// Sends a message whole, or nothing of it.
    package func send(_ frames: [Frame], to peer: [UInt8]?) -> SendResult {
        if let peer {
            if zmq_send(handle, peer, peer.count, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0 {
                return zmq_errno() == EAGAIN ? .full : .unreachable
            }
        }
        for (index, frame) in frames.enumerated() {
            let more = index + 1 < frames.count ? ZMQ_SNDMORE : 0
            // Once the first frame was taken libzmq takes the others too; a failure here means the peer is gone.
            let result: Int32
            switch frame {
            case .bytes(let bytes): result = zmq_send(handle, bytes, bytes.count, more | ZMQ_DONTWAIT)
            case .shared(let shared): result = send(shared, flags: more | ZMQ_DONTWAIT)
            }
            if result < 0 { return zmq_errno() == EAGAIN && peer == nil && index == 0 ? .full : .unreachable }
        }
        return .sent
    }

    private func send(_ shared: SharedBytes, flags: Int32) -> Int32 {
        var message = zmq_msg_t()
        // SAFETY: the owner is retained here and released by the free function, which libzmq calls once, on an I/O
        // thread, when it needs the memory no more.
        let owner = Unmanaged.passRetained(shared.owner)
        let made = zmq_msg_init_data(
            &message, shared.pointer, shared.count,
            { _, hint in
                if let hint { Unmanaged<NSData>.fromOpaque(hint).release() }
            }, owner.toOpaque())
        guard made == 0 else {
            owner.release()
            return -1
        }
        let result = zmq_msg_send(&message, handle, flags)
        if result < 0 {
            let number = zmq_errno()
            zmq_msg_close(&message)
            errno = number
        }
        return result
    }

    /// The next message; nil when there is none now. A message over the limits is read and given back empty.
    package func take() -> Received? {
        var frames: [[UInt8]] = []
        var peer: Peer?
        var total = 0
        while true {
            var message = zmq_msg_t()
            zmq_msg_init(&message)
            let count = zmq_msg_recv(&message, handle, ZMQ_DONTWAIT)
            guard count >= 0 else {
                zmq_msg_close(&message)
                return nil
            }
            // Every part that came over the connection says whose it is; the routing id, which libzmq puts before them, says it
            // only sometimes.
            if peer == nil, case .server = security { peer = peers.peer(of: &message) }
            total += Int(count)
            if total <= MessageLimits.bytes + 512, frames.count <= MessageLimits.frames {
                let bytes = UnsafeRawBufferPointer(start: zmq_msg_data(&message), count: Int(count))
                frames.append([UInt8](bytes))
            } else {
                frames.removeLast(max(0, frames.count - 1))
                total = MessageLimits.bytes + 513
            }
            let more = zmq_msg_more(&message) != 0
            zmq_msg_close(&message)
            if !more { return Received(frames, from: peer) }
        }
    }

    /// A PAIR socket on which libzmq reports the events of this socket.
    func monitor(context: UnsafeMutableRawPointer) throws -> Socket {
        let address = "inproc://monitor-\(UInt(bitPattern: handle))"
        let events =
            ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
            | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL
        if zmq_socket_monitor(handle, address, Int32(events)) != 0 {
            throw TransportError(number: zmq_errno(), "cannot monitor a socket")
        }
        guard let pair = zmq_socket(context, ZMQ_PAIR) else {
            throw TransportError(number: zmq_errno(), "cannot open a socket")
        }
        let socket = Socket(handle: pair)
        try socket.set(ZMQ_LINGER, 0)
        try socket.connect(address)
        return socket
    }

    init(handle: UnsafeMutableRawPointer) {
        self.handle = handle
        security = .none
    }

    package func close() {
        guard !isClosed else { return }
        isClosed = true
        zmq_socket_monitor(handle, nil, 0)
        zmq_close(handle)
    }

    func set(_ option: Int32, _ value: Int32) throws {
        var value = value
        if zmq_setsockopt(handle, option, &value, MemoryLayout<Int32>.size) != 0 {
            throw TransportError(number: zmq_errno(), "cannot set option \(option)")
        }
    }

    func set(_ option: Int32, _ bytes: [UInt8]) throws {
        if zmq_setsockopt(handle, option, bytes, bytes.count) != 0 {
            throw TransportError(number: zmq_errno(), "cannot set option \(option)")
        }
    }

    private func set64(_ option: Int32, _ value: Int64) throws {
        var value = value
        if zmq_setsockopt(handle, option, &value, MemoryLayout<Int64>.size) != 0 {
            throw TransportError(number: zmq_errno(), "cannot set option \(option)")
        }
    }
}

extension SocketKind {
    fileprivate var number: Int32 {
        switch self {
        case .router: ZMQ_ROUTER
        case .dealer: ZMQ_DEALER
        }
    }
}
