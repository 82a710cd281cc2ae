import ClusterModel
import Metrics
import Synchronization

/// What a worker counts of its own work; read by whoever has set up a backend of swift-metrics, else by nobody.
final class WorkerMetrics: Sendable {
    private enum Outcome: String, CaseIterable { case done, failed, cancelled }

    private struct Watch {
        var isBusy = false
        /// Everything before is counted.
        var counted = ContinuousClock.now
    }

    private let watch = Mutex(Watch())
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

    /// Counts what has passed of a job or of a wait that still lasts; from any thread.
    func passTime() { count { _ in } }

    /// A job begins.
    func began() { count { $0 = true } }

    /// Counts the time since the last call, then changes what the time from now on is.
    private func count(_ change: (inout Bool) -> Void) {
        let (time, wasBusy) = watch.withLock { watch in
            let (now, wasBusy) = (ContinuousClock.now, watch.isBusy)
            let time = now - watch.counted
            watch.counted = now
            change(&watch.isBusy)
            return (time, wasBusy)
        }
        (wasBusy ? busy : waiting).increment(by: time / .seconds(1))
    }

    /// - Parameter outcome: nil when the job was called back.
    func ended(_ kind: JobKind, _ outcome: JobOutcome?) {
        count { $0 = false }
        let what: Outcome =
            switch outcome {
            case nil: .cancelled
            case .failed: .failed
            case .some: .done
            }
        jobs[kind]?[what]?.increment()
    }
}
