/// The processes of a launch by ssh, as argument vectors: no shell of this machine ever reads one.
///
/// The shell at the other end does, because ssh sends one line. So each word of the remote command is quoted for it.
/// Standard input carries the worker's key and then stays open: where it ends, the remote process ends too, however the
/// session was lost. Nothing is copied.
package struct SSHCommands: Sendable, Equatable {
    package struct Process: Sendable, Equatable {
        /// Of the worker in the status: `HOST.generator.0`; dots divide, because a key is for a name and what follows a dot.
        package var name: String
        package var role: String
        package var destination: String
        /// `ssh` first.
        package var arguments: [String]
    }

    package var coordinator: String
    /// The executable on the hosts.
    package var skein: String
    /// First part of every worker's name.
    package var prefix: String
    /// Whether each worker gets a key on its standard input.
    package var hasKeys: Bool
    package var giveUpAfter: Int
    /// Words for every worker.
    package var more: [String]

    package init(
        coordinator: String, skein: String = "skein", prefix: String = "ssh", hasKeys: Bool = true,
        giveUpAfter: Int = 60, more: [String] = []
    ) {
        self.coordinator = coordinator
        self.skein = skein
        self.prefix = prefix
        self.hasKeys = hasKeys
        self.giveUpAfter = giveUpAfter
        self.more = more
    }

    /// In the order of the file.
    ///
    /// - Parameter quoted: a word for a POSIX shell.
    package func processes(_ file: HostFile, quoted: (String) -> String) -> [Process] {
        file.hosts.enumerated().flatMap { place, host in
            HostFile.roles.flatMap { role in
                (0..<(host.counts[role] ?? 0)).map { number in
                    // The host's place in the file, because two lines may name one host, and a name has few letters.
                    let name = "\(prefix).h\(place).\(role).\(number)"
                    let remote =
                        [skein, role, "--coordinator", coordinator, "--name", name]
                        + (hasKeys ? ["--key", "-"] : [])
                        + ["--until-input-ends", "--give-up-after", "\(giveUpAfter)"] + more
                    return Process(
                        name: name, role: role, destination: host.destination,
                        arguments: ["ssh"] + Self.options + host.options + ["--", host.destination]
                            + [remote.map(quoted).joined(separator: " ")])
                }
            }
        }
    }

    /// A password would be asked for on a terminal that many processes share; a dead host must not hold the session open.
    private static let options = [
        "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=10",
        "-o", "ServerAliveCountMax=3",
    ]
}
