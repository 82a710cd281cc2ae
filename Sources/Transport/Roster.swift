/// Somebody whose key is known.
package struct Peer: Sendable, Hashable, CustomStringConvertible {
    /// Of a peer that may call itself whatever it likes. The keys that a run makes for its own processes are such ones.
    package static let anyName = "*"

    package let role: String
    package let name: String
    package let key: PublicKey

    package init(role: String, name: String, key: PublicKey) {
        self.role = role
        self.name = name
        self.key = key
    }

    /// A key is for one name, and for those that begin with it and a dot: `pool.7` has the key of `pool`, so that many
    /// processes that are started from one template share a key.
    package func mayBeCalled(_ other: String) -> Bool {
        name == Self.anyName || other == name || other.hasPrefix(name + ".")
    }

    package var description: String { "\(role) \(name) \(key)" }
}

/// Who may connect to the CURVE servers of a loop. Asked from any thread.
package protocol Roster: AnyObject, Sendable {
    /// nil: whoever has this key is refused.
    func peer(of key: PublicKey) -> Peer?
    /// A handshake failed.
    func refused(_ key: PublicKey?, from address: String, why: String)
}

extension Roster {
    /// Whether the key that a connection was made with still counts, for the same role and name.
    package func admits(_ peer: Peer) -> Bool { self.peer(of: peer.key) == peer }
}

/// A message as it came.
package struct Received: Sendable {
    package var frames: [[UInt8]]
    /// Who has sent it, by the key of the connection; nil where connections have none.
    package var peer: Peer?

    package init(_ frames: [[UInt8]], from peer: Peer? = nil) {
        self.frames = frames
        self.peer = peer
    }
}

/// What becomes of connections.
package enum ConnectionEvent: Sendable, Equatable {
    /// (Again) accepted.
    case accepted
    case lost
    /// The other side does not know this side's key.
    case keyRefused
    /// The two sides have no security in common: one has no key, or the server has another one than was expected.
    case noAgreement
}
