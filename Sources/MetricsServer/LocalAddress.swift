import Loopback

/// A `host:port` of this machine, where it is safe to listen without encryption.
package struct LocalAddress: Sendable, Equatable, CustomStringConvertible {
    /// Without the brackets of an IPv6 address.
    package let host: String
    /// 0: any free one.
    package private(set) var port: Int

    /// nil when the text is neither `host:port` nor of this machine.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        let name = String(text[..<colon])
        guard Loopback.isHost(name) else { return nil }
        host = name.hasPrefix("[") ? String(name.dropFirst().dropLast()) : name
        self.port = Int(port)
    }

    /// The same host with the port that was given for 0.
    package func at(port: Int) -> LocalAddress {
        var copy = self
        copy.port = port
        return copy
    }

    /// As it stands in a URL: an IPv6 address in brackets.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
