import Cryptography
import Foundation
import Testing
import Transport
import ZeroMQ

@testable import Keys

/// Keys on disk: who is let in by them, and which of them are not taken.
@Suite struct KeyFileTests {
    private static func message(_ body: () throws -> Void) -> String {
        do {
            try body()
            return ""
        } catch { return "\(error)" }
    }

    @Test func aKeyThatWasMadeIsReadAndLetsItsHolderIn() throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        let file = try directory.add("gpu1", .generator)
        let key = try ProcessKey(parsing: PrivateFile.read(file), from: file)
        #expect(key.role == .generator && key.name == "gpu1")
        let server = try directory.serverKey()
        #expect(key.server == server.publicKey)
        let ring = try KeyRing([directory])
        #expect(ring.peer(of: key.pair.publicKey) == Peer(role: "generator", name: "gpu1", key: key.pair.publicKey))
        #expect(ring.peer(of: try KeyPair.make().publicKey) == nil)
        // The coordinator's own lets nobody in.
        #expect(ring.peer(of: server.publicKey) == nil)
        // What lets somebody in holds no secret.
        let secret = Hexadecimal.text(key.pair.secretKey.bytes)
        #expect(!(try String(contentsOfFile: place.path + "/keys/gpu1.peer", encoding: .utf8)).contains(secret))
    }

    @Test func filesAreTheUsersAlone() throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        try directory.add("gpu1", .generator)
        try directory.add("phone", .reader)
        for name in ["", "/server.key", "/gpu1.key", "/gpu1.peer", "/phone.token", "/phone.peer"] {
            let mode = try FileManager.default.attributesOfItem(atPath: directory.path + name)[.posixPermissions]
            #expect(mode as? Int == (name.isEmpty ? 0o700 : 0o600), "\(name)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).count == 5)
    }

    @Test(arguments: [0o644, 0o640, 0o660, 0o604]) func aKeyThatOthersCanReadIsRefused(_ mode: Int) throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        let file = try directory.add("gpu1", .generator)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        let said = Self.message { _ = try KeySource.find(file: file, environment: [:]) }
        #expect(said.contains(file) && said.contains("chmod 600 \(file)"), "\(said)")
        let server = directory.keyFile("server")
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: server)
        #expect(Self.message { _ = try directory.serverKey() }.contains("chmod 600"))
    }

    @Test func aDirectoryThatOthersMayEnterIsRefused() throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        try directory.add("gpu1", .generator)
        try FileManager.default.setAttributes([.posixPermissions: 0o750], ofItemAtPath: directory.path)
        #expect(Self.message { _ = try KeyRing([directory]) }.contains("chmod 700 \(directory.path)"))
        #expect(Self.message { _ = try directory.serverKey() }.contains("chmod 700"))
        #expect(Self.message { _ = try KeyRing([KeyDirectory(place.path + "/no")]) }.contains("skein keys new"))
    }

    @Test func aLineThatOthersCanWriteLetsNobodyIn() throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        try directory.add("gpu1", .generator)
        try FileManager.default.setAttributes([.posixPermissions: 0o622], ofItemAtPath: directory.path + "/gpu1.peer")
        let ring = try KeyRing([directory])
        #expect(ring.peers.isEmpty && ring.problems.count == 1, "\(ring.problems)")
    }

    @Test func aKeyIsFoundWhereItIsHandedOver() throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        let (file, other) = (try directory.add("gpu1", .generator), try directory.add("gpu2", .scorer))
        func found(_ option: String?, _ environment: [String: String]) throws -> String? {
            try KeySource.find(file: option, environment: environment)?.name
        }
        #expect(try found(nil, [:]) == nil)
        #expect(try found(file, [:]) == "gpu1")
        #expect(try found(nil, ["SKEIN_KEY_FILE": file]) == "gpu1")
        #expect(try found(other, ["SKEIN_KEY_FILE": file]) == "gpu2")
        let text = try String(contentsOfFile: file, encoding: .utf8)
        #expect(try found(nil, ["SKEIN_KEY": text]) == "gpu1")
        let line = text.split(separator: "\n").last.map(String.init)
        #expect(try found(nil, ["SKEIN_KEY": try #require(line)]) == "gpu1")
        // systemd names a directory to every service that has credentials, of whatever kind.
        #expect(try found(nil, ["CREDENTIALS_DIRECTORY": place.path]) == nil)
        _ = try place.write("skein.key", text)
        #expect(try found(nil, ["CREDENTIALS_DIRECTORY": place.path]) == "gpu1")
        _ = try place.write("skein.key", text, mode: 0o444)
        #expect(throws: KeyError.self) { try found(nil, ["CREDENTIALS_DIRECTORY": place.path]) }
        #expect(throws: KeyError.self) { try found(place.path + "/none", [:]) }
    }

    @Test func whatIsNoKeyIsRefusedWithoutItsText() throws {
        let place = try Place()
        let secret = String(repeating: "5a", count: 32)
        let bad = [
            "", "\n\n", "# only words\n", "skein-key-1", "skein-key-2 generator g \(secret) \(secret)",
            "skein-key-1 king g \(secret) \(secret)", "skein-key-1 generator g \(secret)5 \(secret)",
            "skein-key-1 generator g \(secret) zz", "skein-key-1 generator .. \(secret) \(secret)",
            "skein-key-1 reader g \(secret) \(secret)", "skein-key-1 generator g \(secret) \(secret) more",
            "skein-key-1 generator g \(secret) \(secret)\nskein-key-1 generator h \(secret) \(secret)",
            String(repeating: "x", count: 10_000), "\u{0}\u{1}\u{FFFD}",
        ]
        for text in bad {
            let file = try place.write("bad.key", text)
            let said = Self.message { _ = try KeySource.find(file: file, environment: [:]) }
            #expect(said.contains("bad.key") && !said.contains("5a5a"), "\(text.prefix(60)): \(said)")
        }
    }

    @Test func namesThatAreNoFilesAreRefused() throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        for name in ["", "..", "a/b", "a.b", "a b", "server", "-a", "ä", String(repeating: "x", count: 61), "a\n"] {
            #expect(throws: KeyError.self, "\(name)") { try directory.add(name, .generator) }
        }
        try directory.add("a-B_9", .generator)
        #expect(Self.message { try directory.add("a-B_9", .scorer) }.contains("skein keys revoke a-B_9"))
        #expect(Self.message { try directory.revoke("b") }.contains("there are: a-B_9"))
    }

    /// `pool` is not `pool.1`, but processes that share its key may be called so; nobody else may.
    @Test func aNameIsItsOwn() throws {
        let key = try KeyPair.make().publicKey
        let pool = Peer(role: "generator", name: "pool", key: key)
        for name in ["pool", "pool.1", "pool.node-7.gpu0"] { #expect(pool.mayBeCalled(name), "\(name)") }
        for name in ["pool1", "poo", "pool/1", "Pool", "", ".pool", "*"] { #expect(!pool.mayBeCalled(name), "\(name)") }
        #expect(Peer(role: "generator", name: Peer.anyName, key: key).mayBeCalled("anything"))
        // Nobody can be given the name of another's process.
        #expect(!KeyName.isValid("pool.1"))
    }

    @Test func aChangeIsSeenAndAKeyThatIsMadeAnewIsAnother() throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        let file = try directory.add("gpu1", .generator)
        let first = try ProcessKey(parsing: PrivateFile.read(file), from: file).pair.publicKey
        let ring = try KeyRing([directory])
        #expect(ring.refresh() == nil)
        let peer = try #require(ring.peer(of: first))
        try directory.revoke("gpu1")
        // Not before somebody looks, and then at once.
        #expect(ring.admits(peer))
        #expect(ring.refresh()?.revoked == [first])
        #expect(!ring.admits(peer) && !FileManager.default.fileExists(atPath: file))
        try directory.add("gpu1", .generator)
        #expect(ring.refresh()?.added.map(\.name) == ["gpu1"])
        #expect(!ring.admits(peer))
        // Another role under the same key is another peer.
        let text = try String(contentsOfFile: directory.path + "/gpu1.peer", encoding: .utf8)
        let now = try #require(ring.peers.first)
        _ = try Data(text.replacing("generator", with: "learner").utf8).write(
            to: URL(filePath: directory.path + "/gpu1.peer"))
        #expect(ring.refresh()?.revoked == [now.key] && !ring.admits(now))
        // Whose directory cannot be read any more lets nobody in.
        try FileManager.default.removeItem(atPath: directory.path)
        #expect(ring.refresh()?.problems.isEmpty == false)
        #expect(ring.peers.isEmpty)
    }

    @Test func tokensAreKnownByTheirHashes() throws {
        let place = try Place()
        let directory = KeyDirectory(place.path + "/keys")
        func token(_ name: String, _ role: KeyRole) throws -> String {
            try PrivateFile.read(directory.add(name, role)).trimmingCharacters(in: .whitespacesAndNewlines)
        }
        let (reader, chief) = (try token("phone", .reader), try token("chief", .operator))
        let ring = try KeyRing([directory])
        #expect(ring.role(ofToken: reader) == .reader && ring.role(ofToken: chief) == .operator)
        for other in ["", reader + "0", String(reader.dropLast()), chief.uppercased()] {
            #expect(ring.role(ofToken: other) == nil, "\(other.count)")
        }
        // Tokens are of no use at a socket.
        #expect(ring.peers.isEmpty)
        let kept = try String(contentsOfFile: directory.path + "/phone.peer", encoding: .utf8)
        #expect(!kept.contains(reader))
        try directory.revoke("phone")
        ring.refresh()
        #expect(ring.role(ofToken: reader) == nil && ring.role(ofToken: chief) == .operator)
    }

    @Test func aRunsOwnKeysAreKeptAndFollowTheServers() throws {
        let place = try Place()
        let (own, users) = (KeyDirectory(place.path + "/own"), KeyDirectory(place.path + "/users"))
        try own.prepare()
        func key(_ role: String) throws -> ProcessKey {
            let file = own.keyFile(role)
            return try ProcessKey(parsing: PrivateFile.read(file), from: file)
        }
        let first = try key("generator")
        #expect(first.allows(name: "generator-7") && first.name == Peer.anyName)
        try own.prepare()
        #expect(try key("generator").pair.publicKey == first.pair.publicKey)
        try users.add("gpu1", .generator)
        let server = try users.serverKey()
        try own.prepare(server: server)
        #expect(try own.serverKey().publicKey == server.publicKey)
        #expect(try key("learner").server == server.publicKey)
        let ring = try KeyRing([own, users])
        #expect(ring.peers.map(\.role).sorted() == ["generator", "generator", "learner", "scorer"])
        #expect(ring.peer(of: first.pair.publicKey) == nil)
    }
}
