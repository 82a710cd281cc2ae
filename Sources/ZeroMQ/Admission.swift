import CZeroMQ
import Transport

/// Decides at each handshake of a CURVE server whether the client's key is known (ZeroMQ's RFC 27, "ZAP").
///
/// libzmq asks the one socket at `inproc://zeromq.zap.01` of the context. It is bound before any other socket of the
/// context exists. Without an answer nobody is admitted, whatever the reason: no handler, one that is gone, one that does
/// not understand the question (`ZAP_ENFORCE_DOMAIN`, see `SocketSecurity.swift`). Lives on the socket thread.
final class Admission {
    static let domain = Array("skein".utf8)
    private static let address = "inproc://zeromq.zap.01"
    private static let version = Array("1.0".utf8)

    let socket: Socket
    private let roster: any Roster

    init(context: UnsafeMutableRawPointer, roster: any Roster) throws {
        guard let handle = zmq_socket(context, ZMQ_REP) else {
            throw TransportError(number: zmq_errno(), "cannot open a socket")
        }
        socket = Socket(handle: handle)
        self.roster = roster
        try socket.set(ZMQ_LINGER, 0)
        _ = try socket.bind(Self.address)
    }

    /// Answers everybody who waits at the door.
    func answer() {
        while let frames = socket.receive() {
            let id = frames.count > 1 ? frames[1] : []
            let (status, why, user) = verdict(frames)
            // Version, request, status, reason, user, metadata.
            let reply = [Self.version, id, Array(status.utf8), Array(why.utf8), Array(user.utf8), []]
            _ = socket.send(reply.map { .bytes($0) })
        }
    }

    /// Version, request, domain, address, routing id of the server's socket, mechanism, key.
    private func verdict(_ frames: [[UInt8]]) -> (status: String, why: String, user: String) {
        guard frames.count == 7, frames[0] == Self.version, frames[2] == Self.domain,
            frames[5] == Array("CURVE".utf8), let key = PublicKey(frames[6])
        else { return ("400", "no key", "") }
        guard let peer = roster.peer(of: key) else {
            roster.refused(key, from: String(decoding: frames[3], as: UTF8.self), why: "unknown key")
            return ("400", "unknown key", "")
        }
        return ("200", "", PeerIdentities.text(of: peer))
    }
}
