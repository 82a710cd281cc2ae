import Console
import Foundation
import HostChecks
import RunConfiguration

/// What can be seen of this host without asking another.
enum LocalChecks {
    static func all(_ run: RunConfiguration?, placed: Placement) -> [Finding] {
        let limits = limits()
        var findings = [engine(), sharedMemory()]
        findings += placement(run, placed, limits)
        findings += disk(run)
        findings += ports(run)
        findings.append(Judgements.leftovers(otherProcesses()))
        return findings
    }

    // MARK: - libtorch

    /// `skein-engine` starts only where the loader finds libtorch.
    private static func engine() -> Finding {
        let errors = Pipe()
        let output = Pipe()
        guard let path = try? Engine.path() else {
            return Finding(
                .warning, "libtorch",
                "no skein-engine beside this skein: this host can give commands, and compute nothing",
                do: "install the full package (scripts/package) where workers or the learner are to run")
        }
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = ["--version"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = errors
        do { try process.run() } catch {
            return Finding(
                .problem, "libtorch", "cannot run \(path): \(error.localizedDescription)",
                do: "check its mode and architecture")
        }
        let version = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let words = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0, process.terminationReason == .exit else {
            let reason = words.split(separator: "\n").last.map(String.init) ?? "it said nothing"
            return Finding(
                .problem, "libtorch", "skein-engine does not start: \(reason.printable)",
                do: "keep bin/ and lib/ of the package side by side, or run scripts/setup on the machine that builds")
        }
        let engine = version.trimmingCharacters(in: .whitespacesAndNewlines)
        guard engine == Build.version else {
            return Finding(
                .problem, "version", "skein is \(Build.version), skein-engine beside it \(engine.printable)",
                do: "install both from one package")
        }
        return Finding(.ok, "libtorch", "found; skein and skein-engine \(engine)")
    }

    // MARK: - Memory and processors

    private static func sharedMemory() -> Finding {
        var info = statvfs()
        guard statvfs("/dev/shm", &info) == 0 else { return Judgements.sharedMemory(size: nil) }
        return Judgements.sharedMemory(size: Double(info.f_blocks) * Double(info.f_frsize))
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    static func limits() -> HostLimits {
        let root = "/sys/fs/cgroup"
        let own = text("/proc/self/cgroup")
        var groups = HostLimits.groups(own).map { group in
            (processors: text("\(root)\(group)/cpu.max"), memory: text("\(root)\(group)/memory.max"))
        }
        // Version 1 of the interface, where each controller has a tree of its own.
        groups += HostLimits.groups(own, controller: "cpu").map { group in
            let place = "\(root)/cpu\(group)"
            return (
                processors: text("\(place)/cpu.cfs_quota_us") + " " + text("\(place)/cpu.cfs_period_us"), memory: ""
            )
        }
        groups += HostLimits.groups(own, controller: "memory").map { group in
            (processors: "", memory: text("\(root)/memory\(group)/memory.limit_in_bytes"))
        }
        return HostLimits(
            affinity: ProcessInfo.processInfo.activeProcessorCount,
            total: Double(ProcessInfo.processInfo.physicalMemory), groups: groups)
    }

    private static func placement(_ run: RunConfiguration?, _ placed: Placement, _ limits: HostLimits) -> [Finding] {
        guard let run else {
            return [
                Finding(
                    .note, "memory",
                    "nothing to compare with: this host has \(Self.gigabytes(limits.memory)) for processes",
                    do: "name the run file, and by --role what is to run here")
            ]
        }
        var findings = [Judgements.processors(threads: placed.threads(run), limits)]
        guard let policy = run.models.policy, let shape = try? Engine.shape(of: policy) else {
            findings.append(
                Finding(
                    .note, "memory", "the policy's model is not on this host, so that its size is not known",
                    do: "call skein doctor where the model is"))
            return findings
        }
        let needed = MemoryPlan(run, shape.model).parts.reduce(0) {
            $0 + $1.bytes * Double(placed.counts[$1.name] ?? 0)
        }
        findings.append(Judgements.memory(placed.words, needed: needed, limits))
        return findings
    }

    private static func gigabytes(_ bytes: Double) -> String { "\((bytes / 1e8).rounded() / 10) GB" }

    // MARK: - Disk

    private static func disk(_ run: RunConfiguration?) -> [Finding] {
        guard let run else { return [] }
        var place = URL(filePath: run.runDirectory).standardizedFileURL
        // It is made later; its nearest parent says where.
        while !FileManager.default.fileExists(atPath: place.path), place.path != "/" { place.deleteLastPathComponent() }
        let path = place.resolvingSymlinksInPath().path
        var info = statvfs()
        guard statvfs(path, &info) == 0 else {
            return [
                Finding(
                    .problem, "disk", "cannot look at \(path): \(String(cString: strerror(errno)))",
                    do: "name another run_directory")
            ]
        }
        guard access(path, W_OK) == 0 else {
            return [
                Finding(
                    .problem, "disk", "\(path) cannot be written",
                    do: "name another run_directory, or mend its permissions")
            ]
        }
        let weights = run.models.policy.flatMap { try? Engine.shape(of: $0) }.map { 4 * Double($0.model.parameters) }
        // Policy, critic and two moments of each in a checkpoint; then exports.
        let needed = weights.map { $0 * (6 * Double(run.ppo.keepCheckpoints) + 2) }
        return Judgements.disk(
            path: path, kind: MountTable(text("/proc/self/mountinfo")).kind(of: path),
            free: Double(info.f_bavail) * Double(info.f_frsize), needed: needed)
    }

    // MARK: - Ports

    private static func ports(_ run: RunConfiguration?) -> [Finding] {
        guard let ephemeral = EphemeralPorts(text("/proc/sys/net/ipv4/ip_local_port_range")) else { return [] }
        let named = [("coordinator.bind", run?.coordinator.bind), ("coordinator.status", run?.coordinator.status)]
        return named.compactMap { name, address in
            guard let address, let port = Int(Listening.port(of: address)), port > 0 else { return nil }
            return Judgements.port(port, name, ephemeral)
        }
    }

    // MARK: - Processes

    /// Of this user, or of all for root; those of no run are told by nothing but their ages, which are shown.
    private static func otherProcesses() -> [String] {
        let own = ProcessInfo.processInfo.processIdentifier
        let entries = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return entries.compactMap { Int32($0) }.sorted().compactMap { pid in
            guard pid != own, let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/exe"),
                ["skein", "skein-engine"].contains(URL(filePath: path).lastPathComponent)
            else { return nil }
            let words = text("/proc/\(pid)/cmdline").split(separator: "\0").prefix(8).joined(separator: " ")
            return "\(pid)  \(String(words.prefix(160)).printable)"
        }
    }
}
