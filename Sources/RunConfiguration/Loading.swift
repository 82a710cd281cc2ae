import Foundation
import RunLayout

extension RunConfiguration {
    /// A run file is read whole; more than this is no run file.
    private static let largestFile = 1 << 20

    /// Reads a run file; every unknown key, wrong type and number out of range in it is in the one error that is thrown.
    ///
    /// - Parameter overrides: `key.path=value`, later ones over earlier ones.
    package static func load(path: String, overrides: [String] = []) throws -> RunConfiguration {
        try read(path: path, overrides: overrides) { $0.moveToOwnFolder(path: path, text: $1) }
    }

    /// - Parameter change: gets what was read, and the text of the file.
    static func read(
        path: String, overrides: [String] = [], _ change: (inout RunConfiguration, String) -> Void = { _, _ in }
    ) throws -> RunConfiguration {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            throw ConfigurationError(
                .file, "cannot open the run file: \(String(cString: strerror(errno)))", place: path)
        }
        defer { try? handle.close() }
        let data: Data
        do {
            data = try handle.read(upToCount: largestFile + 1) ?? Data()
        } catch {
            throw ConfigurationError(.file, "cannot read the run file", place: path, cause: error)
        }
        guard data.count <= largestFile else {
            throw ConfigurationError(.file, "the run file is larger than 1 MiB; is it the right file?", place: path)
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigurationError(.syntax, "the run file is not UTF-8", place: path)
        }
        var configuration = try parse(text, source: path, overrides: overrides)
        change(&configuration, text)
        return configuration
    }

    /// - Parameter source: stands before line and column in messages.
    package static func parse(
        _ text: String, source: String? = nil, overrides: [String] = []
    ) throws -> RunConfiguration {
        let source = source ?? RunLayout.Entry.runFile.rawValue
        var root = try YAMLTree.parse(text, source: source, columns: true) ?? .emptyMapping(at: source)
        if root.isNothing { root = .emptyMapping(at: source) }
        let log = ReadingLog()
        for override in overrides {
            do {
                try Overrides.apply(override, to: &root)
            } catch let error as ConfigurationError {
                log.problems += error.problems
            }
        }
        Shorthand.expand(&root)
        var configuration = RunConfiguration()
        SectionReader.read(&configuration, from: root, path: "", log: log)
        guard log.problems.isEmpty else { throw ConfigurationError(.value, log.problems) }
        configuration.places = KeyPlaces(file: source, byKey: log.places)
        configuration.resolve()
        return configuration
    }

    /// The file with every default filled in; ``load(path:overrides:)`` of it gives the same configuration.
    package func resolvedYAML() -> String { YAMLWriter.text(of: self) }

    /// Every key with its default and what it is for.
    package static func referenceYAML() -> String {
        var example = RunConfiguration()
        example.architecture = ArchitectureSection()
        example.sft.lora = LoRASection()
        example.rewards = allRewards
        example.evaluation.rewards = [reward(.gold)]
        return YAMLWriter.text(of: example, comments: true)
    }

    /// With every optional section.
    static var example: RunConfiguration {
        var example = RunConfiguration()
        example.architecture = ArchitectureSection()
        example.pretrain.lora = LoRASection()
        example.sft.lora = LoRASection()
        example.rewardModel.training.lora = LoRASection()
        example.ppo.lora = LoRASection()
        example.ppo.overlong = OverlongSection()
        example.rewards = allRewards
        example.evaluation.rewards = allRewards + [reward(.gold)]
        return example
    }

    /// The gold score is for evaluation alone.
    private static var allRewards: [RewardSection] { RewardKind.Word.allCases.filter { $0 != .gold }.map(reward) }

    private static func reward(_ word: RewardKind.Word) -> RewardSection {
        var reward = RewardSection()
        reward.kind = RewardKind(word)
        reward.name = word.rawValue
        return reward
    }

}

/// Other spellings of the same.
private enum Shorthand {
    static func expand(_ root: inout ConfigNode) {
        expandSchedule(&root)
        for stage in Stage.allCases where stage != .evaluate { expandTargets(&root, stage.rawValue) }
    }

    /// `targets: all-linear` for `targets: [all-linear]`.
    private static func expandTargets(_ root: inout ConfigNode, _ key: String) {
        guard var section = root[key], var lora = section["lora"], let targets = lora["targets"],
            case .scalar = targets.content, !targets.isOff
        else { return }
        lora.set("targets", to: ConfigNode(content: .list([targets]), place: targets.place))
        section.set("lora", to: lora)
        root.set(key, to: section)
    }

    /// `schedule: {mode: {lag: 2}}` for `schedule: {mode: lag, lag: 2}`.
    private static func expandSchedule(_ root: inout ConfigNode) {
        guard var schedule = root["schedule"], let mode = schedule["mode"], case .mapping(let entries) = mode.content,
            entries.count == 1, let lag = mode["lag"]
        else { return }
        schedule.set("mode", to: ConfigNode(content: .scalar("lag", plain: true), place: mode.place))
        schedule.set("lag", to: lag)
        root.set("schedule", to: schedule)
    }
}
