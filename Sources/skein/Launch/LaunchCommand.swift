import ArgumentParser
import Console
import Foundation
import Keys
import Launching
import RunConfiguration
import RunLayout

/// Runs on more than one host, by what those hosts have already. Skein places nothing and restarts nothing there.
struct LaunchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "launch", abstract: "Start a run on several hosts: by Slurm or ssh.",
        discussion: """
            deploy/ has a page for each way, also for systemd, Docker Compose and Kubernetes, which need no command.
            """,
        subcommands: [LaunchSlurmCommand.self, LaunchSSHCommand.self])
}

/// The keys of a launch, in the run directory.
struct LaunchKeys {
    let directory: KeyDirectory
    /// First part of the names of its workers: `slurm-generator` and `slurm-scorer` are keys.
    let prefix: String

    init(_ run: RunConfiguration, prefix: String) {
        directory = KeyDirectory("\(LaunchPlace.directory(of: run))/keys")
        self.prefix = prefix
    }

    func name(_ role: String) -> String { "\(prefix)-\(role)" }
    func file(_ role: String) -> String { directory.keyFile(name(role)) }

    /// Makes the keys that are not there yet. Those of an earlier launch are kept: its workers may still join.
    func make() throws {
        try configurationErrors {
            for role in [KeyRole.generator, .scorer]
            where !FileManager.default.fileExists(atPath: file(role.rawValue)) {
                try directory.add(name(role.rawValue), role)
            }
        }
    }
}

enum LaunchPlace {
    /// Absolute, because other hosts and jobs are told of it.
    static func runDirectory(of run: RunConfiguration) -> String {
        URL(filePath: run.runDirectory).standardizedFileURL.path
    }

    static func directory(of run: RunConfiguration) -> String { RunLayout(runDirectory(of: run))[.launch] }

    /// Makes what a launch writes into.
    static func prepare(_ run: RunConfiguration) throws {
        do {
            for path in [directory(of: run), RunLayout(runDirectory(of: run))[.logs]] {
                try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            }
            try RunDirectory.makePrivate(runDirectory(of: run))
        } catch let error as CommandError {
            throw error
        } catch {
            throw CommandError(.failed, "cannot make \(directory(of: run)): \(error.localizedDescription)")
        }
    }
}

/// What a launch was asked for wrongly is a wrong command line.
func launchErrors<T>(_ body: () throws -> T) throws -> T {
    do {
        return try body()
    } catch let error as LaunchError {
        throw CommandError(.usage, error.message)
    }
}
