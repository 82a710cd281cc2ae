import ClusterModel
import SkeinProto

// What WELCOME tells each role. Numbers that make no sense are refused by whoever is told (`RoleSetup.problem`), so that
// the process ends with the reason and does not greet for ever.

extension Skein_V1_Welcome {
    init(_ welcome: Welcome) {
        self.init()
        runID = welcome.runID
        epoch = welcome.epoch
        `protocol` = UInt32(clamping: welcome.protocolVersion)
        artifacts = welcome.artifacts.map(\.proto)
        leaseMs = UInt32(clamping: welcome.leaseMilliseconds)
        graceMs = UInt32(clamping: welcome.graceMilliseconds)
        switch welcome.setup {
        case .generator(let value): generator = Skein_V1_GeneratorSetup(value)
        case .scorer(let value): scorer = Skein_V1_ScorerSetup(value)
        case .learner(let value): learner = Skein_V1_LearnerSetup(value)
        case nil: break
        }
    }

    func value() throws -> Welcome {
        let role: RoleSetup? =
            switch setup {
            case .generator(let proto): .generator(proto.value)
            case .scorer(let proto): .scorer(proto.value)
            case .learner(let proto): .learner(proto.value)
            case nil: nil
            }
        return Welcome(
            runID: runID, epoch: epoch, protocolVersion: Int(`protocol`), setup: role,
            artifacts: try artifacts.map { try ArtifactManifest($0) }, leaseMilliseconds: Int(leaseMs),
            graceMilliseconds: Int(graceMs))
    }
}

extension Skein_V1_Computation {
    fileprivate init(_ value: Computation) {
        self.init()
        device = value.device
        arithmetic = value.arithmetic
        threads = UInt32(clamping: value.threads)
    }

    fileprivate var value: Computation {
        Computation(device: device, arithmetic: arithmetic, threads: Int(threads))
    }
}

extension Skein_V1_GeneratorSetup {
    fileprivate init(_ value: GeneratorSetup) {
        self.init()
        computation = Skein_V1_Computation(value.computation)
        rowsInFlight = UInt32(clamping: value.rowsInFlight)
        versionsBehind = UInt32(clamping: value.versionsBehind)
    }

    fileprivate var value: GeneratorSetup {
        GeneratorSetup(
            computation: computation.value, rowsInFlight: Int(rowsInFlight), versionsBehind: Int(versionsBehind))
    }
}

extension Skein_V1_ScorerSetup {
    fileprivate init(_ value: ScorerSetup) {
        self.init()
        computation = Skein_V1_Computation(value.computation)
        reference = value.reference
        chatTemplate = value.chatTemplate
        templateArguments = value.templateArguments ?? ""
        if let time = value.clock { clock = time }
        rewards = value.rewards.map { reward in
            var proto = Skein_V1_RewardSetup()
            proto.name = reward.name
            proto.kind = reward.kind
            proto.section = reward.section
            proto.encodesAgain = reward.encodesAgain
            proto.usesTemplate = reward.usesTemplate
            return proto
        }
    }

    fileprivate var value: ScorerSetup {
        ScorerSetup(
            computation: computation.value, reference: reference, chatTemplate: chatTemplate,
            templateArguments: templateArguments.isEmpty ? nil : templateArguments, clock: hasClock ? clock : nil,
            rewards: rewards.map {
                RewardSetup(
                    name: $0.name, kind: $0.kind, section: $0.section, encodesAgain: $0.encodesAgain,
                    usesTemplate: $0.usesTemplate)
            })
    }
}

extension Skein_V1_LearnerSetup {
    fileprivate init(_ value: LearnerSetup) {
        self.init()
        runFile = value.runFile
        if let time = value.clock { clock = time }
    }

    fileprivate var value: LearnerSetup { LearnerSetup(runFile: runFile, clock: hasClock ? clock : nil) }
}
