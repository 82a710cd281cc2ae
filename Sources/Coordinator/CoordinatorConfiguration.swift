package import ClusterModel
package import Foundation

/// Everything a coordinator is told; plain values, so that tests and the benchmark need no run file.
package struct CoordinatorConfiguration: Sendable {
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
            (reference ? ["the reference's log-probabilities"] : []).joined()
                + (reference && !rewards.isEmpty ? " and " : "")
                + (rewards.isEmpty ? "" : "the reward " + rewards.map { "'\($0)'" }.joined(separator: ", "))
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
    /// Rewards without which an answer cannot be learned from.
    package var neededRewards: Set<String> = []
    package var leaseMilliseconds = 10_000
    /// Of a first lease, in which a worker may have to load weights, and of the wait for a missing role.
    package var graceMilliseconds = 60_000
    package var retries = 5
    package var roleConfiguration = Data("{}".utf8)
    /// How many workers of each role the supervisor should keep.
    package var desired: [Role: Int] = [:]
    package var runDirectory: URL?
    package var journalPath = "journal.sqlite"
    /// What the run is made from; kept in the journal from its start, for ``JournalSummary/inputs(path:)``.
    package var inputs = ""
    package var address = "tcp://127.0.0.1:0"

    package init() {}

    var plan: JobPlan {
        JobPlan(
            samplesPerPrompt: samplesPerPrompt, promptsPerJob: promptsPerJob, samplesPerJob: samplesPerJob,
            maxNewTokens: sampling.maxNewTokens)
    }
}

/// What goes wrong in the coordinator; ``exitCode`` is that of the process.
package struct CoordinatorError: Error, Sendable, CustomStringConvertible {
    package let message: String
    package let exitCode: Int32

    package init(_ message: String, exitCode: Int32 = 1) {
        self.message = message
        self.exitCode = exitCode
    }

    package var description: String { message }
}
