import ArgumentParser
import Console
import Foundation
import Keys
import Loopback
import RunConfiguration
import Transport

/// Where a run listens and who may join, as the commands that start one spell it.
struct ListenOptions: ParsableArguments {
    @Option(
        help:
            "Where workers connect, in place of coordinator.bind: tcp://0.0.0.0:PORT lets those of other machines in.")
    var bind: String?
    @Option(help: "Host name or address by which other machines reach this one (default: its own, if it has one).")
    var advertise: String?
    @Option(help: "Where the learner serves weights (default: any free port of the host of --bind).")
    var serve: String?
    @Option(help: "Directory of the keys that may join (default: SKEIN_KEYS, else ~/.config/skein/keys).")
    var keys: String?
    @Flag(help: "Listen without keys: whoever reaches a port of the run can read and change it.")
    var insecureBind = false

    /// Of the run file.
    var overrides: [String] { bind.map { ["coordinator.bind=\($0)"] } ?? [] }

    /// The same options for another command; the address is in the run file.
    var words: [String] {
        [("--advertise", advertise), ("--serve", serve), ("--keys", keys)].flatMap { name, value in
            value.map { [name, $0] } ?? []
        } + (insecureBind ? ["--insecure-bind"] : [])
    }
}

/// Where a run listens, decided before anything of it starts.
struct Listening: Sendable {
    /// Keys beside the run's own.
    var directory: KeyDirectory?
    /// Nobody needs a key.
    var isInsecure = false
    /// By which other machines reach this one; nil: none does.
    var host: String?
    /// Options of the learner.
    var learner: [String] = []
    /// Options of the coordinator.
    var coordinator: [String] = []

    /// - Throws: status `configuration` when strangers could reach the run and nothing would keep them out.
    init(_ options: ListenOptions, _ run: RunConfiguration) throws {
        let bind = run.coordinator.bind
        let isBeyond = bind.hasPrefix("tcp://") && !Loopback.isAddress(bind.dropFirst(6))
        isInsecure = options.insecureBind
        coordinator = options.words
        if isInsecure {
            guard options.keys == nil else {
                throw CommandError(.usage, "--keys and --insecure-bind exclude one another")
            }
        } else if isBeyond || options.keys != nil || KeyDirectory.isNamed {
            directory = try Self.directory(options, bind, isBeyond)
        }
        if let serve = options.serve {
            guard serve.hasPrefix("tcp://"), serve.dropFirst(6).contains(":") else {
                throw CommandError(.usage, "--serve \(serve): write tcp://HOST:PORT")
            }
            learner = ["--serve", serve]
        }
        guard isBeyond else {
            if isInsecure { learner.append("--insecure-bind") }
            return
        }
        let listened = Self.host(of: bind)
        let host = try options.advertise ?? (Self.isAny(listened) ? Self.ownHost() : listened)
        self.host = host
        if options.serve == nil { learner = ["--serve", "tcp://\(listened):0"] }
        learner += ["--announce", "tcp://\(host)"] + (isInsecure ? ["--insecure-bind"] : [])
    }

    private static func directory(_ options: ListenOptions, _ bind: String, _ isBeyond: Bool) throws -> KeyDirectory {
        let directory = options.keys.map { KeyDirectory($0) } ?? .standard
        guard directory.hasServer else {
            let keys = options.keys.map { " --keys \($0)" } ?? ""
            let what =
                isBeyond ? "\(bind): other machines can reach this address, so that workers need keys" : "no keys"
            throw CommandError(
                .configuration,
                """
                \(what); there are none in \(directory.path). Make one for each worker: \
                skein keys new NAME --role generator\(keys). Or give --insecure-bind, and let everybody in
                """)
        }
        _ = try configurationErrors { try directory.serverKey() }
        return directory
    }

    /// Where processes of this machine connect to what listens at `address`.
    static func local(_ address: String) -> String {
        guard address.hasPrefix("tcp://"), isAny(host(of: address)), let port = address.split(separator: ":").last
        else {
            return address
        }
        return "tcp://127.0.0.1:\(port)"
    }

    static func isAny(_ host: String) -> Bool { ["0.0.0.0", "*", "[::]", "::"].contains(host) }

    /// Of `tcp://HOST:PORT` or `HOST:PORT`.
    static func host(of address: String) -> String {
        let rest = address.hasPrefix("tcp://") ? address.dropFirst(6) : address[...]
        return rest.lastIndex(of: ":").map { String(rest[..<$0]) } ?? String(rest)
    }

    /// Of `tcp://HOST:PORT` or `HOST:PORT`.
    static func port(of address: String) -> Substring { address.split(separator: ":").last ?? "" }

    private static func ownHost() throws -> String {
        let all = addresses()
        guard all.count == 1 else {
            let what = all.isEmpty ? "no address" : "several addresses (\(all.joined(separator: ", ")))"
            throw CommandError(
                .usage, "this machine has \(what): say by --advertise HOST by which one the others reach it")
        }
        return all[0]
    }

    /// IPv4 addresses, but for those of this machine alone.
    private static func addresses() -> [String] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var found: [String] = []
        var next = first
        while let entry = next {
            next = entry.pointee.ifa_next
            guard let address = entry.pointee.ifa_addr, address.pointee.sa_family == sa_family_t(AF_INET) else {
                continue
            }
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            guard
                getnameinfo(
                    address, socklen_t(MemoryLayout<sockaddr_in>.size), &text, socklen_t(text.count), nil, 0,
                    NI_NUMERICHOST) == 0
            else { continue }
            let name = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            if !Loopback.isHost(name) { found.append(name) }
        }
        return found
    }
}
