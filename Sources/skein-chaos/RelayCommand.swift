import ArgumentParser
import Foundation

/// Started by a ``Relay``; ends with the end of its input.
struct RelayCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "relay", shouldDisplay: false)
    @Argument(help: "PORT=HOST:PORT") var routes: [String]

    func run() throws {
        var proxies: [Proxy] = []
        for route in routes {
            let parts = route.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let port = UInt16(parts[0]), let place = Sockets.Place(String(parts[1])) else {
                throw ValidationError("\(route) is not PORT=HOST:PORT")
            }
            proxies.append(try Proxy(at: Sockets.Place("127.0.0.1", port)) { place })
        }
        try FileHandle.standardOutput.write(contentsOf: Data("ready\n".utf8))
        var byte: UInt8 = 0
        while read(STDIN_FILENO, &byte, 1) > 0 {}
        withExtendedLifetime(proxies) {}
    }
}
