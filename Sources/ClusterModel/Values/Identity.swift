/// What a process is for in the cluster.
package enum Role: String, Codable, Sendable, Hashable, CaseIterable { case generator, scorer, learner }

/// One process of the cluster: a logical name that survives restarts, and an incarnation that does not.
package struct WorkerID: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let name: String
    package let incarnation: UInt64

    package init(name: String, incarnation: UInt64) {
        self.name = name
        self.incarnation = incarnation
    }

    /// The ZeroMQ routing id: `name#` and the incarnation as 16 hexadecimal digits. Never used again by another process.
    package var routingID: String {
        let digits = String(incarnation, radix: 16)
        return "\(name)#\(String(repeating: "0", count: 16 - digits.count))\(digits)"
    }

    /// The inverse of ``routingID``; nil when the text is not one.
    package init?(routingID: String) {
        guard let hash = routingID.lastIndex(of: "#") else { return nil }
        let digits = routingID[routingID.index(after: hash)...]
        guard digits.utf8.count == 16, let value = UInt64(digits, radix: 16), hash != routingID.startIndex else {
            return nil
        }
        self.init(name: String(routingID[..<hash]), incarnation: value)
    }

    package var description: String { routingID }

    package static func < (a: WorkerID, b: WorkerID) -> Bool { (a.name, a.incarnation) < (b.name, b.incarnation) }
}

/// What a worker can compute. A foreign reward worker may name one reward and nothing else.
package struct Capabilities: Sendable, Hashable {
    package var kinds: Set<JobKind>
    /// Reference log-probabilities.
    package var reference: Bool
    /// Names of the rewards this worker can compute.
    package var rewards: Set<String>

    /// Stands for every reward of the run that is computed by Skein itself: a built-in scorer learns their names at WELCOME.
    package static let builtInRewards = "*"

    package init(kinds: Set<JobKind> = [], reference: Bool = false, rewards: Set<String> = []) {
        self.kinds = kinds
        self.reference = reference
        self.rewards = rewards
    }
}

/// A version of the policy: number n is the policy after n steps of the learner, 0 the start. The epoch is the
/// coordinator's, so that a restarted publisher cannot look older than what workers hold.
package struct PolicyVersion: Sendable, Hashable, Comparable, Codable, CustomStringConvertible {
    package let epoch: UInt64
    package let number: Int

    package init(epoch: UInt64, number: Int) {
        self.epoch = epoch
        self.number = number
    }

    package static func < (a: PolicyVersion, b: PolicyVersion) -> Bool { (a.epoch, a.number) < (b.epoch, b.number) }

    package var description: String { "\(epoch).\(number)" }
}
