import Console
import Foundation
import RunConfiguration

/// Whether the addresses on which a run is to listen are free, asked before its first stage and not after it.
enum Ports {
    static func check(_ run: RunConfiguration) throws {
        guard run.stages.contains(.ppo) else { return }
        try check(run.coordinator.status, "coordinator.status", another: "127.0.0.1:0 for any free port")
        let bind = run.coordinator.bind
        guard bind.hasPrefix("tcp://") else { return }
        try check(String(bind.dropFirst(6)), "coordinator.bind", another: "tcp://127.0.0.1:0 for any free port")
    }

    /// - Parameter address: HOST:PORT of this machine; any other is left to who listens there.
    private static func check(_ address: String, _ key: String, another: String) throws {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]),
            port != 0
        else { return }
        let host = address[..<colon] == "localhost" ? "127.0.0.1" : String(address[..<colon])
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        place.sin_port = port.bigEndian
        guard inet_pton(AF_INET, host, &place.sin_addr) == 1 else { return }
        #if os(Linux)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        // As those who are to listen there do: a connection of an earlier run that is being closed is no obstacle.
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        let size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, size) == 0 }
        }
        guard !isBound else { return }
        let reason = String(cString: strerror(errno))
        throw CommandError(
            .tryAgain,
            "\(key): cannot listen at \(address): \(reason); another run may have it: set \(key) to \(another)")
    }
}
