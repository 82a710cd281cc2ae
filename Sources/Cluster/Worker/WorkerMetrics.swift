import ClusterModel
import Metrics

/// What a worker counts of its own work; read by whoever has set up a backend of swift-metrics, else by nobody.
struct WorkerMetrics: Sendable {
    private enum Outcome: String, CaseIterable { case done, failed, cancelled }

    private let jobs: [JobKind: [Outcome: Counter]]
    private let busy = FloatingPointCounter(label: "skein_worker_seconds_total", dimensions: [("state", "busy")])
    private let waiting = FloatingPointCounter(label: "skein_worker_seconds_total", dimensions: [("state", "waiting")])

    /// - Parameter kinds: the jobs that the worker can do; their counters begin at 0.
    init(_ kinds: Set<JobKind>) {
        jobs = Dictionary(
            uniqueKeysWithValues: kinds.map { kind in
                let counters = Outcome.allCases.map { outcome in
                    let labels = [("kind", kind.rawValue), ("outcome", outcome.rawValue)]
                    return (outcome, Counter(label: "skein_jobs_completed_total", dimensions: labels))
                }
                return (kind, Dictionary(uniqueKeysWithValues: counters))
            })
    }

    func waited(_ time: Duration) { waiting.increment(by: time / .seconds(1)) }

    /// - Parameter outcome: nil when the job was called back.
    func ended(_ kind: JobKind, _ outcome: JobOutcome?, after time: Duration) {
        busy.increment(by: time / .seconds(1))
        let what: Outcome =
            switch outcome {
            case nil: .cancelled
            case .failed: .failed
            case .some: .done
            }
        jobs[kind]?[what]?.increment()
    }
}
