import Foundation

/// Writing to standard error and standard output in whole pieces, so that lines of several threads do not mix.
package enum Console {
    package static func error(_ text: String) { write(text, to: .standardError) }
    package static func output(_ text: String) { write(text, to: .standardOutput) }

    /// True when a person looks at standard error.
    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    private static func write(_ text: String, to file: FileHandle) {
        // A reader that went away (a closed pipe) is no reason to fail.
        try? file.write(contentsOf: Data((text + "\n").utf8))
    }
}
