import ClusterModel

/// Breaks the circle between the coordinator and its endpoint and journal, which begin before it.
final class ReceiverBox: @unchecked Sendable {
    // SAFETY: used on the socket thread alone.
    private var coordinator: Coordinator?
    private var early: [RunEvent] = []

    func join(_ coordinator: Coordinator) {
        self.coordinator = coordinator
        for event in early { tell(event) }
        early = []
    }

    func tell(_ event: RunEvent) {
        guard let coordinator else {
            early.append(event)
            return
        }
        coordinator.assumeIsolated { $0.handle(event) }
    }
}
