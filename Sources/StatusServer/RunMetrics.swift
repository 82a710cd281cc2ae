import ClusterModel
import MetricsServer

/// The snapshot as Prometheus text 0.0.4. Labels are bounded: kinds, roles and states, never a worker or a job.
enum RunMetrics {
    static func render(_ snapshot: ClusterSnapshot) -> String {
        var text = Exposition()
        text.metric(
            "skein_build_info", .gauge, "Version and role of this process.",
            [(["role": "coordinator", "version": "0.1.0"], 1)])
        text.metric(
            "skein_run_epoch", .gauge, "When the coordinator was last started, in seconds since 1970.",
            [([:], Double(snapshot.epoch))])
        jobs(snapshot, &text)
        workers(snapshot, &text)
        learner(snapshot, &text)
        let counters = snapshot.counters
        text.metric(
            "skein_transport_bytes_total", .counter, "Bytes over the coordinator's socket.",
            [
                (["channel": "work", "direction": "in"], Double(counters.receivedBytes)),
                (["channel": "work", "direction": "out"], Double(counters.sentBytes)),
            ])
        text.metric(
            "skein_results_rejected_total", .counter, "Messages that were not accepted.",
            [
                (["reason": "malformed"], Double(counters.malformed)), (["reason": "muted"], Double(counters.muted)),
                (["reason": "refused"], Double(counters.refused)), (["reason": "damaged"], Double(counters.damaged)),
            ])
        text.metric(
            "skein_handshake_failures_total", .counter, "Connections that did not come about: an unknown key, or none.",
            [([:], Double(counters.failedHandshakes))])
        text.metric(
            "skein_tokens_generated_total", .counter, "Tokens of accepted answers.",
            [([:], Double(counters.tokensGeneratedTotal))])
        text.metric(
            "skein_journal_commits_total", .counter, "Transactions of the journal.",
            [([:], Double(counters.journalCommits))])
        text.metric(
            "skein_journal_commit_seconds_total", .counter, "Time spent in them.",
            [([:], counters.journalCommitSeconds)])
        text.metric("skein_journal_bytes", .gauge, "Size of the journal.", [([:], Double(counters.journalBytes))])
        ProcessMetrics.write(to: &text)
        return text.body
    }

    private static func jobs(_ snapshot: ClusterSnapshot, _ text: inout Exposition) {
        let queues = snapshot.queue.sorted { $0.key < $1.key }
        func rows(_ label: String, _ values: [(String, (ClusterSnapshot.Queue) -> Int)]) -> [Exposition.Row] {
            queues.flatMap { kind, queue in values.map { (["kind": kind, label: $0.0], Double($0.1(queue))) } }
        }
        text.metric(
            "skein_jobs", .gauge, "Jobs of the open steps.",
            rows("state", [("pending", \.pending), ("leased", \.leased), ("retrying", \.retrying)]))
        text.metric(
            "skein_jobs_completed_total", .counter, "Results by outcome.",
            rows(
                "outcome",
                [
                    ("done", \.doneTotal), ("failed", \.failedTotal), ("duplicate", \.duplicatesTotal),
                    ("stale", \.staleTotal),
                ]))
        text.metric(
            "skein_job_retries_total", .counter, "Jobs that were put back.",
            queues.map { (["kind": $0.key], Double($0.value.retriesTotal)) })
        text.metric(
            "skein_lease_expirations_total", .counter, "Leases that ran out.",
            queues.map { (["kind": $0.key], Double($0.value.leaseExpirationsTotal)) })
    }

    private static func workers(_ snapshot: ClusterSnapshot, _ text: inout Exposition) {
        let roles = snapshot.workers.sorted { $0.key < $1.key }
        text.metric(
            "skein_workers", .gauge, "Workers by role and state.",
            roles.flatMap { role, counts in
                [
                    ("desired", counts.desired), ("ready", counts.ready), ("busy", counts.busy),
                    ("draining", counts.draining), ("suspect", counts.suspect),
                ].map { (["role": role, "state": $0.0], Double($0.1)) }
            })
        text.metric(
            "skein_worker_disconnects_total", .counter, "Workers that were lost.",
            roles.map { (["role": $0.key, "cause": "lost"], Double($0.value.lostTotal)) })
    }

    private static func learner(_ snapshot: ClusterSnapshot, _ text: inout Exposition) {
        let learner = snapshot.learner
        text.metric("skein_learner_step", .gauge, "Committed steps.", [([:], Double(learner.step))])
        text.metric(
            "skein_weight_version", .gauge, "Newest published policy version.", [([:], Double(learner.version))])
        if let time = learner.lastStepMs {
            text.metric(
                "skein_learner_last_step_timestamp_seconds", .gauge, "When the last step was committed.",
                [([:], Double(time) / 1000)])
        }
        let named = [
            ("skein_ppo_kl_nats", "actor/ppo_kl", "Approximate KL of the update."),
            ("skein_ppo_clip_fraction", "actor/pg_clipfrac", "Share of clipped ratios."),
            ("skein_ppo_entropy_nats", "actor/entropy", "Entropy of the policy."),
            ("skein_reward_mean", "critic/score/mean", "Mean reward of the step."),
        ]
        for (name, key, help) in named {
            if let value = learner.metrics[key] { text.metric(name, .gauge, help, [([:], value)]) }
        }
        let phases = learner.metrics.filter { $0.key.hasPrefix("timing_s/") }.sorted { $0.key < $1.key }
        if !phases.isEmpty {
            text.metric(
                "skein_learner_step_seconds", .gauge, "Seconds of each phase of the last step.",
                phases.map { (["phase": String($0.key.dropFirst(9))], $0.value) })
        }
    }
}
