/// Words of a POSIX shell's command line.
package enum ShellWords {
    /// The word as a shell reads it back, whatever is in it: quotes, spaces, `$`, line breaks.
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
