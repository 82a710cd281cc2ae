package enum JobKind: String, Codable, Sendable, Hashable, CaseIterable, Comparable {
    case generate, score

    package static func < (a: JobKind, b: JobKind) -> Bool { a == .generate && b == .score }
}

/// Names one job of a run; `part` is 0 unless the score jobs of a step are split by capability.
package struct JobID: Sendable, Hashable, Comparable, CustomStringConvertible {
    package let step: Int
    package let index: Int
    package let kind: JobKind
    package let part: Int

    package init(step: Int, index: Int, kind: JobKind, part: Int = 0) {
        self.step = step
        self.index = index
        self.kind = kind
        self.part = part
    }

    package var description: String {
        switch kind {
        case .generate: "generate/\(step)/\(index)"
        case .score: "score/\(step)/\(index)/\(part)"
        }
    }

    /// The inverse of ``description``; nil when the text is not one.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let kind = JobKind(rawValue: String(first)) else { return nil }
        let numbers = parts.dropFirst().compactMap { Int($0) }
        guard numbers.count == parts.count - 1, numbers.allSatisfy({ $0 >= 0 }) else { return nil }
        switch (kind, numbers.count) {
        case (.generate, 2): self.init(step: numbers[0], index: numbers[1], kind: .generate)
        case (.score, 3): self.init(step: numbers[0], index: numbers[1], kind: .score, part: numbers[2])
        default: return nil
        }
    }

    package static func < (a: JobID, b: JobID) -> Bool {
        (a.step, a.index, a.kind, a.part) < (b.step, b.index, b.kind, b.part)
    }

    /// Looked up some dozens of times for each result. Score jobs have a part, generate jobs the bits of none.
    package func hash(into hasher: inout Hasher) {
        hasher.combine(step &<< 32 ^ index &<< 8 ^ (kind == .score ? part : -1))
    }
}

package struct SamplingParameters: Codable, Sendable, Hashable {
    package var temperature: Double
    /// 0 = off.
    package var topK: Int
    package var topP: Double
    package var maxNewTokens: Int
    package var stop: [String]

    package init(
        temperature: Double = 1, topK: Int = 0, topP: Double = 1, maxNewTokens: Int, stop: [String] = []
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.maxNewTokens = maxNewTokens
        self.stop = stop
    }
}

package struct GenerateJob: Sendable, Hashable {
    package var id: JobID
    /// The policy that must sample, exactly.
    package var version: PolicyVersion
    /// Seed of the run.
    package var seed: UInt64
    /// Which samples of each prompt, by number. A prompt's samples may be spread over jobs.
    package var samples: Range<Int>
    package var sampling: SamplingParameters
    package var prompts: [Prompt]

    package init(
        id: JobID, version: PolicyVersion, seed: UInt64, samples: Range<Int>, sampling: SamplingParameters,
        prompts: [Prompt]
    ) {
        self.id = id
        self.version = version
        self.seed = seed
        self.samples = samples
        self.sampling = sampling
        self.prompts = prompts
    }
}

/// The reference log-probabilities and/or the named rewards of one generate job's trajectories.
package struct ScoreJob: Sendable, Hashable {
    package var id: JobID
    package var reference: Bool
    package var rewards: [String]
    package var temperature: Double
    package var trajectories: [Trajectory]
    /// Of the rows that the trajectories answer, by row, those that have any.
    package var rows: [Int: RowData]

    package init(
        id: JobID, reference: Bool, rewards: [String], temperature: Double, trajectories: [Trajectory],
        rows: [Int: RowData] = [:]
    ) {
        self.id = id
        self.reference = reference
        self.rewards = rewards
        self.temperature = temperature
        self.trajectories = trajectories
        self.rows = rows
    }
}

package enum Job: Sendable, Hashable {
    case generate(GenerateJob)
    case score(ScoreJob)

    package var id: JobID {
        switch self {
        case .generate(let job): job.id
        case .score(let job): job.id
        }
    }
}

/// What a worker says of a job it was leased.
package enum JobOutcome: Sendable, Hashable {
    case trajectories([Trajectory])
    case scores(Scores)
    case failed(code: String, message: String, retryable: Bool)

    /// Code of a job that a leaving worker hands back as it got it.
    package static let draining = "draining"
    /// Code of a failure to pull what the job needs.
    package static let unserved = "artifact"
}
