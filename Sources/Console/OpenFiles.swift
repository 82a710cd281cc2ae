import Foundation

/// How many files and sockets this process may have open: often 1,024, where the system would allow far more.
package enum OpenFiles {
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
