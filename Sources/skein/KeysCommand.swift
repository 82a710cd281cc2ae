import ArgumentParser
import Console
import Foundation
import Keys
import Transport

struct KeysCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys", abstract: "Keys by which processes of other machines join a run.",
        discussion: """
            A directory of keys says who the coordinator is and who may join: --keys, else SKEIN_KEYS, else \
            ~/.config/skein/keys. skein run uses it when it listens beyond this machine. A live run notices within a \
            second what these commands change.
            """,
        subcommands: [New.self, List.self, Revoke.self])

    struct Directory: ParsableArguments {
        @Option(help: "The key directory.") var keys: String?
        var value: KeyDirectory { keys.map { KeyDirectory($0) } ?? .standard }
    }

    struct New: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a key and let its holder in.",
            discussion: """
                Roles: generator, scorer, learner for processes of a run; operator and reader get a bearer token for the \
                status endpoint, with commands or without. Standard output is the file to be copied: \
                skein generator --coordinator tcp://HOST:PORT --key FILE.
                """)
        @Argument(help: "Name of the worker. Processes that share the key are called NAME.1, NAME.2, ...") var name:
            String
        @Option(help: "generator, scorer, learner, operator or reader.") var role: String
        @OptionGroup var directory: Directory

        func run() throws {
            guard let role = KeyRole(rawValue: role), KeyRole.given.contains(role) else {
                let names = KeyRole.given.map(\.rawValue).joined(separator: ", ")
                throw CommandError(.usage, "--role \(self.role.printable): write one of \(names)")
            }
            let file = try configurationErrors { try directory.value.add(name, role) }
            Console.error(
                role.hasToken
                    ? "the token of \(role.rawValue) '\(name)'; use it with: skein status --status HOST:PORT --token-file FILE"
                    : "the key of \(role.rawValue) '\(name)'; copy it to its machine and call: skein \(role.rawValue) --coordinator tcp://HOST:PORT --key FILE"
            )
            Console.output(file)
        }
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show who may join.")
        @OptionGroup var directory: Directory

        func run() throws {
            let (keys, problems) = try configurationErrors { try directory.value.allowed() }
            for problem in problems { Console.error("skein: \(problem)") }
            Console.output(Self.row("NAME", "ROLE", "KEY"))
            for key in keys.sorted(by: { $0.name < $1.name }) {
                Console.output(Self.row(key.name, key.role.rawValue, key.peer.map { "\($0.key)" } ?? "token"))
            }
            // A file that lets nobody in is not what its maker meant.
            if !problems.isEmpty { throw ExitCode(ExitStatus.failed.rawValue) }
        }

        private static func row(_ cells: String...) -> String {
            cells.map { $0.padding(toLength: max($0.count, 16), withPad: " ", startingAt: 0) }.joined(separator: " ")
                .trimmingCharacters(in: .whitespaces)
        }
    }

    struct Revoke: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a holder of a key in no more; one that is connected is cut off.")
        @Argument(help: "Name of the key, as skein keys list shows it.") var name: String
        @OptionGroup var directory: Directory

        func run() throws {
            try configurationErrors { try directory.value.revoke(name) }
            Console.output("revoked \(name)")
        }
    }
}
