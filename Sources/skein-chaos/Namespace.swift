import Foundation

/// A network namespace with one link to this machine, which can be taken down. The worker in it reaches its peers by a
/// relay of its own, because Skein listens on loopback only.
final class Namespace: Sendable {
    let name: String
    /// This side of the link, where proxies listen.
    let host: String
    private let device: String

    /// Throws when this process may not make one.
    init() throws {
        guard Command.isRoot else { throw Command.Failure(description: "a network namespace needs root") }
        let number = Int(getpid())
        name = "skein-chaos-\(number)"
        device = "sc\(number)a"
        let inner = "sc\(number)b"
        // Of the range for measurements between networks, which nobody routes.
        let network = "198.18.\(number / 64 % 256)"
        host = "\(network).\(number % 64 * 4 + 1)"
        try Command.run("ip", "netns", "add", name)
        do {
            try Command.run("ip", "link", "add", device, "type", "veth", "peer", "name", inner, "netns", name)
            try Command.run("ip", "address", "add", "\(host)/30", "dev", device)
            try Command.run("ip", "link", "set", device, "up")
            let other = "\(network).\(number % 64 * 4 + 2)/30"
            try Command.run("ip", "-n", name, "address", "add", other, "dev", inner)
            try Command.run("ip", "-n", name, "link", "set", inner, "up")
            try Command.run("ip", "-n", name, "link", "set", "lo", "up")
        } catch {
            remove()
            throw error
        }
    }

    func setLink(up: Bool) { _ = try? Command.run("ip", "link", "set", device, up ? "up" : "down") }

    func remove() {
        _ = try? Command.run("ip", "link", "delete", device)
        _ = try? Command.run("ip", "netns", "delete", name)
    }
}
