import Cluster
package import ClusterModel
package import Transport

/// What the operator, the supervisor and the watch over keys want of a run.
extension Coordinator {
    /// False when no generator or scorer here is called so.
    package func drain(_ name: String) -> Bool {
        let isKnown = machine.canDrain(name)
        handle(.wish(.drain(name)))
        return isKnown
    }

    package func scale(_ wishes: [Role: Int]) { handle(.wish(.scale(wishes))) }
    package func pause(_ paused: Bool) { handle(.wish(.pause(paused))) }
    /// The process of a worker has ended without a word; false when nobody here is called so.
    package func lose(_ name: String, pid: Int, byItself: Bool) -> Bool {
        let isKnown = machine.knows(name)
        handle(.wish(.lost(name, pid: pid, byItself: byItself)))
        return isKnown
    }
    package func requestStop() { handle(.wish(.stop)) }

    /// Other keys count from now on. Whoever came by one of those that do not is lost at once, and its jobs are free.
    package func change(keys: [PeerKey], revoked: Set<PublicKey>) {
        handle(.keys(keys))
        let lost = endpoint.holders(of: revoked)
        if !lost.isEmpty { handle(.revoked(lost)) }
    }
}
