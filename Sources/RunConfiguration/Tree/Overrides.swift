/// `--set ppo.clip=0.1`, `--set rewards.0.weight=2`: changes the tree before it is read, so that the same checks apply.
enum Overrides {
    static func apply(_ text: String, to root: inout ConfigNode) throws {
        let place = "--set \(text)"
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw ConfigurationError(
                .value, "write --set key=value, for example --set ppo.learning_rate=1e-6", place: place)
        }
        let key = String(text[..<equals])
        let written = String(text[text.index(after: equals)...])
        let steps = key.replacing("[", with: ".").replacing("]", with: "").split(
            separator: ".", omittingEmptySubsequences: false
        ).map(String.init)
        guard steps.allSatisfy({ !$0.isEmpty }), steps.count < YAMLTree.deepest else {
            throw ConfigurationError(.value, "'\(key)' is no key path; write section.key", place: place)
        }
        var value =
            try YAMLTree.parse(written, source: place, columns: false)
            ?? ConfigNode(content: .scalar("", plain: true), place: place)
        value.place = place
        try put(value, at: steps[...], in: &root, key: key)
    }

    private static func put(_ value: ConfigNode, at steps: ArraySlice<String>, in node: inout ConfigNode, key: String)
        throws
    {
        guard let step = steps.first else {
            node = value
            return
        }
        if node.isOff { node = .emptyMapping(at: value.place) }
        switch node.content {
        case .mapping:
            var child = node[step] ?? .emptyMapping(at: value.place)
            try put(value, at: steps.dropFirst(), in: &child, key: key)
            node.set(step, to: child)
        case .list(var items):
            guard let index = Int(step), (0...items.count).contains(index) else {
                throw ConfigurationError(
                    .value, "'\(step)' in '\(key)' must be an index from 0 to \(items.count)", place: value.place)
            }
            var child = index < items.count ? items[index] : .emptyMapping(at: value.place)
            try put(value, at: steps.dropFirst(), in: &child, key: key)
            if index < items.count { items[index] = child } else { items.append(child) }
            node.content = .list(items)
        case .scalar:
            throw ConfigurationError(
                .value, "'\(key)' goes through \(node.kind), which is neither a mapping nor a list", place: value.place)
        }
    }
}
