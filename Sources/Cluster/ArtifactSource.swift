import Cryptography
import Transport

/// Where an artifact is served, as manifests name it: `tcp://HOST:PORT`, and behind a `#` the public key of its server.
struct ArtifactSource {
    var address: String
    /// nil: connections to it have no keys.
    var key: PublicKey?

    init(address: String, key: PublicKey?) {
        self.address = address
        self.key = key
    }

    /// - Throws: ``ClusterError`` when there is something else than a key behind the `#`.
    init(_ text: String) throws {
        guard let hash = text.firstIndex(of: "#") else {
            self.init(address: text, key: nil)
            return
        }
        let digits = text[text.index(after: hash)...]
        guard let bytes = Hexadecimal.bytes(String(digits)), let key = PublicKey(bytes) else {
            throw ClusterError(.artifact, "the address of an artifact has a damaged key")
        }
        self.init(address: String(text[..<hash]), key: key)
    }

    var text: String { key.map { "\(address)#\(Hexadecimal.text($0.bytes))" } ?? address }
}
