import Foundation
package import Transport

extension KeyDirectory {
    /// Roles of processes that a run starts by itself.
    private static let own: [KeyRole] = [.learner, .generator, .scorer]

    /// Makes this the directory of a run's own keys: the coordinator's, and one for each role of its own processes, which
    /// may be called anything. What fits already is kept, so that processes that outlive a restart are known after it.
    ///
    /// - Parameter server: the coordinator's key, where it has one already.
    package func prepare(server: KeyPair? = nil) throws {
        try PrivateFile.makeDirectory(path)
        if let server, (try? serverKey())?.publicKey != server.publicKey {
            let key = ProcessKey(role: .coordinator, name: "server", pair: server, server: server.publicKey)
            try PrivateFile.write(key.text, to: keyFile("server"), replaces: true)
        }
        let pair = try makeServerKey()
        let known = try allowed().keys
        for role in Self.own {
            let file = keyFile(role.rawValue)
            // One that cannot be read says why: somebody may have changed its mode.
            if FileManager.default.fileExists(atPath: file) {
                let key = try ProcessKey(parsing: PrivateFile.read(file), from: file)
                let isAllowed = known.contains { $0.bytes == key.pair.publicKey.bytes && $0.role == role }
                if key.server == pair.publicKey, key.role == role, isAllowed { continue }
            }
            unlink("\(path)/\(role.rawValue).peer")
            try add(role.rawValue, role, calledAnything: true)
        }
    }
}
