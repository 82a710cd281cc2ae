package import ClusterModel
import Synchronization
package import Transport

/// Whom the learner's artifact server admits: those that the coordinator names. Nobody before it has.
///
/// Owned by the learner's process; asked on the socket thread, told by the learner's role.
package final class AnnouncedPeers: Roster {
    private let peers = Mutex<[PublicKey: Peer]>([:])
    package let refusals = RefusalLog()

    package init() {}

    package func peer(of key: PublicKey) -> Peer? { peers.withLock { $0[key] } }

    package func refused(_ key: PublicKey?, from address: String, why: String) { refusals.note(address, why) }

    /// - Parameter list: everybody; who is not in it any more gets nothing from here on.
    package func set(_ list: [PeerKey]) {
        var known: [PublicKey: Peer] = [:]
        for item in list {
            guard let key = PublicKey(Array(item.key)) else { continue }
            known[key] = Peer(role: item.role, name: item.name, key: key)
        }
        peers.withLock { [known] in $0 = known }
    }
}
