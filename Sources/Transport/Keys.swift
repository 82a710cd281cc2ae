/// A Curve25519 public key: who somebody is.
package struct PublicKey: Sendable, Hashable, CustomStringConvertible {
    package static let size = 32
    package let bytes: [UInt8]

    /// nil when there are not 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == Self.size else { return nil }
        self.bytes = bytes
    }

    /// The first digits, enough for people to tell keys apart.
    package var description: String {
        bytes.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "…"
    }
}

/// A Curve25519 secret key. No log, dump or error shows its bytes.
package struct SecretKey: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package let bytes: [UInt8]

    /// nil when there are not 32 bytes.
    package init?(_ bytes: [UInt8]) {
        guard bytes.count == PublicKey.size else { return nil }
        self.bytes = bytes
    }

    package var description: String { "(secret key)" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}

package struct KeyPair: Sendable {
    package let publicKey: PublicKey
    package let secretKey: SecretKey

    package init(publicKey: PublicKey, secretKey: SecretKey) {
        self.publicKey = publicKey
        self.secretKey = secretKey
    }
}

/// How the two ends of a socket's connections know one another. Only tcp needs it: who may open the folder of an `ipc://`
/// socket is decided by the folder.
package enum SocketSecurity: Sendable {
    /// Neither encrypted nor authenticated; such a socket listens on this machine only.
    case none
    /// The same, listening anywhere, because the operator asked for it.
    case noneAnywhere
    /// CURVE: listens with this key, and admits whom the loop's ``Roster`` knows.
    case server(KeyPair)
    /// CURVE: shows this key, and talks only to whoever has the secret of `server`.
    case client(KeyPair, server: PublicKey)

    /// What of it holds at an address.
    package func at(_ address: String) -> SocketSecurity { address.hasPrefix("tcp://") ? self : .none }

    package var isEncrypted: Bool {
        switch self {
        case .none, .noneAnywhere: false
        case .server, .client: true
        }
    }
}
