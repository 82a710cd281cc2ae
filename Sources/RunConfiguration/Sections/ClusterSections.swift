import ClusterModel

/// What becomes of a run when a job takes worker after worker with it.
package enum OnPoison: String, Sendable, CaseIterable, ChoiceValue { case end, skip }

/// The coordinator: where it listens and how patient it is.
package struct CoordinatorSection: ConfigurationSection, Equatable {
    package var bind = "tcp://127.0.0.1:0"
    package var status = "127.0.0.1:8265"
    package var lease = 30.0
    package var grace = 120.0
    package var retries = 5
    package var onPoison = OnPoison.end

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("bind", &bind, .address, "Where workers connect: tcp://HOST:PORT (port 0: any) or ipc://PATH.")
        keys.value("status", &status, .hostAndPort, "host:port of the status endpoint (port 0: any).")
        keys.value(
            "lease_s", &lease, .within(2...86400),
            "Seconds without progress after which a job goes to another worker.")
        keys.value("grace_s", &grace, .within(0...86400), "Seconds more for a worker's first, long load.")
        keys.value("retries", &retries, .within(0...1000), "Attempts after the first before the run gives a job up.")
        keys.value(
            "on_poison", &onPoison,
            "A job that three workers in turn did not survive ends the run, or is skipped: its step learns from the others."
        )
    }
}

/// Whom a run waits for before its first job, and for how long.
package struct StartSection: ConfigurationSection, Equatable {
    package var workers = 0
    /// Seconds; nil: `coordinator.grace_s`.
    package var timeout: Double?

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value(
            "workers", &workers, .within(WorkersSection.counts),
            "Generators and scorers that must be here before the first job is given out; a run that has made steps does not wait for them."
        )
        keys.optional(
            "timeout_s", &timeout, .within(0...604_800),
            "Seconds in which they, the learner, and one worker of each role have to come; else the run ends with exit code 75. off: coordinator.grace_s."
        )
    }
}

extension Rule where T == String {
    static var address: Rule {
        Rule(says: "tcp://HOST:PORT or ipc://PATH") { text in
            if text.hasPrefix("ipc://") { return text.utf8.count > 6 && text.utf8.count < 113 }
            return text.hasPrefix("tcp://") && isHostAndPort(text.dropFirst(6))
        }
    }

    static var hostAndPort: Rule { Rule(says: "HOST:PORT") { isHostAndPort($0[...]) } }

    private static func isHostAndPort(_ text: Substring) -> Bool {
        guard let colon = text.lastIndex(of: ":"), colon > text.startIndex else { return false }
        return UInt16(text[text.index(after: colon)...]) != nil
    }
}

/// Processes that `skein run` starts on this machine, and threads of each; others may join from elsewhere.
package struct RolesSection: ConfigurationSection, Equatable {
    package var generator = WorkersSection()
    package var scorer = WorkersSection()
    package var learner = LearnerSection()

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        // libtorch's sums depend on the number of threads in their last digits; those of generators do not.
        keys.section("generator", &generator, "Samples answers.", changes: .free)
        keys.section("scorer", &scorer, "Computes rewards and the reference's log-probabilities.")
        keys.section("learner", &learner, "Trains.")
    }
}

package struct WorkersSection: ConfigurationSection, Equatable {
    /// How many workers of one role a run may have.
    package static let counts = 0...1024

    package var count = 1
    package var threads = 1

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value("count", &count, .within(Self.counts), "Processes.", changes: .free)
        keys.value(
            "threads", &threads, .within(SetupLimits.threads),
            "Threads that compute, the same on every worker of the role.", changes: .nextStep)
    }
}

package struct LearnerSection: ConfigurationSection, Equatable {
    package var threads = 2

    package init() {}

    mutating func visit<Keys: KeyVisitor>(_ keys: inout Keys) {
        keys.value(
            "threads", &threads, .within(SetupLimits.threads),
            "Threads that compute; the result depends on their number.", changes: .nextStep)
    }
}
