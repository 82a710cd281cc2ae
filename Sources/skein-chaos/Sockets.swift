import Foundation

/// TCP over IPv4 with blocking calls: what a proxy and a question to the status endpoint need.
enum Sockets {
    struct Failure: Error, CustomStringConvertible { let description: String }

    struct Place: Sendable, Equatable, CustomStringConvertible {
        var host: String
        var port: UInt16
        var description: String { "\(host):\(port)" }

        init(_ host: String, _ port: UInt16) {
            self.host = host
            self.port = port
        }

        /// `tcp://HOST:PORT` or `HOST:PORT`.
        init?(_ text: String) {
            let bare = text.hasPrefix("tcp://") ? text.dropFirst(6) : text[...]
            guard let colon = bare.lastIndex(of: ":"), let port = UInt16(bare[bare.index(after: colon)...]) else {
                return nil
            }
            self.init(String(bare[..<colon]), port)
        }
    }

    /// Listens; answers the descriptor and the place with the port that was given for 0.
    static func listen(at place: Place) throws -> (descriptor: Int32, place: Place) {
        let descriptor = try open()
        do {
            var address = try self.address(place)
            let size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isBound = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 }
            }
            guard isBound, Foundation.listen(descriptor, 64) == 0 else { throw failure("cannot listen at \(place)") }
            var bound = sockaddr_in()
            var length = size
            let isNamed = withUnsafeMutablePointer(to: &bound) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) == 0 }
            }
            guard isNamed else { throw failure("cannot read the port of \(place)") }
            return (descriptor, Place(place.host, UInt16(bigEndian: bound.sin_port)))
        } catch {
            close(descriptor)
            throw error
        }
    }

    static func connect(to place: Place) throws -> Int32 {
        let descriptor = try open()
        do {
            var address = try self.address(place)
            let isConnected = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            guard isConnected else { throw failure("cannot connect to \(place)") }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// False when the other side is gone.
    static func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) -> Bool {
        var rest = bytes
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Empty at the end of the stream.
    static func read(_ descriptor: Int32, atMost count: Int = 16_384) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            var got = -1
            repeat { got = recv(descriptor, buffer.baseAddress, count, 0) } while got < 0 && errno == EINTR
            filled = max(0, got)
        }
    }

    static func setTimeout(_ seconds: Int, of descriptor: Int32) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
    }

    private static func open() throws -> Int32 {
        #if os(Linux)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { throw failure("cannot open a socket") }
        // Children must not hold the connections of the proxy.
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
        return descriptor
    }

    private static func address(_ place: Place) throws -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = place.port.bigEndian
        guard inet_pton(AF_INET, place.host, &address.sin_addr) == 1 else {
            throw Failure(description: "\(place.host) is no IPv4 address")
        }
        return address
    }

    private static func failure(_ what: String) -> Failure {
        Failure(description: "\(what): \(String(cString: strerror(errno)))")
    }
}
