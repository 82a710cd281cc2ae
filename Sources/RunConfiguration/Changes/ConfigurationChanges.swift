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
        let compared = [former, new].map { configuration in
            var copy = configuration
            // The comparison with the start comes after everything else and is made anew each time.
            copy.stages.removeAll { $0 == .evaluate }
            return copy
        }
        all = ConfigurationDifference.all(compared).map { difference in
            func written(_ value: String?) -> String { value ?? "not set" }
            return Change(
                key: difference.key, old: written(difference.values[0]), new: written(difference.values[1]),
                kind: KeyChange(difference.key))
        }
    }

    package var isEmpty: Bool { all.isEmpty }

    /// - Parameter committed: steps that are made.
    package func refused(committed: Int) -> [Change] {
        all.filter { $0.kind == .fixed || $0.key == "ppo.steps" && (Int($0.new) ?? 0) < committed }
    }
}
