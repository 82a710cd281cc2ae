import Foundation
package import Logging
package import ServiceLifecycle

/// The services of one process, and how it ends.
///
///     running --(1) a signal--> each service is asked to finish, the last of the list first, each when the one after it has
///     running --(2) the role has ended, well or not--> the others are asked to finish in the same order
///     running --(3) a service beside the role cannot work--> all are cancelled
///     (1) --(4) another signal, where the process says so--> the process ends at once
///
/// The process ends with the error of edge 2 or 3, if there is one.
package struct ServiceProcess: Sendable {
    private var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
    private let logger: Logger

    package init(logger: Logger) { self.logger = logger }

    /// A service that lives as long as the role does.
    package mutating func add(beside service: any Service) {
        services.append(
            .init(service: service, successTerminationBehavior: .ignore, failureTerminationBehavior: .cancelGroup))
    }

    /// What the process is for. Added last, so that it finishes while everything it uses is there.
    package mutating func add(role service: any Service) {
        services.append(
            .init(
                service: service, successTerminationBehavior: .gracefullyShutdownGroup,
                failureTerminationBehavior: .gracefullyShutdownGroup))
    }

    /// - Parameter second: how the process ends at a second signal; nil: it goes on finishing. What runs on the compute
    ///   thread cannot be cancelled, so this takes the process down.
    package func run(until signals: [Int32], second: ExitStatus?) async throws {
        let group = ServiceGroup(configuration: .init(services: services, logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            defer { tasks.cancelAll() }
            tasks.addTask {
                var isSecond = false
                for await _ in Signals.stream(signals) {
                    ServiceManager.tell(ServiceManager.stopping)
                    if isSecond, let second { _exit(second.rawValue) }
                    isSecond = true
                    await group.triggerGracefulShutdown()
                }
            }
            tasks.addTask { await ServiceManager.watch() }
            ServiceManager.tell(ServiceManager.ready)
            try await group.run()
        }
    }
}
