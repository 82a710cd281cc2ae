import Cryptography
package import Transport
import ZeroMQ

/// The key of one process, as its file, its environment variable or its Kubernetes secret has it: one line of words.
///
///     skein-key-1 ROLE NAME SECRET SERVER
///
/// SECRET and SERVER are 64 hexadecimal digits: the process's secret key, and the public key of the coordinator (in the
/// coordinator's own: its public key). Lines that begin with `#` are for people.
package struct ProcessKey: Sendable {
    private static let kind = "skein-key-1"

    package let role: KeyRole
    package let name: String
    package let pair: KeyPair
    package let server: PublicKey

    package init(role: KeyRole, name: String, pair: KeyPair, server: PublicKey) {
        self.role = role
        self.name = name
        self.pair = pair
        self.server = server
    }

    /// How a process with this key connects.
    package var security: SocketSecurity { .client(pair, server: server) }

    /// Whether a process with this key may be called so.
    package func allows(name other: String) -> Bool {
        Peer(role: role.rawValue, name: name, key: pair.publicKey).mayBeCalled(other)
    }

    /// - Parameter source: where the text comes from, for messages. The text itself is in none.
    package init(parsing text: String, from source: String) throws {
        let words = KeyLine.words(text)
        guard let words, words.count == 5, words[0] == Self.kind else {
            throw KeyError(
                "\(source): this is no key of Skein (skein-key-1 ROLE NAME SECRET SERVER); make one: skein keys new NAME"
            )
        }
        guard let role = KeyRole(rawValue: words[1]), !role.hasToken,
            KeyName.isValid(words[2]) || words[2] == Peer.anyName,
            let secret = Hexadecimal.bytes(words[3]).flatMap({ SecretKey($0) }),
            let server = Hexadecimal.bytes(words[4]).flatMap({ PublicKey($0) })
        else { throw KeyError("\(source): the key is damaged; copy it again, or make another: skein keys new NAME") }
        do {
            self.init(role: role, name: words[2], pair: try KeyPair(secret), server: server)
        } catch {
            throw KeyError("\(source): \(error)")
        }
    }

    package var text: String {
        """
        # A secret: whoever has this file can join runs as \(role.rawValue) '\(name)'.
        \(Self.kind) \(role.rawValue) \(name) \(Hexadecimal.text(pair.secretKey.bytes)) \(Hexadecimal.text(server.bytes))

        """
    }
}

/// Somebody who is allowed, as the coordinator's key directory has it. No secret is in it.
///
///     skein-peer-1 ROLE NAME WHAT
///
/// WHAT is 64 hexadecimal digits: the public key, or the SHA-256 of a token.
package struct AllowedKey: Sendable, Hashable {
    private static let kind = "skein-peer-1"

    package let role: KeyRole
    package let name: String
    package let bytes: [UInt8]

    package init(role: KeyRole, name: String, bytes: [UInt8]) {
        self.role = role
        self.name = name
        self.bytes = bytes
    }

    /// nil for tokens.
    package var peer: Peer? {
        role.hasToken ? nil : PublicKey(bytes).map { Peer(role: role.rawValue, name: name, key: $0) }
    }

    package init(parsing text: String, from source: String) throws {
        guard let words = KeyLine.words(text), words.count == 4, words[0] == Self.kind,
            let role = KeyRole(rawValue: words[1]), role != .coordinator,
            KeyName.isValid(words[2]) || words[2] == Peer.anyName, let bytes = Hexadecimal.bytes(words[3]),
            bytes.count == PublicKey.size
        else {
            throw KeyError("\(source): this is no line 'skein-peer-1 ROLE NAME KEY'; make it anew: skein keys new NAME")
        }
        self.init(role: role, name: words[2], bytes: bytes)
    }

    package var text: String { "\(Self.kind) \(role.rawValue) \(name) \(Hexadecimal.text(bytes))\n" }
}

enum KeyLine {
    /// Of the one line that is no remark; nil when there are more or none.
    static func words(_ text: String) -> [String]? {
        let lines = text.split(whereSeparator: \.isNewline).filter { line in
            let first = line.first { !$0.isWhitespace }
            return first != nil && first != "#"
        }
        guard lines.count == 1 else { return nil }
        return lines[0].split(whereSeparator: \.isWhitespace).map(String.init)
    }
}
