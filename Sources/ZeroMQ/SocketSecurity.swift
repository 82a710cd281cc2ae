import CZeroMQ
import Transport

/// Curve keys in the options of a socket, and in what comes over it.
extension Socket {
    /// `ZMQ_ZAP_ENFORCE_DOMAIN`, which this libzmq has among its drafts. Without it a server with a domain and no handler
    /// admits every key.
    private static let enforceDomain: Int32 = 93

    func secure(_ security: SocketSecurity) throws {
        switch security {
        case .none, .noneAnywhere: return
        case .server(let keys):
            try set(ZMQ_CURVE_SERVER, 1)
            try set(ZMQ_CURVE_SECRETKEY, keys.secretKey.bytes)
            try set(ZMQ_ZAP_DOMAIN, Admission.domain)
            do {
                try set(Self.enforceDomain, 1)
            } catch {
                throw TransportError(
                    .notPrivate,
                    "this libzmq cannot refuse strangers (no ZAP_ENFORCE_DOMAIN); install the one of scripts/setup")
            }
        case .client(let keys, let server):
            try set(ZMQ_CURVE_SERVERKEY, server.bytes)
            try set(ZMQ_CURVE_PUBLICKEY, keys.publicKey.bytes)
            try set(ZMQ_CURVE_SECRETKEY, keys.secretKey.bytes)
        }
    }
}

/// Who has sent a message, from what ``Admission`` said of the connection. Each text is read once.
struct PeerIdentities {
    /// More than connections of a run; a flood of them must not fill the memory.
    private static let remembered = 10_000
    private var known: [String: Peer] = [:]

    /// nil when the connection was not admitted by a key.
    mutating func peer(of message: inout zmq_msg_t) -> Peer? {
        guard let text = zmq_msg_gets(&message, "User-Id").map({ String(cString: $0) }) else { return nil }
        if let peer = known[text] { return peer }
        guard let peer = Self.peer(text) else { return nil }
        if known.count >= Self.remembered { known.removeAll() }
        known[text] = peer
        return peer
    }

    /// At most 255 bytes, as ZAP wants it.
    static func text(of peer: Peer) -> String {
        let key = peer.key.bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        return "\(peer.role) \(peer.name) \(key)"
    }

    private static func peer(_ text: String) -> Peer? {
        let words = text.split(separator: " ")
        guard words.count == 3, words[2].utf8.count == 2 * PublicKey.size else { return nil }
        var bytes: [UInt8] = []
        var rest = words[2][...]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return PublicKey(bytes).map { Peer(role: String(words[0]), name: String(words[1]), key: $0) }
    }
}
