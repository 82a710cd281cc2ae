import Loopback

/// A `host:port` of this machine, where it is safe to listen without encryption.
package struct LocalAddress: Sendable, Equatable, CustomStringConvertible {
    package let host: String
    /// 0: any free one.
    package let port: Int

    /// nil when the text is neither `host:port` nor of this machine.
    package init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        host = String(text[..<colon])
        self.port = Int(port)
        guard Loopback.isHost(host) else { return nil }
    }

    package var description: String { "\(host):\(port)" }
}
