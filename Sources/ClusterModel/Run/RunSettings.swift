/// Everything that the rules of a run depend on; plain values, so that tests and the benchmark need no run file.
package struct RunSettings: Sendable {
    /// One score job for each part of each generate job.
    package struct ScorePart: Sendable, Hashable {
        package var reference: Bool
        package var rewards: [String]

        /// True when Skein's own scorers compute it; else only workers that name the rewards.
        package var isBuiltIn: Bool

        package init(reference: Bool, rewards: [String], isBuiltIn: Bool = true) {
            self.reference = reference
            self.rewards = rewards
            self.isBuiltIn = isBuiltIn
        }

        func fits(_ capabilities: Capabilities) -> Bool {
            guard !reference || capabilities.reference else { return false }
            if isBuiltIn, capabilities.rewards.contains(Capabilities.builtInRewards) { return true }
            return capabilities.rewards.isSuperset(of: rewards)
        }

        var needs: String {
            let parts =
                (reference ? ["the reference's log-probabilities"] : [])
                + (rewards.isEmpty ? [] : ["the reward " + rewards.map { "'\($0)'" }.joined(separator: ", ")])
            return parts.joined(separator: " and ")
        }
    }

    package var name = "run"
    package var seed: UInt64 = 1
    package var steps = 1
    package var prompts: [Prompt] = []
    package var promptsPerStep = 8
    package var samplesPerPrompt = 1
    package var promptsPerJob = 4
    /// nil: as many as fit into a message.
    package var samplesPerJob: Int?
    package var sampling = SamplingParameters(maxNewTokens: 16)
    package var schedule = Schedule.sync
    package var parts: [ScorePart] = []
    /// How many tokens the policy's model knows.
    package var vocabulary = Int.max
    /// Rewards without which an answer cannot be learned from.
    package var neededRewards: Set<String> = []
    package var leaseMilliseconds = 10_000
    /// Of a first lease, in which a worker may have to load weights, and of the wait for a missing role.
    package var graceMilliseconds = 60_000
    /// Workers that must be here before the first job is given out.
    package var startWorkers = 0
    /// In which whoever is needed at the start has to come; nil: the grace.
    package var startMilliseconds: Int?
    package var retries = 5
    /// A job that no worker survives is left out of its batch, and does not end the run.
    package var skipsPoison = false
    /// The KL at which the learner pauses the run, as the run file has it.
    package var klStop: Double?
    package var setups = RoleSetups()
    /// How many workers of each role the supervisor should keep.
    package var desired: [Role: Int] = [:]
    /// The policy of a finished run stands where the learner exports it.
    package var isExported = true
    /// For messages to people.
    package var runDirectory: String?
    /// Where the keys of the run's own processes are, one of each role; nil: connections have no keys.
    package var keyDirectory: String?
    /// How they call this program.
    package var program = "skein"
    /// For the simulator alone.
    package var planted: Set<PlantedBug> = []

    package init() {}

    var plan: JobPlan {
        JobPlan(
            samplesPerPrompt: samplesPerPrompt, promptsPerJob: promptsPerJob, samplesPerJob: samplesPerJob,
            maxNewTokens: sampling.maxNewTokens)
    }

    /// Milliseconds of silence after which nobody counts on a worker, of which something is heard every second.
    package static func doubt(leaseMilliseconds lease: Int64) -> Int64 { min(max(lease / 2, 1_500), 3_000) }

    /// Whether a worker can do the jobs of a queue.
    func canDo(_ queue: JobLedger.Queue, _ capabilities: Capabilities) -> Bool {
        guard capabilities.kinds.contains(queue.kind) else { return false }
        guard queue.kind == .score, parts.indices.contains(queue.part) else { return true }
        return parts[queue.part].fits(capabilities)
    }
}

/// Why a run ends before its last step; ``exitCode`` is that of the process. The message says what to do.
package struct RunEnding: Error, Sendable, Equatable, CustomStringConvertible {
    package let message: String
    package let exitCode: Int32

    package init(_ message: String, exitCode: Int32 = 1) {
        self.message = message
        self.exitCode = exitCode
    }

    package var description: String { message }
}
