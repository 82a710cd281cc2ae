import Console
import Logging
import Metrics
import MetricsServer
import ServiceLifecycle

/// `GET /metrics` beside a role.
struct MetricsService: Service {
    let server: MetricsServer
    let logger: Logger

    /// Makes everything that is counted in this process from now on readable at `address`.
    ///
    /// - Parameter address: `host:port` of this machine.
    init(at address: String, role: String, logger: Logger) throws {
        guard let place = LocalAddress(address) else {
            throw CommandError(
                .configuration,
                "--metrics: \(address): without encryption metrics are served on 127.0.0.1 only; give 127.0.0.1:PORT")
        }
        let registry = MetricsRegistry(WorkerMetricNames.all)
        MetricsSystem.bootstrap(registry)
        Meter(label: "skein_build_info", dimensions: [("role", role), ("version", Build.version)]).set(1)
        server = MetricsServer(at: place, registry: registry, logger: logger)
        self.logger = logger
    }

    func run() async throws {
        do {
            try await server.run { port in
                logger.notice("metrics", metadata: ["address": "http://\(server.address.at(port: port))/metrics"])
            }
        } catch {
            throw CommandError(
                .tryAgain, "cannot serve metrics at \(server.address): \(error); give --metrics another port")
        }
    }
}

/// What generators, scorers and the learner count, with the words for people. Counted where it happens: in `Cluster`,
/// `Generator` and `Learner`.
enum WorkerMetricNames {
    static let all: [MetricsRegistry.Description] = [
        .init("skein_build_info", .gauge, "Version and role of this process."),
        .init("skein_jobs_completed_total", .counter, "Jobs that this worker ended, by outcome."),
        .init("skein_worker_seconds_total", .counter, "Seconds that this worker spent on jobs and without one."),
        .init("skein_tokens_generated_total", .counter, "Tokens that this worker sampled."),
        .init("skein_weight_version", .gauge, "Policy version that this worker holds."),
        .init("skein_weight_bytes_total", .counter, "Bytes of weights and other artifacts over the wire."),
        .init("skein_weight_retransmits_total", .counter, "Chunks of weights that were asked for again."),
        .init("skein_learner_step", .gauge, "Committed steps."),
        .init("skein_learner_step_seconds", .gauge, "Seconds of each phase of the last step."),
        .init(
            "skein_learner_last_step_timestamp_seconds", .gauge, "When the last step was committed, since 1970."),
    ]
}
