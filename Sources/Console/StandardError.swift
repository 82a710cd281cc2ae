import Foundation

/// Writing to standard error and standard output in whole pieces, so that lines of several threads do not mix.
package enum Console {
    package static func error(_ text: String) { write(text, to: .standardError) }
    package static func output(_ text: String) { write(text, to: .standardOutput) }

    /// A reader that went away (a closed pipe) is no reason to fail: a run goes on.
    private static func write(_ text: String, to file: FileHandle) {
        try? file.write(contentsOf: Data((text + "\n").utf8))
    }

    /// True when a person looks at standard error.
    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether standard output is a pipe that nobody reads: what only shows something, again and again, ends then.
    package static var isUnread: Bool {
        var item = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        return poll(&item, 1, 0) > 0 && item.revents & Int16(POLLERR) != 0
    }
}
