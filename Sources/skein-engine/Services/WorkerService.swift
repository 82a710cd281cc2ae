import Cluster
import ClusterModel
import Console
import ServiceLifecycle

/// A generator or scorer as the role of its process. Asked to finish, it drains.
struct WorkerService: Service {
    let loop: WorkerLoop

    func run() async throws {
        let ending = await withGracefulShutdownHandler {
            await loop.run()
        } onGracefulShutdown: {
            loop.drain()
        }
        switch ending {
        case .drained, .stopped: return
        case .unable(let reason): throw CommandError(.configuration, reason)
        case .refused(let code, let message):
            // Another run may have its coordinator's place now.
            let mayPass = code == "closed" || Refusal.Code(rawValue: code)?.mayPass ?? false
            if mayPass { throw CommandError(.tryAgain, message) }
            throw CommandError(.configuration, "the coordinator refused: \(message)")
        }
    }
}
