import Cryptography
import Synchronization
package import Transport

/// Who may connect to a coordinator, and read and command it: the union of some key directories, read again when they change.
///
/// Fails closed: what cannot be read lets nobody in. Used from any thread.
package final class KeyRing: Roster {
    /// What another look at the directories has brought.
    package struct Change: Sendable {
        /// Keys that do not count any more, or count for something else.
        package var revoked: Set<PublicKey>
        package var added: [Peer]
        /// Of files that let nobody in.
        package var problems: [String]
    }

    private struct State {
        var allowed: [AllowedKey] = []
        var peers: [PublicKey: Peer] = [:]
        var problems: [String] = []
    }

    private let directories: [KeyDirectory]
    private let state = Mutex(State())
    package let refusals: RefusalLog

    /// - Parameter directories: in each, a key is for what the first file that has it says.
    /// - Throws: ``KeyError`` when one of them cannot be used.
    package init(_ directories: [KeyDirectory], refusals: RefusalLog = RefusalLog()) throws {
        self.directories = directories
        self.refusals = refusals
        for directory in directories { try directory.check() }
        refresh()
    }

    package func peer(of key: PublicKey) -> Peer? { state.withLock { $0.peers[key] } }

    package func refused(_ key: PublicKey?, from address: String, why: String) {
        refusals.note(address, "\(why)\(key.map { " \($0)" } ?? "")")
    }

    package var peers: [Peer] { state.withLock { $0.allowed.compactMap(\.peer) } }
    package var problems: [String] { state.withLock { $0.problems } }

    /// Whose bearer token this is; nil: nobody's. The time does not depend on how much of it is right.
    package func role(ofToken token: String) -> KeyRole? {
        let hash = AccessTokens.hash(token)
        return state.withLock { state in
            var found: KeyRole?
            for key in state.allowed where key.role.hasToken && Secrets.areEqual(key.bytes, hash) { found = key.role }
            return found
        }
    }

    /// Reads the directories again.
    ///
    /// - Returns: nil when nothing has changed.
    @discardableResult
    package func refresh() -> Change? {
        var next = State()
        for directory in directories {
            do {
                let (keys, problems) = try directory.allowed()
                for key in keys where !next.allowed.contains(where: { $0.bytes == key.bytes }) {
                    next.allowed.append(key)
                }
                next.problems += problems
            } catch {
                next.problems.append("\(error); until then nobody of it is let in")
            }
        }
        next.allowed = Array(next.allowed.prefix(KeyDirectory.mostPeers))
        for peer in next.allowed.compactMap(\.peer) { next.peers[peer.key] = peer }
        return state.withLock { [next] state in
            guard next.allowed != state.allowed || next.problems != state.problems else { return nil }
            let change = Change(
                revoked: Set(state.peers.filter { next.peers[$0.key] != $0.value }.keys),
                added: next.peers.values.filter { state.peers[$0.key] != $0 }, problems: next.problems)
            state = next
            return change
        }
    }
}
