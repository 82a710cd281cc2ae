import ClusterModel
import Console
import Coordinator
import Foundation
import Keys
import Logging
import RunConfiguration
import RunLayout
import ServiceLifecycle
import StatusServer
import Transport

/// Who may join and command a run, as its coordinator sees it.
struct Access: Sendable {
    /// nil: nobody needs a key.
    let ring: KeyRing?
    /// Of the run's own processes.
    let directory: KeyDirectory
    let security: SocketSecurity
    let refusals = RefusalLog()

    /// - Parameter isPrepared: whoever started this process has made the run's own keys.
    init(_ listening: Listening, _ run: RunConfiguration, isPrepared: Bool) throws {
        directory = KeyDirectory(run.layout[.keys])
        guard !listening.isInsecure else {
            (ring, security) = (nil, .noneAnywhere)
            return
        }
        if !isPrepared { try directory.prepare(server: listening.directory?.serverKey()) }
        ring = try KeyRing([directory] + (listening.directory.map { [$0] } ?? []), refusals: refusals)
        security = .server(try directory.serverKey())
    }

    /// Those that may connect, for the learner.
    var peerKeys: [PeerKey]? { ring.map(Self.peerKeys) }

    static func peerKeys(_ ring: KeyRing) -> [PeerKey] {
        ring.peers.map { PeerKey(role: $0.role, name: $0.name, key: Data($0.key.bytes)) }
    }
}

/// Looks once a second whether keys were added or revoked.
struct KeyWatch: Service {
    let ring: KeyRing
    let coordinator: Coordinator
    let logger: Logger

    func run() async throws {
        for problem in ring.problems { logger.warning("a key lets nobody in", metadata: ["why": "\(problem)"]) }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do { try await Task.sleep(for: .seconds(1)) } catch { return }
                guard let change = ring.refresh() else { continue }
                for peer in change.added {
                    logger.notice("a key counts from now on", metadata: ["key": "\(peer)"])
                }
                for key in change.revoked { logger.notice("a key was revoked", metadata: ["key": "\(key)"]) }
                for problem in change.problems {
                    logger.warning("a key lets nobody in", metadata: ["why": "\(problem)"])
                }
                await coordinator.change(keys: Access.peerKeys(ring), revoked: change.revoked)
            }
        }
    }
}
