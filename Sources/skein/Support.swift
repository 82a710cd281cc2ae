import ArgumentParser
import Console
import Foundation
import RunConfiguration

/// The run file and its overrides, as every command that takes one spells them.
struct RunFile: ParsableArguments {
    @Argument(help: "The YAML file that describes the run.") var path: String
    @Option(
        name: .customLong("set"), parsing: .singleValue,
        help: "Override a key, for example --set ppo.learning_rate=1e-6; may be repeated.")
    var overrides: [String] = []

    func load(_ listen: ListenOptions? = nil) throws -> RunConfiguration {
        try Self.load(path, overrides: overrides + (listen?.overrides ?? []))
    }

    static func load(_ path: String, overrides: [String]) throws -> RunConfiguration {
        try configurationErrors { try RunConfiguration.load(path: path, overrides: overrides) }
    }

    /// What a person types to give a command the same run file again.
    func command(_ name: String, _ listen: ListenOptions? = nil) -> String {
        let bind = listen?.bind.map { ["--bind", $0] } ?? []
        let words = [name, path] + overrides.flatMap { ["--set", $0] } + bind + (listen?.words ?? [])
        return "\(Invocation.skein) \(Invocation.line(words))"
    }
}

/// Whatever goes wrong inside is wrong with what the user gave: exit code 78.
func configurationErrors<T>(_ body: () throws -> T) throws -> T {
    do {
        return try body()
    } catch let error as CommandError {
        throw error
    } catch {
        throw CommandError(.configuration, "\(error)")
    }
}
