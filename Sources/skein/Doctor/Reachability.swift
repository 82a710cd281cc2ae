import Console
import Foundation

/// Whether something listens at an address, and what the two ends are then.
enum Reachability {
    struct Way {
        var local: String
        var remote: String
    }

    /// Tries each address of the host in turn.
    static func connect(host: String, port: String, seconds: Int) -> Result<Way, CommandError> {
        var hints = addrinfo()
        #if os(Linux)
            hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
            hints.ai_socktype = SOCK_STREAM
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let name = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        let code = getaddrinfo(name, port, &hints, &list)
        guard code == 0 else {
            return .failure(
                CommandError(
                    .failed, "the name \(name.printable) is not known here (\(String(cString: gai_strerror(code))))"))
        }
        defer { freeaddrinfo(list) }
        var reason = "no address"
        var next = list
        while let entry = next {
            next = entry.pointee.ai_next
            let file = socket(entry.pointee.ai_family, entry.pointee.ai_socktype, entry.pointee.ai_protocol)
            guard file >= 0 else { continue }
            defer { close(file) }
            // The kernel's own limit is two minutes.
            var limit = timeval(tv_sec: seconds, tv_usec: 0)
            setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
            if Foundation.connect(file, entry.pointee.ai_addr, entry.pointee.ai_addrlen) == 0 {
                return .success(Way(local: end(of: file, getsockname), remote: end(of: file, getpeername)))
            }
            reason = errno == EINPROGRESS ? "no answer within \(seconds) s" : String(cString: strerror(errno))
        }
        return .failure(CommandError(.failed, reason))
    }

    private typealias Question = (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32

    private static func end(of file: Int32, _ question: Question) -> String {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let isKnown = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { place in
                question(file, place, &length) == 0
                    && getnameinfo(place, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST) == 0
            }
        }
        return isKnown
            ? String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            : "an unknown address"
    }
}
