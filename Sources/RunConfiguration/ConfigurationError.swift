/// What is wrong with a run file; the description names every problem with file, line, column and key.
package struct ConfigurationError: Error, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// The file cannot be read.
        case file
        /// It is not YAML.
        case syntax
        /// Keys or values are wrong.
        case value
        /// Each value is right, and together they do not work.
        case rule
    }

    /// One thing to put right.
    package struct Problem: Sendable, Equatable, CustomStringConvertible {
        /// `run.yaml:12:3`, or `--set ppo.clip=x`.
        package var place: String
        /// `ppo.clip`; empty for the file as a whole.
        package var key: String
        package var message: String
        package var suggestion: String?

        package var description: String {
            let subject = key.isEmpty ? message : "\(key): \(message)"
            return "\(place): \(subject)\(suggestion.map { "; \($0)" } ?? "")"
        }
    }

    package let code: Code
    package let problems: [Problem]
    package let cause: (any Error)?

    init(_ code: Code, _ problems: [Problem]) {
        self.code = code
        self.problems = problems
        cause = nil
    }

    init(_ code: Code, _ message: String, place: String = "configuration", cause: (any Error)? = nil) {
        self.code = code
        problems = [Problem(place: place, key: "", message: message)]
        self.cause = cause
    }

    package var message: String { problems.map(\.description).joined(separator: "\n") }

    package var description: String {
        cause.map { "\(message) (\($0))" } ?? message
    }
}
