/// What a key is for.
package enum KeyRole: String, Sendable, Hashable, CaseIterable {
    /// The server's own: one in each key directory.
    case coordinator
    // Processes of a run; what each may send is in `ClusterModel`'s table of messages.
    case generator, scorer, learner
    // People and programs at the status endpoint, by bearer token.
    /// May read the status and give commands.
    case `operator`
    /// May read the status.
    case reader

    /// Whether its secret is a bearer token, and no Curve key.
    package var hasToken: Bool { self == .operator || self == .reader }

    /// Those that `skein keys new` makes.
    package static let given: [KeyRole] = [.generator, .scorer, .learner, .operator, .reader]
}

/// The name of a key. It is also the name of its files, and begins the name of the processes that have it.
package enum KeyName {
    /// For messages, after "the name of a key has".
    package static let rule = "1 to 60 letters, digits, - or _"

    package static func isValid(_ name: some StringProtocol) -> Bool {
        let letters = name.utf8
        return (1...60).contains(letters.count)
            && letters.allSatisfy { byte in
                (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || byte == UInt8(ascii: "-")
                    || byte == UInt8(ascii: "_")
            } && letters.first != UInt8(ascii: "-")
    }
}
