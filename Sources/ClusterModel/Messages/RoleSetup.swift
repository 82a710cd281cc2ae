/// What a process is told of a run when it joins: all that its role needs, and nothing else.
package enum RoleSetup: Sendable, Hashable {
    case generator(GeneratorSetup)
    case scorer(ScorerSetup)
    case learner(LearnerSetup)

    /// Why nobody can work by it; nil = nothing. It comes from the network, so that every number is looked at.
    package var problem: String? {
        switch self {
        case .generator(let setup): setup.problem
        case .scorer(let setup): setup.problem
        case .learner(let setup): SetupLimits.problem(clock: setup.clock)
        }
    }
}

/// What the coordinator tells each role.
package struct RoleSetups: Sendable, Hashable {
    package var generator = GeneratorSetup()
    package var scorer = ScorerSetup()
    package var learner = LearnerSetup()

    package init() {}

    package subscript(role: Role) -> RoleSetup {
        switch role {
        case .generator: .generator(generator)
        case .scorer: .scorer(scorer)
        case .learner: .learner(learner)
        }
    }
}

/// How numbers are computed where there is a choice; a key of the run file.
package enum ArithmeticMode: String, Sendable, Codable, CaseIterable { case fast, exact }

/// Bounds that the run file and the wire have in common.
package enum SetupLimits {
    package static let threads = 1...1024
    package static let rowsInFlight = 1...65536
    /// In mode `lag`.
    package static let versionsBehind = 1...64
    /// Bytes of the name of a device.
    static let device = 64
    static let rewards = 1000

    static func problem(clock: Double?) -> String? {
        clock.map(\.isFinite) ?? true ? nil : "the time of its chat templates is no number"
    }
}

/// How a worker computes, the same on every worker of the role.
package struct Computation: Sendable, Hashable {
    /// As the run file has it.
    package var device: String
    /// A ``ArithmeticMode``, or what a later version knows.
    package var arithmetic: String
    package var threads: Int

    package init(device: String = "cpu", arithmetic: String = ArithmeticMode.fast.rawValue, threads: Int = 1) {
        self.device = device
        self.arithmetic = arithmetic
        self.threads = threads
    }

    package var isExact: Bool { arithmetic == ArithmeticMode.exact.rawValue }

    var problem: String? {
        if !SetupLimits.threads.contains(threads) { return "\(threads) threads are out of range" }
        if device.utf8.count > SetupLimits.device { return "the name of its device is too long" }
        if ArithmeticMode(rawValue: arithmetic) == nil {
            return "this build knows no arithmetic '\(arithmetic.prefix(40))'"
        }
        return nil
    }
}

package struct GeneratorSetup: Sendable, Hashable {
    package var computation: Computation
    /// Answers that it works on at a time.
    package var rowsInFlight: Int
    /// How many versions the jobs of open steps may lie behind the newest.
    package var versionsBehind: Int

    package init(computation: Computation = Computation(), rowsInFlight: Int = 1, versionsBehind: Int = 0) {
        self.computation = computation
        self.rowsInFlight = rowsInFlight
        self.versionsBehind = versionsBehind
    }

    var problem: String? {
        if let problem = computation.problem { return problem }
        if !SetupLimits.rowsInFlight.contains(rowsInFlight) { return "\(rowsInFlight) rows in flight are out of range" }
        let isKnown = versionsBehind == 0 || SetupLimits.versionsBehind.contains(versionsBehind)
        return isKnown ? nil : "\(versionsBehind) versions behind are out of range"
    }
}

package struct ScorerSetup: Sendable, Hashable {
    package var computation: Computation
    /// Whether score jobs may ask for the reference's log-probabilities.
    package var reference: Bool
    /// Whether prompts go through the policy's chat template, if it has one.
    package var chatTemplate: Bool
    /// A JSON object for chat templates; nil for none.
    package var templateArguments: String?
    /// What chat templates print: seconds since 1970 in local time.
    package var clock: Double?
    package var rewards: [RewardSetup]

    package init(
        computation: Computation = Computation(), reference: Bool = true, chatTemplate: Bool = true,
        templateArguments: String? = nil, clock: Double? = nil, rewards: [RewardSetup] = []
    ) {
        self.computation = computation
        self.reference = reference
        self.chatTemplate = chatTemplate
        self.templateArguments = templateArguments
        self.clock = clock
        self.rewards = rewards
    }

    var problem: String? {
        if let problem = computation.problem ?? SetupLimits.problem(clock: clock) { return problem }
        return rewards.count > SetupLimits.rewards ? "it has \(rewards.count) rewards" : nil
    }
}

/// A reward as scorers are told of it.
package struct RewardSetup: Sendable, Hashable {
    package var name: String
    /// As the run file has it.
    package var kind: String
    /// YAML: its entry in `rewards`, by the keys of the run file.
    package var section: String
    /// Of kind `model`: whether it reads texts in tokens of its own.
    package var encodesAgain: Bool
    /// Whether the model's chat template is used then.
    package var usesTemplate: Bool

    package init(
        name: String, kind: String, section: String, encodesAgain: Bool = false, usesTemplate: Bool = false
    ) {
        self.name = name
        self.kind = kind
        self.section = section
        self.encodesAgain = encodesAgain
        self.usesTemplate = usesTemplate
    }
}

/// The learner needs most of the run file, so that it gets the file, as everybody else reads it.
package struct LearnerSetup: Sendable, Hashable {
    /// YAML, each key with its value.
    package var runFile: String
    /// As in ``ScorerSetup``.
    package var clock: Double?

    package init(runFile: String = "", clock: Double? = nil) {
        self.runFile = runFile
        self.clock = clock
    }
}
