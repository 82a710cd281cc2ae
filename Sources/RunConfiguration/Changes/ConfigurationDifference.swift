/// A key whose value is not the same in all of several configurations.
package struct ConfigurationDifference: Sendable, Equatable {
    package var key: String
    /// As a run file has it, one for each configuration; nil where the key is not set.
    package var values: [String?]

    package init(key: String, values: [String?]) {
        self.key = key
        self.values = values
    }

    /// What differs between runs, whatever they are called and wherever they lie.
    package static func betweenRuns(_ runs: [RunConfiguration]) -> [ConfigurationDifference] {
        guard let directory = runs.first?.runDirectory else { return [] }
        return all(
            runs.map { run in
                var copy = run
                copy.move(to: directory)
                return copy
            }
        ).filter { $0.key != "name" }
    }

    /// What differs between configurations of one run directory, in the order of the last one's keys.
    static func all(_ configurations: [RunConfiguration]) -> [ConfigurationDifference] {
        let listed = configurations.map { KeyLister.list($0) }
        let values = listed.map { entries in Dictionary(entries.map { ($0.key, $0.value) }) { $1 } }
        var seen: Set<String> = [RunConfiguration.runDirectoryKey]
        var found: [ConfigurationDifference] = []
        for key in listed.reversed().joined().map(\.key) where seen.insert(key).inserted {
            let all = values.map { $0[key] }
            // What stands under a section that came, went or became longer is said by the section.
            guard all.contains(where: { $0 != all[0] }), !found.contains(where: { key.hasPrefix($0.key + ".") }) else {
                continue
            }
            found.append(ConfigurationDifference(key: key, values: all))
        }
        return found
    }
}
