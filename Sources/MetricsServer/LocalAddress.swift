import Loopback

/// A `host:port` at which this machine serves: of this machine alone, unless it is asked for otherwise.
package struct LocalAddress: Sendable, Equatable, CustomStringConvertible {
    /// Without the brackets of an IPv6 address.
    package let host: String
    /// 0: any free one.
    package private(set) var port: Int

    /// Whether others than this machine can reach it.
    package let isPublic: Bool

    /// nil when the text is not `host:port` of this machine alone.
    package init?(_ text: String) {
        self.init(anywhere: text)
        guard !isPublic else { return nil }
    }

    /// nil when the text is not `host:port`. What is served there must ask for a token.
    package init?(anywhere text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]),
            colon > text.startIndex
        else { return nil }
        let name = String(text[..<colon])
        isPublic = !Loopback.isHost(name)
        host = name.hasPrefix("[") ? String(name.dropFirst().dropLast()) : name
        self.port = Int(port)
    }

    /// The same host with the port that was given for 0.
    package func at(port: Int) -> LocalAddress {
        var copy = self
        copy.port = port
        return copy
    }

    /// Where clients of this machine find it.
    package var local: String { ["0.0.0.0", "*", "::"].contains(host) ? "127.0.0.1:\(port)" : description }

    /// As it stands in a URL: an IPv6 address in brackets.
    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
