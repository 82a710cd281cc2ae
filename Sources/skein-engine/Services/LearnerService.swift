import Cluster
import ClusterModel
import Console
import Learner
import Logging
import ServiceLifecycle

/// The learner as the role of its process. Asked to finish, it ends at the next await, with a checkpoint of its last
/// step on disk.
struct LearnerService: Service {
    let link: WorkerLink
    let server: ArtifactServer
    let logger: Logger

    func run() async throws {
        do {
            let outcome = try await cancelWhenGracefulShutdown {
                try await LearnerRole(link: link, server: server, log: logger).run()
            }
            await link.close(reason: outcome == .finished ? Message.finished : "stopped")
        } catch is CancellationError {
            await link.close(reason: "stopped")
        } catch let error as LearnerError where error.code == .setting || error.code == .checkpoint {
            await link.close(reason: "\(error)")
            // A damaged checkpoint is as damaged for the next process.
            throw CommandError(.configuration, "\(error)")
        } catch let error as LearnerError where error.code == .taken {
            await link.close(reason: "\(error)")
            throw CommandError(.tryAgain, error.message)
        } catch {
            await link.close(reason: "\(error)")
            throw CommandError(.failed, "\(error)")
        }
    }
}

/// Where workers pull weights from, as long as the learner lives.
struct ArtifactService: Service {
    let server: ArtifactServer

    func run() async throws {
        try? await gracefulShutdown()
        await server.close()
    }
}
