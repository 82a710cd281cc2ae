/// What the figures of a host mean for a run. Pure: whoever has measured passes the figures in.
package enum Judgements {
    /// Seconds that clocks may differ by. Nothing is decided by the clocks of two hosts; log lines are compared by them.
    private static let clockNote = 2.0

    /// - Parameters:
    ///   - offset: seconds by which the coordinator's clock is ahead of this one.
    ///   - roundTrip: seconds that the question took.
    package static func clock(offset: Double, roundTrip: Double) -> Finding {
        let certain = abs(offset) - roundTrip
        let words = "\(seconds(abs(offset))) \(offset < 0 ? "ahead of" : "behind") the coordinator's"
        guard certain > clockNote else {
            return Finding(.ok, "clock", "agrees with the coordinator's to \(seconds(max(roundTrip, abs(offset))))")
        }
        return Finding(
            .warning, "clock", words,
            do:
                "turn on time synchronisation (timedatectl set-ntp true); logs of the two hosts cannot be laid side by side"
        )
    }

    private static func seconds(_ value: Double) -> String {
        value < 1 ? "\(Int((value * 1000).rounded())) ms" : "\((value * 10).rounded() / 10) s"
    }

    /// - Parameters:
    ///   - kind: of the file system of a run directory.
    ///   - free: bytes.
    ///   - needed: bytes that a run is likely to write; nil: not known.
    package static func disk(path: String, kind: String?, free: Double, needed: Double?) -> [Finding] {
        var findings: [Finding] = []
        let place = "\(path)\(kind.map { " (\($0))" } ?? "")"
        if let needed, free < needed {
            findings.append(
                Finding(
                    .problem, "disk",
                    "\(place) has \(words(bytes: free)) free; checkpoints and exports need about \(words(bytes: needed))",
                    do: "free space, name another run_directory, or keep fewer checkpoints (ppo.keep_checkpoints)"))
        } else if free < 1e9 {
            findings.append(
                Finding(
                    .warning, "disk", "\(place) has only \(words(bytes: free)) free",
                    do: "free space before the run starts"))
        } else {
            findings.append(Finding(.ok, "disk", "\(place) has \(words(bytes: free)) free"))
        }
        if let kind, MountTable.isNetwork(kind) {
            findings.append(
                Finding(
                    .note, "disk", "\(path) is on a network file system (\(kind))",
                    do:
                        "only one host may run the coordinator of this directory at a time; workers need no directory at all"
                ))
        }
        if kind == "tmpfs" || kind == "ramfs" {
            findings.append(
                Finding(
                    .warning, "disk",
                    "\(path) is in memory (\(kind ?? "")): what a run leaves there is gone with the host",
                    do: "name a run_directory on a disk"))
        }
        return findings
    }

    /// `/dev/shm` holds nothing of Skein's; libraries that compute may use it.
    ///
    /// - Parameter size: bytes; nil: it is not there.
    package static func sharedMemory(size: Double?) -> Finding {
        guard let size else {
            return Finding(
                .warning, "/dev/shm", "is not there",
                do: "mount a tmpfs there; containers get one by --shm-size=64m or more")
        }
        guard size >= 16e6 else {
            return Finding(
                .warning, "/dev/shm", "has only \(words(bytes: size))",
                do: "make it larger, 64 MB are enough (--shm-size=64m)")
        }
        return Finding(.ok, "/dev/shm", words(bytes: size))
    }

    /// - Parameters:
    ///   - roles: what is to run here, and the bytes of it all.
    ///   - limits: of this host.
    package static func memory(_ roles: String, needed: Double, _ limits: HostLimits) -> Finding {
        let here =
            "this host has \(words(bytes: limits.memory))" + (limits.isLimited ? " (its cgroup's limit counts)" : "")
        guard needed <= limits.memory else {
            return Finding(
                .problem, "memory", "\(roles) need about \(words(bytes: needed)); \(here)",
                do:
                    "start fewer of them here, or lower ppo.token_budget (learner) or rollout.rows_in_flight (generator)"
            )
        }
        let isTight = needed > 0.8 * limits.memory
        return Finding(
            isTight ? .warning : .ok, "memory", "\(roles) need about \(words(bytes: needed)); \(here)",
            do: isTight ? "little is left for anything else; leave a fifth free" : nil)
    }

    /// - Parameter threads: of all processes that are to run here.
    package static func processors(threads: Int, _ limits: HostLimits) -> Finding {
        let have =
            limits.processors == limits.processors.rounded() ? "\(Int(limits.processors))" : "\(limits.processors)"
        guard Double(threads) <= limits.processors else {
            return Finding(
                .warning, "processors", "\(threads) threads are to compute on \(have) processors",
                do:
                    "start fewer processes here; threads that wait for one another lose more than they gain (roles.*.threads)"
            )
        }
        return Finding(.ok, "processors", "\(threads) threads to compute, \(have) processors")
    }

    /// - Parameter name: of the key that says so, such as `coordinator.bind`.
    package static func port(_ port: Int, _ name: String, _ ephemeral: EphemeralPorts) -> Finding {
        guard ephemeral.range.contains(port) else { return Finding(.ok, "port", "\(name): \(port)") }
        let range = "\(ephemeral.range.lowerBound) to \(ephemeral.range.upperBound)"
        return Finding(
            .warning, "port", "\(name): \(port) is one of those that the kernel gives to connections (\(range))",
            do: "take a port below \(ephemeral.range.lowerBound); now and then this one is taken when a run starts")
    }

    /// - Parameter processes: of Skein, that nobody named in this check; each as people read it.
    package static func leftovers(_ processes: [String]) -> Finding {
        guard !processes.isEmpty else { return Finding(.ok, "leftovers", "no other process of Skein runs here") }
        return Finding(
            .note, "leftovers",
            "\(processes.count) processes of Skein run here:\n"
                + processes.map { String(repeating: " ", count: 24) + $0 }.joined(separator: "\n"),
            do: "if no run needs them, end each by its number: kill NUMBER")
    }
}
