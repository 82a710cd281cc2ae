/// A run file as a tree that knows where each value stood.
struct ConfigNode: Sendable, Equatable {
    indirect enum Content: Sendable, Equatable {
        /// - plain: not in quotes.
        case scalar(String, plain: Bool)
        case list([ConfigNode])
        case mapping([Entry])
    }

    struct Entry: Sendable, Equatable {
        var key: String
        var place: String
        var value: ConfigNode
    }

    var content: Content
    /// `run.yaml:12:3`, or `--set ppo.clip=x`.
    var place: String

    static func emptyMapping(at place: String) -> ConfigNode { ConfigNode(content: .mapping([]), place: place) }

    /// For messages.
    var kind: String {
        switch content {
        case .scalar(let text, _): text.isEmpty ? "nothing" : "'\(text.prefix(60))'"
        case .list: "a list"
        case .mapping: "a mapping"
        }
    }

    /// `off`, `null` and nothing at all turn an optional value off.
    var isOff: Bool {
        guard case .scalar(let text, true) = content else { return false }
        return ["", "~", "null", "off", "none"].contains(text.lowercased())
    }

    var isNothing: Bool {
        guard case .scalar(let text, true) = content else { return false }
        return ["", "~", "null"].contains(text.lowercased())
    }

    subscript(key: String) -> ConfigNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.key == key }?.value
    }

    mutating func set(_ key: String, to value: ConfigNode) {
        guard case .mapping(var entries) = content else { return }
        if let index = entries.firstIndex(where: { $0.key == key }) {
            entries[index].value = value
            entries[index].place = value.place
        } else {
            entries.append(Entry(key: key, place: value.place, value: value))
        }
        content = .mapping(entries)
    }
}

/// Where each key of a file stood. Any two are equal: a place is no part of a configuration.
struct KeyPlaces: Sendable, Equatable {
    var file = "configuration"
    var byKey: [String: String] = [:]

    static func == (_: KeyPlaces, _: KeyPlaces) -> Bool { true }

    /// Whether the file or an override gives the key.
    func holds(_ key: String) -> Bool { byKey[key] != nil }

    /// The place of the key, or of the nearest section around it.
    func place(of key: String) -> String {
        var path = key[...]
        while true {
            if let place = byKey[String(path)] { return place }
            guard let dot = path.lastIndex(of: ".") else { return file }
            path = path[..<dot]
        }
    }
}
