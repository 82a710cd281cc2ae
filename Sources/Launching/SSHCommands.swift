/// The processes of a launch by ssh, as argument vectors: no shell of this machine ever reads one.
///
/// The shell at the other end does, because ssh sends one line. So each word of the remote command is quoted for it.
/// Standard input carries the worker's key and then stays open: where it ends, the remote process ends too, however the
/// session was lost. Nothing is copied.
package struct SSHCommands: Sendable, Equatable {
    package struct Process: Sendable, Equatable {
        /// Of the worker in the status: `ssh-generator.1.0`, the host's place in the file and a number. The first part is the
        /// key's name.
        package var name: String
        package var role: String
        package var destination: String
        /// `ssh` first.
        package var arguments: [String]
    }

    /// `tcp://HOST:PORT`, as the hosts reach it.
    package var coordinator: String
    /// The executable on the hosts.
    package var skein: String
    /// Seconds.
    package var giveUpAfter: Int

    package init(coordinator: String, skein: String, giveUpAfter: Int) {
        self.coordinator = coordinator
        self.skein = skein
        self.giveUpAfter = giveUpAfter
    }

    /// In the order of the file.
    ///
    /// - Parameters:
    ///   - keyName: of the key of a role.
    ///   - quoted: a word for a POSIX shell.
    package func processes(
        _ file: HostFile, keyName: (String) -> String, quoted: (String) -> String
    ) -> [Process] {
        file.hosts.enumerated().flatMap { place, host in
            HostFile.roles.flatMap { role in
                (0..<(host.counts[role] ?? 0)).map { number in
                    // Two lines may name one host.
                    let name = "\(keyName(role)).\(place).\(number)"
                    let remote = [
                        skein, role, "--coordinator", coordinator, "--name", name, "--key", "-", "--until-input-ends",
                        "--give-up-after", "\(giveUpAfter)",
                    ]
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
