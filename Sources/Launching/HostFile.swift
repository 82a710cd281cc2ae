/// The hosts of a launch by ssh, one a line, and how many workers each gets:
///
///     # DESTINATION [generator=N] [scorer=N] [OPTION of ssh ...]
///     gpu1.example.org  generator=2
///     anna@gpu2         generator=1 scorer=1  -p 2222
///
/// A destination is what ssh takes: a host, `user@host`, or a name of ssh's own configuration. A line without counts gets
/// one generator. Whatever begins with a dash, and what follows it, is passed on to ssh as it stands.
package struct HostFile: Sendable, Equatable {
    package struct Host: Sendable, Equatable {
        package var destination: String
        /// By role, as the roles are called in the run file: `generator` and `scorer`.
        package var counts: [String: Int]
        package var options: [String]

        package init(destination: String, counts: [String: Int], options: [String] = []) {
            self.destination = destination
            self.counts = counts
            self.options = options
        }
    }

    package static let roles = ["generator", "scorer"]
    private static let counts = 0...1024

    package let hosts: [Host]

    /// - Parameter source: the file's name, for errors.
    /// - Throws: ``LaunchError`` that names the line.
    package init(_ text: String, source: String) throws(LaunchError) {
        var hosts: [Host] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
            guard !words.isEmpty else { continue }
            do {
                hosts.append(try Self.host(words))
            } catch {
                throw LaunchError("\(source):\(index + 1): \(error.message)")
            }
        }
        guard !hosts.isEmpty else {
            throw LaunchError("\(source): names no host; write one a line, such as: gpu1.example.org generator=2")
        }
        self.hosts = hosts
    }

    private static func host(_ words: [String]) throws(LaunchError) -> Host {
        let destination = words[0]
        // ssh would take it for an option, such as one that runs a command here.
        guard !destination.hasPrefix("-") else {
            throw LaunchError("a line begins with the host; \(destination) is an option: write it behind the host")
        }
        let firstOption = words.firstIndex { $0.hasPrefix("-") } ?? words.endIndex
        var host = Host(destination: destination, counts: [:], options: Array(words[firstOption...]))
        for word in words[1..<firstOption] {
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, roles.contains(parts[0]), let count = Int(parts[1]), counts.contains(count) else {
                throw LaunchError("unknown word \"\(word)\"; write generator=N or scorer=N, N from 0 to 1024")
            }
            guard host.counts[parts[0]] == nil else { throw LaunchError("\(parts[0]) stands twice") }
            host.counts[parts[0]] = count
        }
        if host.counts.isEmpty { host.counts["generator"] = 1 }
        return host
    }
}
