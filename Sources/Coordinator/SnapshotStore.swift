package import ClusterModel
import Synchronization

/// The newest snapshot, for readers on any thread.
package final class SnapshotStore: Sendable {
    private let value: Mutex<ClusterSnapshot>

    package init(_ snapshot: ClusterSnapshot) { value = Mutex(snapshot) }
    package var current: ClusterSnapshot { value.withLock { $0 } }
    package func set(_ snapshot: ClusterSnapshot) { value.withLock { $0 = snapshot } }
}
