/// Which hosts are this machine. Without encryption nothing listens, and nothing secret is sent, anywhere else.
package enum Loopback {
    /// `localhost`, four numbers of which the first is 127, or `::1`, in brackets or without them. A name that merely
    /// begins like one of them, such as `127.example.com`, is somebody else's.
    package static func isHost(_ host: some StringProtocol) -> Bool {
        if ["localhost", "::1", "[::1]"].contains(host.lowercased()) { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return parts.count == 4 && parts.allSatisfy { $0 != nil } && parts[0] == 127
    }

    /// - Parameter address: `HOST:PORT`.
    package static func isAddress(_ address: some StringProtocol) -> Bool {
        address.lastIndex(of: ":").map { isHost(address[..<$0]) } ?? false
    }
}
