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
        if let error = Self.error(ending) { throw error }
    }

    /// How the process ends; nil: well.
    static func error(_ ending: WorkerLoop.Ending) -> CommandError? {
        switch ending {
        case .drained, .stopped: return nil
        case .unable(let reason): return CommandError(.configuration, reason)
        case .refused(let code, let message):
            // Another run may have its coordinator's place now.
            let mayPass = code == "closed" || Refusal.Code(rawValue: code)?.mayPass ?? false
            if mayPass { return CommandError(.tryAgain, message) }
            return CommandError(.configuration, "the coordinator refused: \(message)")
        }
    }

    /// Called where it is known how the work ends: a hung computation does not keep the process.
    static func leave(_ ending: WorkerLoop.Ending) { LeaveWatch.start(error(ending)?.status ?? .done) }
}
