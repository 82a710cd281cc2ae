import CZeroMQ
package import Transport

extension KeyPair {
    private static let textSize = 41

    /// A new pair, from libzmq.
    package static func make() throws -> KeyPair {
        var publicText = [CChar](repeating: 0, count: textSize)
        var secretText = publicText
        guard zmq_curve_keypair(&publicText, &secretText) == 0 else {
            throw TransportError(number: zmq_errno(), "cannot make a key: this libzmq has no CURVE")
        }
        guard let publicKey = PublicKey(decode(publicText)), let secretKey = SecretKey(decode(secretText)) else {
            throw TransportError(.other(0), "libzmq made no key")
        }
        return KeyPair(publicKey: publicKey, secretKey: secretKey)
    }

    /// The pair of a secret.
    package init(_ secretKey: SecretKey) throws {
        var secretText = [CChar](repeating: 0, count: Self.textSize)
        var publicText = secretText
        guard zmq_z85_encode(&secretText, secretKey.bytes, secretKey.bytes.count) != nil,
            zmq_curve_public(&publicText, secretText) == 0, let publicKey = PublicKey(Self.decode(publicText))
        else { throw TransportError(number: zmq_errno(), "the key is not valid, or this libzmq has no CURVE") }
        self.init(publicKey: publicKey, secretKey: secretKey)
    }

    private static func decode(_ text: [CChar]) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: PublicKey.size)
        return zmq_z85_decode(&bytes, text) == nil ? [] : bytes
    }
}

/// What the libzmq that is loaded can do.
package enum Curve {
    package static var isAvailable: Bool { zmq_has("curve") == 1 }
}
