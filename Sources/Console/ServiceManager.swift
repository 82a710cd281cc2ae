import Foundation

/// What systemd is told of a service of `Type=notify`: one datagram each to the socket that `NOTIFY_SOCKET` names. Without
/// it, nothing is said.
package enum ServiceManager {
    package static let ready = "READY=1"
    package static let stopping = "STOPPING=1"
    private static let alive = "WATCHDOG=1"

    /// Half of the time after which systemd takes a silent process for one that hangs; nil: it does not watch.
    private static var watchdogPeriod: Duration? {
        let environment = ProcessInfo.processInfo.environment
        // Children inherit the variable, and are not meant.
        if let pid = environment["WATCHDOG_PID"], pid != "\(getpid())" { return nil }
        guard let text = environment["WATCHDOG_USEC"], let microseconds = Int64(text), microseconds > 0 else {
            return nil
        }
        return .microseconds(microseconds / 2)
    }

    /// Says again and again that the process lives, until its task is cancelled. Returns at once where nobody watches.
    package static func watch() async {
        guard let period = watchdogPeriod else { return }
        while !Task.isCancelled {
            tell(alive)
            do { try await Task.sleep(for: period) } catch { return }
        }
    }

    /// - Parameter socket: a path, or a name of the abstract namespace after an `@`.
    /// - Returns: whether somebody was told.
    @discardableResult
    package static func tell(
        _ state: String, at socket: String? = ProcessInfo.processInfo.environment["NOTIFY_SOCKET"]
    ) -> Bool {
        guard let socket, socket.hasPrefix("/") || socket.hasPrefix("@") else { return false }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = Array(socket.utf8)
        if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count < room else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        #if os(Linux)
            let file = Foundation.socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
            let file = Foundation.socket(AF_UNIX, SOCK_DGRAM, 0)
        #endif
        guard file >= 0 else { return false }
        defer { close(file) }
        // An abstract name has no zero at its end.
        let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { $0 + path.count } ?? 0
        let sent = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                state.withCString { sendto(file, $0, strlen($0), 0, place, socklen_t(length)) }
            }
        }
        return sent == state.utf8.count
    }
}
