package import ClusterModel

/// What each role is told of a run, and what it reads from that. On the wire are the keys of the run file with their
/// values, never the names of Swift's properties.
extension RunConfiguration {
    package func setups() -> RoleSetups {
        var setups = RoleSetups()
        setups.generator = GeneratorSetup(
            computation: computation(threads: roles.generator.threads), rowsInFlight: rollout.rowsInFlight,
            versionsBehind: schedule.versionsBehind)
        setups.scorer = ScorerSetup(
            computation: computation(threads: roles.scorer.threads), reference: !ppo.referenceFromBase,
            chatTemplate: data.chatTemplate == .auto, templateArguments: data.templateArguments, clock: data.clock,
            rewards: rewards.map(\.setup))
        setups.learner = LearnerSetup(runFile: resolvedYAML(), clock: data.clock)
        return setups
    }

    private func computation(threads: Int) -> Computation {
        Computation(device: device, arithmetic: arithmetic.rawValue, threads: threads)
    }

    /// - Throws: an error that names each key that is unknown or out of range.
    package init(_ setup: LearnerSetup) throws {
        self = try Self.parse(setup.runFile, source: "the run file from the coordinator")
        data.clock = setup.clock
    }
}

extension RewardSection {
    var setup: RewardSetup {
        RewardSetup(
            name: name, kind: kind.word.rawValue, section: written,
            encodesAgain: model?.encodesAgain ?? false, usesTemplate: model?.usesTemplate ?? false)
    }

    /// - Throws: an error that names each key that is unknown or out of range.
    package init(_ setup: RewardSetup) throws {
        self.init()
        let source = "the reward \(setup.name.prefix(80)) from the coordinator"
        let node = try YAMLTree.parse(setup.section, source: source, columns: true) ?? .emptyMapping(at: source)
        let log = ReadingLog()
        SectionReader.read(&self, from: node, path: "", log: log)
        if log.problems.isEmpty, (kind.word.rawValue, name) != (setup.kind, setup.name) {
            log.problems.append(.init(place: source, key: "kind", message: "is another than in its section"))
        }
        guard log.problems.isEmpty else { throw ConfigurationError(.value, log.problems) }
        guard var keys = model else { return }
        keys.encodesAgain = setup.encodesAgain
        keys.usesTemplate = setup.usesTemplate
        model = keys
    }
}
