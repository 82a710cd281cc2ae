import Foundation

/// Writing to standard error and standard output in whole pieces, so that lines of several threads do not mix.
package enum Console {
    /// A reader that went away (a closed pipe) is no reason to fail.
    package static func error(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    /// Ends the process when nobody reads any more, as SIGPIPE would: `skein status --watch | head -1`.
    package static func output(_ text: String) {
        do {
            try FileHandle.standardOutput.write(contentsOf: Data((text + "\n").utf8))
        } catch {
            if isClosed(STDOUT_FILENO) { _exit(128 + SIGPIPE) }
        }
    }

    /// True when a person looks at standard error.
    package static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// Whether it is a pipe that nobody reads.
    private static func isClosed(_ descriptor: Int32) -> Bool {
        var item = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&item, 1, 0) > 0 && item.revents & Int16(POLLERR) != 0
    }
}
