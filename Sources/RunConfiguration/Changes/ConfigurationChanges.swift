/// What differs between the configuration that a run was started with and the one that is to go on with it.
package struct ConfigurationChanges: Sendable, Equatable {
    package struct Change: Sendable, Equatable, CustomStringConvertible {
        package var key: String
        /// As the run file would have it.
        package var old: String
        package var new: String
        package var kind: KeyChange

        package var description: String { "\(key) \(old) -> \(new)" }
    }

    package let all: [Change]

    /// - Parameters:
    ///   - former: of the run directory (``RunConfiguration/loadOwn(_:)``).
    ///   - new: with the same run directory.
    package init(from former: RunConfiguration, to new: RunConfiguration) {
        func listed(_ configuration: RunConfiguration) -> [KeyLister.Entry] {
            var copy = configuration
            // The comparison with the start comes after everything else and is made anew each time.
            copy.stages.removeAll { $0 == .evaluate }
            return KeyLister.list(copy).filter { $0.key != "run_directory" }
        }
        let (before, after) = (listed(former), listed(new))
        let values = Dictionary(before.map { ($0.key, $0.value) }) { $1 }
        let present = Set(after.map(\.key))
        var found: [Change] = []
        func add(_ key: String, _ old: String?, _ new: String?) {
            // What stands under a section that came, went or became longer is said by the section.
            guard old != new, !found.contains(where: { key.hasPrefix($0.key + ".") }) else { return }
            found.append(Change(key: key, old: old ?? "not set", new: new ?? "not set", kind: KeyChange(key)))
        }
        for entry in after { add(entry.key, values[entry.key], entry.value) }
        for entry in before where !present.contains(entry.key) { add(entry.key, entry.value, nil) }
        all = found
    }

    package var isEmpty: Bool { all.isEmpty }

    /// - Parameter committed: steps that are made.
    package func refused(committed: Int) -> [Change] {
        all.filter { $0.kind == .fixed || $0.key == "ppo.steps" && (Int($0.new) ?? 0) < committed }
    }
}
