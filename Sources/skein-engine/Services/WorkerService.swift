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
            // Another process has its name now, or another run its coordinator: that may be otherwise in a moment.
            let passing = ["closed", Refusal.Code.replaced.rawValue, Refusal.Code.taken.rawValue]
            if passing.contains(code) { return CommandError(.tryAgain, message) }
            return CommandError(.configuration, "the coordinator refused: \(message)")
        }
    }

    /// Called where it is known how the work ends: a hung computation does not keep the process.
    static func leave(_ ending: WorkerLoop.Ending) { LeaveWatch.start(error(ending)?.status ?? .done) }
}
