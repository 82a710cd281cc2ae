import ClusterModel
import Transport

/// What a peer may say at the coordinator's socket, by the key of its connection. Lives on the socket thread.
///
/// Rules, in this order:
/// 1. its key counts, now and not only at the handshake: a key that is revoked counts for no message more;
/// 2. it speaks under the name of its key;
/// 3. HELLO names the role of its key, so that what it may send later follows from what it said first;
/// 4. its role may send messages of this kind (``ClusterModel/Message/senders``);
/// 5. it does not say HELLO all the time: each costs a WELCOME.
struct Gate {
    /// Why a message is refused.
    struct Objection: Error {
        /// For people and for the status.
        var why: String
        /// nil: it is told nothing.
        var answer: Refusal?
    }

    private struct Allowance {
        var left = Self.burst
        var filled: ContinuousClock.Instant
        static let burst = 20.0
        static let perSecond = 2.0
    }

    /// A flood of names must not fill the memory.
    private static let remembered = 10_000

    /// nil: connections have no keys, so that everybody is believed.
    private let roster: (any Roster)?
    private var allowances: [String: Allowance] = [:]

    init(_ roster: (any Roster)?) { self.roster = roster }

    /// - Parameters:
    ///   - sender: whose key the connection has.
    ///   - id: as whom it speaks.
    mutating func check(
        _ message: Message, from sender: Peer?, as id: WorkerID, at now: ContinuousClock.Instant
    ) throws(Objection) {
        if let roster { try Self.check(message, from: sender, as: id, roster) }
        guard case .hello = message else { return }
        try takeGreeting(id.name, now)
    }

    private static func check(
        _ message: Message, from sender: Peer?, as id: WorkerID, _ roster: any Roster
    ) throws(Objection) {
        guard let sender, roster.admits(sender) else {
            throw Objection(
                why: "its key was revoked",
                answer: Refusal(
                    .key, "the key of \(sender?.name ?? id.name) was revoked; get a new one: skein keys new"))
        }
        guard sender.mayBeCalled(id.name) else {
            throw Objection(
                why: "speaks as \(id.name)",
                answer: Refusal(
                    .key,
                    "the key is that of '\(sender.name)'; call the process so, or '\(sender.name).' and anything more (--name)"
                ))
        }
        if case .hello(let hello) = message, hello.role.rawValue != sender.role {
            throw Objection(
                why: "joins as a \(hello.role.rawValue) with the key of a \(sender.role)",
                answer: Refusal(
                    .role,
                    "the key of '\(sender.name)' is for the role \(sender.role), not for \(hello.role.rawValue); make another one: skein keys new NAME --role \(hello.role.rawValue)"
                ))
        }
        guard message.senders.contains(where: { $0.rawValue == sender.role }) else {
            throw Objection(
                why: "sends what a \(sender.role) may not",
                answer: Refusal(.role, "a \(sender.role) may not send this message"))
        }
    }

    private mutating func takeGreeting(_ name: String, _ now: ContinuousClock.Instant) throws(Objection) {
        if allowances.count >= Self.remembered { allowances.removeAll() }
        var allowance = allowances[name] ?? Allowance(filled: now)
        let seconds = (now - allowance.filled) / .seconds(1)
        allowance.left = min(Allowance.burst, allowance.left + seconds * Allowance.perSecond)
        allowance.filled = now
        defer { allowances[name] = allowance }
        guard allowance.left >= 1 else { throw Objection(why: "says HELLO too often") }
        allowance.left -= 1
    }
}
