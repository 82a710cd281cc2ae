import ClusterModel
import Console
import Coordinator
import Foundation
import MetricsServer
import ServiceLifecycle
import StatusServer

/// The coordinator as the role of its process: from its first message to the end of the run, then it closes sockets and
/// journal. Asked to finish, it stops the run as an operator would; cancelled, it leaves the journal as it is.
struct CoordinatorService: Service {
    let coordinator: Coordinator
    let runDirectory: String

    func run() async throws {
        let outcome = await withTaskGroup(of: Void.self, returning: Coordinator.Outcome.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                guard (try? await gracefulShutdown()) != nil else { return }
                await coordinator.requestStop()
            }
            for await outcome in coordinator.ended { return outcome }
            return .success(())
        }
        // Long enough for a reader to see how it ended.
        try? await Task.sleep(for: .milliseconds(200))
        if CoordinatorFile.read(in: runDirectory)?.pid == getpid() { CoordinatorFile.remove(in: runDirectory) }
        await coordinator.close()
        if case .failure(let error) = outcome {
            throw CommandError(ExitStatus(rawValue: error.exitCode) ?? .failed, error.message)
        }
    }
}

/// The status endpoint beside the coordinator. Says in `coordinator.json` where both listen; without that file nobody would
/// find them, so that it is an error when it cannot be written.
struct StatusService: Service {
    let server: StatusServer
    let coordinator: Coordinator
    let runDirectory: String
    let tokenFile: String
    /// Directory of the run's own keys.
    let keys: String?
    /// Name or address of this machine for others; nil: none is let in.
    let host: String?

    func run() async throws {
        let (failures, failed) = AsyncStream.makeStream(of: CommandError.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await serve(failed) }
            group.addTask { for await error in failures { throw error } }
            _ = try await group.next()
        }
    }

    /// - Parameter failed: told what goes wrong once it serves; it goes on until it is cancelled.
    private func serve(_ failed: AsyncStream<CommandError>.Continuation) async throws {
        let address = server.address
        do {
            try await server.run { port in
                let status = address.at(port: port)
                let written = CoordinatorFile(
                    pid: ProcessInfo.processInfo.processIdentifier, runID: coordinator.snapshots.current.runId,
                    endpoint: Listening.local(coordinator.address), bind: coordinator.address, keys: keys,
                    status: "\(status.local)", tokenFile: tokenFile,
                    elsewhere: host.map { host in
                        CoordinatorFile.Elsewhere(
                            machine: ProcessInfo.processInfo.hostName,
                            endpoint: "tcp://\(host):\(Listening.port(of: coordinator.address))",
                            status: status.isPublic ? "\(host):\(port)" : nil)
                    })
                do {
                    try written.write(in: runDirectory)
                } catch {
                    let path = CoordinatorFile.path(in: runDirectory)
                    let advice = "check the space and the permissions of the run directory"
                    failed.yield(
                        CommandError(.failed, "cannot write \(path): \(error.localizedDescription); \(advice)"))
                }
            }
        } catch {
            throw CommandError(
                .tryAgain,
                "cannot serve the status at \(address): \(error); set coordinator.status to another port")
        }
    }
}
