import Foundation

/// How long it took until a fault was noticed, from the journal and from what the observer saw.
struct Detection {
    /// Seconds from a kill to the process that takes the place of the one that was killed.
    private(set) var restarted: [Double] = []
    /// Seconds from a kill of a worker to the journal's word that it is lost, or of the coordinator to its next start.
    private(set) var noticed: [Double] = []
    /// Seconds from a freeze of a worker to the coordinator's doubt.
    private(set) var doubted: [Double] = []
    /// Freezes that were over before anybody could doubt.
    private(set) var short = 0

    init(_ done: [Nemesis.Done], _ state: Observer.State, _ events: [History.Event], doubtAfter limit: Double) {
        for fault in done {
            let name = fault.fault.target
            switch fault.fault.kind {
            case .kill:
                if let next = state.started.first(where: {
                    $0.name == name && $0.pid != fault.pid && $0.at > fault.moment
                }) {
                    restarted.append((next.at - fault.moment) / .seconds(1))
                }
                let isCoordinator = name == "coordinator"
                let word = events.first { event in
                    event.at >= fault.at
                        && (isCoordinator
                            ? event.kind == "start" : event.kind == "lost" && event.detail.hasPrefix(name + "#"))
                }
                if let word { noticed.append(Double(word.at - fault.at) / 1000) }
            case .freeze where name != "coordinator":
                let doubt = (fault.pid.flatMap { state.doubts[$0] } ?? []).first {
                    $0 > fault.moment && $0 < fault.moment + .seconds(fault.fault.lasts + 1)
                }
                if let doubt {
                    doubted.append((doubt - fault.moment) / .seconds(1))
                } else if fault.fault.lasts < limit {
                    short += 1
                }
            default: continue
            }
        }
    }
}
