import Cryptography
import Foundation
package import Transport
import ZeroMQ

/// A directory of keys: who the coordinator is, and who may connect to it.
///
///     server.key   the coordinator's secret and public key
///     NAME.peer    somebody who is allowed: role, name and public key, or the hash of a token
///     NAME.key     what that somebody needs: to be copied to its machine, where it is secret; the coordinator does not read it
///     NAME.token   the same for operators and readers of the status endpoint
///
/// Flat, so that a Kubernetes secret is mounted as one. Whoever may write into it decides who is let in.
package struct KeyDirectory: Sendable {
    private static let server = "server"
    private static let keyEnding = ".key"
    private static let peerEnding = ".peer"
    private static let tokenEnding = ".token"
    /// More than a run has workers; all of them fit into a message to the learner.
    package static let mostPeers = 4000

    package let path: String

    package init(_ path: String) { self.path = path }

    /// Whether the environment names one.
    package static var isNamed: Bool { !(ProcessInfo.processInfo.environment["SKEIN_KEYS"] ?? "").isEmpty }

    /// `SKEIN_KEYS`, else `~/.config/skein/keys`.
    package static var standard: KeyDirectory {
        let environment = ProcessInfo.processInfo.environment
        if let path = environment["SKEIN_KEYS"], !path.isEmpty { return KeyDirectory(path) }
        let base =
            environment["XDG_CONFIG_HOME"].flatMap { $0.isEmpty ? nil : $0 }
            ?? FileManager.default.homeDirectoryForCurrentUser.appending(path: ".config").path
        return KeyDirectory("\(base)/skein/keys")
    }

    package func keyFile(_ name: String) -> String { "\(path)/\(name)\(Self.keyEnding)" }
    private func peerFile(_ name: String) -> String { "\(path)/\(name)\(Self.peerEnding)" }
    package func tokenFile(_ name: String) -> String { "\(path)/\(name)\(Self.tokenEnding)" }

    /// Whether there is a coordinator's key.
    package var hasServer: Bool { FileManager.default.fileExists(atPath: keyFile(Self.server)) }

    package func check() throws { try PrivateFile.checkDirectory(path) }

    /// The coordinator's own.
    package func serverKey() throws -> KeyPair {
        try check()
        let file = keyFile(Self.server)
        let key = try ProcessKey(parsing: PrivateFile.read(file), from: file)
        guard key.role == .coordinator else { throw KeyError("\(file): this is the key of a \(key.role.rawValue)") }
        return key.pair
    }

    /// The coordinator's own; made if there is none.
    package func makeServerKey() throws -> KeyPair {
        try PrivateFile.makeDirectory(path)
        if !hasServer {
            let pair = try KeyPair.make()
            let key = ProcessKey(role: .coordinator, name: Self.server, pair: pair, server: pair.publicKey)
            do {
                try PrivateFile.write(key.text, to: keyFile(Self.server))
            } catch {
                // Another command was first.
                guard hasServer else { throw error }
            }
        }
        return try serverKey()
    }

    /// Makes a key for a process and lets it in.
    ///
    /// - Parameters:
    ///   - name: also that of its files.
    ///   - calledAnything: the key is not for processes of this name but for any of its role.
    /// - Returns: the file that the process needs.
    @discardableResult
    package func add(_ name: String, _ role: KeyRole, calledAnything: Bool = false) throws -> String {
        guard KeyName.isValid(name), name != Self.server else {
            throw KeyError("'\(name.prefix(80))': the name of a key has \(KeyName.rule), and is not '\(Self.server)'")
        }
        let server = try makeServerKey()
        guard !FileManager.default.fileExists(atPath: peerFile(name)) else {
            throw KeyError("'\(name)' has a key already; take another name, or first call: skein keys revoke \(name)")
        }
        if role.hasToken {
            let token = Hexadecimal.text(Secrets.randomBytes(32))
            try PrivateFile.write(token + "\n", to: tokenFile(name), replaces: true)
            try PrivateFile.write(
                AllowedKey(role: role, name: name, bytes: AccessTokens.hash(token)).text, to: peerFile(name))
            return tokenFile(name)
        }
        let pair = try KeyPair.make()
        let called = calledAnything ? Peer.anyName : name
        let key = ProcessKey(role: role, name: called, pair: pair, server: server.publicKey)
        // The secret first: who is let in has it then.
        try PrivateFile.write(key.text, to: keyFile(name), replaces: true)
        try PrivateFile.write(
            AllowedKey(role: role, name: called, bytes: pair.publicKey.bytes).text, to: peerFile(name))
        return keyFile(name)
    }

    /// Lets somebody in no more. A live coordinator notices within a second.
    package func revoke(_ name: String) throws {
        try check()
        guard KeyName.isValid(name), FileManager.default.fileExists(atPath: peerFile(name)) else {
            let names = try allowed().keys.map(\.name).sorted().joined(separator: ", ")
            throw KeyError("no key is called '\(name.prefix(80))'; there are: \(names.isEmpty ? "none" : names)")
        }
        guard unlink(peerFile(name)) == 0 else {
            throw KeyError("cannot remove \(peerFile(name)): \(String(cString: strerror(errno)))")
        }
        unlink(keyFile(name))
        unlink(tokenFile(name))
    }

    /// Everybody who is allowed, and what is wrong with files that say nothing of use: those let nobody in.
    package func allowed() throws -> (keys: [AllowedKey], problems: [String]) {
        try check()
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: path)
        } catch {
            throw KeyError("cannot read the key directory \(path): \(error.localizedDescription)")
        }
        var keys: [AllowedKey] = []
        var problems: [String] = []
        for file in names.sorted() where file.hasSuffix(Self.peerEnding) && !file.hasPrefix(".") {
            do {
                let key = try AllowedKey(
                    parsing: Self.text("\(path)/\(file)"), from: "\(path)/\(file)")
                if keys.contains(where: { $0.bytes == key.bytes }) {
                    throw KeyError("\(path)/\(file): another file has the same key")
                }
                guard keys.count < Self.mostPeers else {
                    throw KeyError(
                        "\(path)/\(file): more than \(Self.mostPeers) keys; let processes share one: NAME.1, NAME.2")
                }
                keys.append(key)
            } catch {
                problems.append("\(error)")
            }
        }
        return (keys, problems)
    }

    /// It holds no secret, but whoever may write it decides who is let in.
    private static func text(_ path: String) throws -> String {
        var info = stat()
        guard stat(path, &info) == 0 else { throw KeyError("cannot read \(path): \(String(cString: strerror(errno)))") }
        guard info.st_mode & 0o022 == 0, info.st_uid == geteuid() || info.st_uid == 0, info.st_size <= 4096 else {
            throw KeyError("\(path): others can write it; call: chmod 600 \(path)")
        }
        guard let data = FileManager.default.contents(atPath: path) else { throw KeyError("cannot read \(path)") }
        return String(decoding: data, as: UTF8.self)
    }
}
