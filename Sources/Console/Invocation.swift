import Foundation

/// How the person who reads a message calls Skein, for the commands that messages name.
package enum Invocation {
    /// `skein` where the shell found it by itself, else the path by which it was called, as short as it can be said from
    /// here. Quoted for a shell.
    package static let skein = quoted(first)
    /// The first words of the processes that this one starts, `skein` and `skein-engine`, from which they know the same.
    package static let first = program(
        called: CommandLine.arguments.first ?? "", in: FileManager.default.currentDirectoryPath)
    package static let firstOfEngine = first + engineEnding

    private static let engineEnding = "-engine"

    /// - Parameters:
    ///   - word: the first word of the process: of `skein`, or of `skein-engine` beside it.
    ///   - directory: absolute; where the reader is.
    package static func program(called word: String, in directory: String) -> String {
        let program = word.hasSuffix(engineEnding) ? String(word.dropLast(engineEnding.count)) : word
        let name = program.split(separator: "/").last ?? ""
        // A bundle of tests, or nobody knows what.
        guard name.hasPrefix("skein"), !name.contains(".") else { return "skein" }
        guard program.contains("/") else { return program }
        let absolute = URL(filePath: program, relativeTo: URL(filePath: directory + "/")).standardizedFileURL.path
        var ways = [program, absolute]
        let here = directory.hasSuffix("/") ? directory : directory + "/"
        if absolute.hasPrefix(here) {
            let relative = String(absolute.dropFirst(here.count))
            // Without a slash the shell would look for it elsewhere.
            ways.append(relative.contains("/") ? relative : "./" + relative)
        }
        return ways.min { $0.utf8.count < $1.utf8.count } ?? program
    }

    /// A word as a shell takes it, whatever is in it: quotes, spaces, `$`, line breaks.
    package static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "/._-=:,@+".utf8.contains(byte)
            }
        return isPlain ? word : "'\(word.replacing("'", with: "'\\''"))'"
    }

    /// One line that a shell splits into exactly these words.
    package static func line(_ words: [String]) -> String { words.map(quoted).joined(separator: " ") }
}
