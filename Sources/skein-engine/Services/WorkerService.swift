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
            // Another process has its name now, or another run its coordinator: that may be otherwise in a moment.
            let passing = ["closed", Refusal.Code.replaced.rawValue, Refusal.Code.taken.rawValue]
            if passing.contains(code) { throw CommandError(.tryAgain, message) }
            throw CommandError(.configuration, "the coordinator refused: \(message)")
        }
    }
}
