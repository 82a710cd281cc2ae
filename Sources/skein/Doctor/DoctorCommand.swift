import ArgumentParser
import Console
import Foundation
import HostChecks
import Keys
import RunConfiguration

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Whether this host can take part in a run, and what to change if not.",
        discussion: """
            Looks at this host, and where an address is given, at the way to its coordinator: it joins with the key, takes no \
            job, and leaves. With a run file it compares what is to run here with memory, processors and disk. Processes \
            of earlier runs are listed and never ended. Exit code 0: nothing keeps a run from working; 1: something does; \
            warnings change nothing.
            """)

    @Argument(help: "The run file, where this host has it.") var path: String?
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: "Override a key of the run file, for example --set roles.generator.count=2; may be repeated.")
    var overrides: [String] = []
    @Option(help: "Address of the coordinator (default: SKEIN_COORDINATOR).") var coordinator: String?
    @Option(help: "File of this host's key (default: SKEIN_KEY_FILE, SKEIN_KEY, systemd's credential skein.key).")
    var key: String?
    @Option(
        parsing: .singleValue,
        help:
            "What is to run here, with a run file: generator=N, scorer=N, learner; may be repeated (default: all of it)."
    )
    var role: [String] = []
    @OptionGroup var status: StatusAddress
    @Flag(help: "Print the findings as JSON.") var json = false

    func run() async throws {
        let run = try path.map { try RunFile.load($0, overrides: overrides) }
        var findings = LocalChecks.all(run, placed: try Placement(role, run))
        findings += try await remote()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
            Console.output(String(decoding: try encoder.encode(findings), as: UTF8.self))
        } else {
            for finding in findings { Console.output(finding.lines) }
            let (problems, warnings) = (count(.problem, findings), count(.warning, findings))
            Console.output(
                problems + warnings == 0 ? "nothing to mend" : "\(problems) problems, \(warnings) warnings")
        }
        if findings.contains(where: { $0.level == .problem }) { throw ExitCode(ExitStatus.failed.rawValue) }
    }

    private func count(_ level: Finding.Level, _ findings: [Finding]) -> Int { findings.count { $0.level == level } }

    private func remote() async throws -> [Finding] {
        let given = ProcessInfo.processInfo.environment["SKEIN_COORDINATOR"]
        guard let address = coordinator ?? given.flatMap({ $0.isEmpty ? nil : $0 }) else {
            return [
                Finding(
                    .note, "coordinator", "not asked",
                    do: "give --coordinator tcp://HOST:PORT and --key FILE to try the way to it")
            ]
        }
        var findings = await CoordinatorChecks.all(address, keyFile: key)
        findings.append(await CoordinatorChecks.clock(status))
        return findings
    }
}

/// Which processes are to run on this host.
struct Placement {
    /// By role; nil: nobody said, and it is the whole run.
    var counts: [String: Int]

    init(_ words: [String], _ run: RunConfiguration?) throws {
        counts = [:]
        for word in words {
            let parts = word.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            let count = parts.count == 1 ? 1 : parts.count == 2 ? Int(parts[1]) : nil
            guard let first = parts.first, ["generator", "scorer", "learner"].contains(first), let count,
                WorkersSection.counts.contains(count)
            else { throw CommandError(.usage, "--role \(word.printable): write generator=N, scorer=N or learner") }
            counts[first] = count
        }
        if words.isEmpty, let run {
            counts = ["learner": 1, "generator": run.roles.generator.count, "scorer": run.roles.scorer.count]
        }
    }

    func threads(_ run: RunConfiguration) -> Int {
        counts["generator", default: 0] * run.roles.generator.threads
            + counts["scorer", default: 0] * run.roles.scorer.threads
            + counts["learner", default: 0] * run.roles.learner.threads
    }

    var words: String {
        let names = counts.filter { $0.value > 0 }.sorted { $0.key < $1.key }
            .map { $0.value == 1 ? "1 \($0.key)" : "\($0.value) \($0.key)s" }
        return names.isEmpty ? "no process" : names.joined(separator: ", ")
    }
}
