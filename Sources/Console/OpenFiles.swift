import Foundation

/// How many files and sockets this process may have open: often 1,024, where the system would allow far more.
package enum OpenFiles {
    /// What to do when ``areUsedUp``.
    package static let remedy = "too many open files: raise the limit, for example ulimit -n 4096"

    /// Whether a few more cannot be opened. What starts a process says "Bad file descriptor" then.
    package static var areUsedUp: Bool {
        var files: [Int32] = []
        defer { for file in files { close(file) } }
        for _ in 0..<16 {
            let file = open("/dev/null", O_RDONLY | O_CLOEXEC)
            guard file >= 0 else { return errno == EMFILE || errno == ENFILE }
            files.append(file)
        }
        return false
    }

    /// A coordinator has a socket for each worker.
    package static func raiseLimit() {
        var limit = rlimit()
        #if os(Linux)
            let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
            let kind = RLIMIT_NOFILE
        #endif
        guard getrlimit(kind, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(kind, &limit)
    }
}
