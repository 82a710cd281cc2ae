/// Where a key belongs that stands at the wrong place, most often because of its indentation.
enum Misplaced {
    /// - Parameters:
    ///   - key: as it is written; unknown where it stands.
    ///   - section: path of the section in which it stands.
    ///   - before: what stands above it in that section.
    /// - Returns: nil when no section has such a key.
    static func hint(_ key: String, in section: String, after before: ArraySlice<ConfigNode.Entry>) -> String? {
        let pattern = KeyChange.pattern(section)
        if key.contains("."), RunConfiguration.everyKey.contains(joined(pattern, key)) {
            let parts = key.split(separator: ".")
            let nested = parts.dropLast().reversed().reduce("\(parts.last ?? ""): ...") { "\($1): {\($0)}" }
            return "a key with dots is for --set; write \(nested)"
        }
        if !section.isEmpty, RunConfiguration.everyPath.contains(key) { return "'\(key)' belongs at the left margin" }
        let homes = RunConfiguration.everyPath.filter { $0.hasSuffix(".\(key)") }.map {
            String($0.dropLast(key.count + 1))
        }.filter { $0 != pattern && !$0.hasPrefix("evaluation.rewards") }
        // `ppo:` with nothing in it, and its keys at the margin below.
        if let emptied = before.last(where: { $0.value.isNothing })?.key,
            let home = homes.first(where: { $0 == joined(pattern, emptied) })
        {
            return "'\(key)' belongs under \(home):; indent it"
        }
        guard !homes.isEmpty else { return nil }
        let names = homes.map { $0 == "rewards.*" ? "an entry of rewards:" : "\($0):" }
        let list =
            names.count == 1
            ? names[0] : "\(names.dropLast().joined(separator: ", ")) or \(names[names.count - 1])"
        return "'\(key)' belongs under \(list)"
    }

    private static func joined(_ section: String, _ key: String) -> String {
        section.isEmpty ? key : "\(section).\(key)"
    }
}
