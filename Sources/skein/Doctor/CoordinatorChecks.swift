import Cluster
import ClusterModel
import Console
import Cryptography
import Foundation
import HostChecks
import Keys
import Logging
import Loopback
import Transport
import ZeroMQ

/// The way from this host to a coordinator.
enum CoordinatorChecks {
    private static let patience: Duration = .seconds(8)

    static func all(_ address: String, keyFile: String?) async -> [Finding] {
        guard address.hasPrefix("tcp://") else {
            return [Finding(.note, "coordinator", "\(address.printable) is no tcp address; nothing to try")]
        }
        let host = Listening.host(of: address)
        var findings: [Finding] = []
        switch Reachability.connect(host: host, port: String(Listening.port(of: address)), seconds: 5) {
        case .success(let way):
            findings.append(
                Finding(.ok, "coordinator", "\(address) answers at \(way.remote); it sees this host as \(way.local)"))
            if Loopback.isHost(host) {
                findings.append(
                    Finding(
                        .note, "coordinator", "\(host) is this machine itself",
                        do:
                            "on another host, give the address that the coordinator's machine has there (skein run --advertise)"
                    ))
            }
        case .failure(let error):
            findings.append(
                Finding(
                    .problem, "coordinator", "\(address): \(error.message)",
                    do:
                        "check that the run is live and listens there (skein run --bind tcp://0.0.0.0:PORT), the name, and firewalls"
                ))
            return findings
        }
        do {
            guard let key = try KeySource.find(file: keyFile) else {
                findings.append(
                    Finding(
                        .note, "key", "this host has no key",
                        do: "on the coordinator's host: skein keys new NAME --role generator; then --key FILE here"))
                return findings
            }
            findings.append(await join(address, key))
        } catch {
            findings.append(Finding(.problem, "key", "\(error)", do: "copy the key's file again, or make another one"))
        }
        return findings
    }

    /// Says HELLO with the key, asks for no job, and leaves.
    private static func join(_ address: String, _ key: ProcessKey) async -> Finding {
        guard let role = Role(rawValue: key.role.rawValue), role != .learner else {
            return Finding(
                .note, "key", "is for the role \(key.role.rawValue), of which a run has one; it was not tried")
        }
        let number = Secrets.randomUInt64()
        let host = ProcessInfo.processInfo.hostName.prefix(30)
        let name = (key.name == Peer.anyName ? "" : "\(key.name).") + "doctor-\(host)"
        let identity = WorkerLink.Identity(
            role: role, name: name, capabilities: Capabilities(kinds: []), build: Build.version, incarnation: number)
        var logger = Logger(label: "doctor") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        do {
            let link = try await WorkerLink.connect(
                on: try SocketThread(), to: address, as: identity, security: key.security, patience: patience,
                logger: logger)
            let finding = await answer(link, key)
            await link.close(reason: "skein doctor")
            return finding
        } catch {
            return Finding(.problem, "key", "cannot connect: \(error)", do: "check the address")
        }
    }

    private static func answer(_ link: WorkerLink, _ key: ProcessKey) async -> Finding {
        for await message in link.messages() {
            switch message {
            case .welcome(let welcome):
                return Finding(
                    .ok, "key",
                    "'\(key.name)' is let in as a \(key.role.rawValue) of the run \(welcome.runID.printable)")
            case .refused(let code, let words):
                let isVersion = code == Refusal.Code.protocol.rawValue
                return Finding(
                    .problem, isVersion ? "version" : "key", words.printable,
                    do: isVersion
                        ? "install the version of the coordinator here" : "on the coordinator's host: skein keys list")
            default: continue
            }
        }
        return Finding(
            .problem, "key",
            "no answer within \(Int(patience / .seconds(1))) s: \((link.ending?.message ?? "the connection was closed").printable)",
            do: "the key is not known there, or it is for another run: on the coordinator's host, skein keys list")
    }

    /// By the status endpoint, the one place that tells its time.
    static func clock(_ status: StatusAddress) async -> Finding {
        guard status.status != nil || status.run != nil else {
            return Finding(
                .note, "clock", "not compared", do: "give --status HOST:PORT and --token-file FILE of a reader")
        }
        do {
            let client = try status.client()
            // The first one opens the connection.
            _ = try await client.snapshot()
            let began = Date()
            guard let snapshot = try await client.snapshot() else {
                return Finding(.note, "clock", "\(client.address) does not answer as a coordinator of Skein")
            }
            let ended = Date()
            let middle = (began.timeIntervalSince1970 + ended.timeIntervalSince1970) / 2
            return Judgements.clock(
                offset: Double(snapshot.nowMs) / 1000 - middle,
                // A snapshot may be as old as the time between two of them.
                roundTrip: ended.timeIntervalSince(began) + 1)
        } catch {
            return Finding(.warning, "status", "\(error)", do: "check --status and --token-file")
        }
    }
}
