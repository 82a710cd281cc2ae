/// What a process may use here: the machine's, or less where a cgroup says so. From the texts of the kernel's files.
package struct HostLimits: Sendable, Equatable {
    /// Processors; a part of one where a quota says so.
    package var processors: Double
    /// Bytes.
    package var memory: Double
    /// The cgroup's, where it is less than the machine's.
    package var isLimited: Bool

    package init(processors: Double, memory: Double, isLimited: Bool) {
        self.processors = processors
        self.memory = memory
        self.isLimited = isLimited
    }

    /// The group of this process and those above it, innermost first, below the mount point.
    ///
    /// - Parameters:
    ///   - text: of `/proc/self/cgroup`.
    ///   - controller: of version 1 of the interface, such as `memory`; nil: version 2.
    /// - Returns: `["/a/b", "/a", "/"]`; none where the interface is of the other version.
    package static func groups(_ text: String, controller: String? = nil) -> [String] {
        let paths = text.split(separator: "\n").compactMap { line -> Substring? in
            let words = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard words.count == 3, words[2].hasPrefix("/") else { return nil }
            let isMeant =
                controller.map { words[1].split(separator: ",").contains(Substring($0)) }
                ?? (words[0] == "0" && words[1].isEmpty)
            return isMeant ? words[2] : nil
        }
        guard let path = paths.first else { return [] }
        var parts = path.split(separator: "/")
        var groups: [String] = []
        while !parts.isEmpty {
            groups.append("/" + parts.joined(separator: "/"))
            parts.removeLast()
        }
        return groups + ["/"]
    }

    /// - Parameter text: of `cpu.max`: quota and period in microseconds; `max` or a negative number for none.
    package static func processors(_ text: String) -> Double? {
        let words = text.split(whereSeparator: \.isWhitespace)
        guard words.count == 2, let quota = Double(words[0]), let period = Double(words[1]), quota > 0, period > 0
        else {
            return nil
        }
        return quota / period
    }

    /// - Parameter text: of `memory.max`: bytes, or `max`.
    package static func memory(_ text: String) -> Double? { Double(text.prefix { !$0.isWhitespace }) }

    /// - Parameters:
    ///   - affinity: processors on which this process may run.
    ///   - total: bytes of the machine.
    ///   - groups: `cpu.max` and `memory.max` of each group; empty where a group has none.
    package init(affinity: Int, total: Double, groups: [(processors: String, memory: String)]) {
        let quotas = groups.compactMap { Self.processors($0.processors) }
        let limits = groups.compactMap { Self.memory($0.memory) }
        processors = min(Double(affinity), quotas.min() ?? .infinity)
        memory = min(total, limits.min() ?? .infinity)
        isLimited = processors < Double(affinity) || memory < total
    }
}

/// Ports from which the kernel takes one for each connection that a process of this machine makes.
package struct EphemeralPorts: Sendable, Equatable {
    package var range: ClosedRange<Int>

    /// - Parameter text: of `/proc/sys/net/ipv4/ip_local_port_range`.
    package init?(_ text: String) {
        let numbers = text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
        guard numbers.count == 2, numbers[0] <= numbers[1] else { return nil }
        range = numbers[0]...numbers[1]
    }
}
