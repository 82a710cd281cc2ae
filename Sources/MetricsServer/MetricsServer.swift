import Foundation
import HTTPTypes
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle

/// `GET /metrics` of one process: what its ``MetricsRegistry`` has, and nothing else. Loopback only, so no token is needed.
///
/// Shutdown: cancel the task of `run`, or shut its service group down.
package struct MetricsServer: Sendable {
    package let address: LocalAddress
    private let registry: MetricsRegistry
    private let logger: Logger

    package init(at address: LocalAddress, registry: MetricsRegistry, logger: Logger) {
        self.address = address
        self.registry = registry
        self.logger = logger
    }

    /// Serves until the task is cancelled or its service group shuts down. Throws when the address cannot be listened at.
    ///
    /// - Parameter onReady: called with the port once it listens.
    package func run(onReady: @escaping @Sendable (Int) async -> Void) async throws {
        let router = Router(context: MetricsContext.self)
        router.add(middleware: LocalOnly())
        router.get("livez") { _, _ in "ok\n" }
        router.get("metrics") { _, _ in
            Response(
                status: .ok, headers: [.contentType: Exposition.contentType, .cacheControl: "no-store"],
                body: .init(byteBuffer: ByteBuffer(string: registry.render())))
        }
        try await LocalServer.run(router, at: address, logger: logger, onReady: onReady)
    }
}

private struct MetricsContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    init(source: Source) { coreContext = .init(source: source) }
    var maxUploadSize: Int { 1 << 10 }
}

/// A small HTTP server on this machine. It takes a limited number of connections, so that no client can use up the
/// descriptors that the process needs for its work; more of them wait until others are closed.
package enum LocalServer {
    /// How long a client that never finishes its request may hold a shutdown up.
    private static let patience: Duration = .seconds(1)
    package static let mostConnections = 64
    /// Of a connection on which nothing happens.
    private static let idleTimeout: TimeAmount = .seconds(30)

    package static func run<Context: RequestContext>(
        _ router: Router<Context>, at address: LocalAddress, connections: Int = mostConnections, logger: Logger,
        onReady: @escaping @Sendable (Int) async -> Void
    ) async throws where Context: InitializableFromSource<ApplicationRequestContextSource> {
        var quiet = logger
        // It calls its own cancellation an error.
        quiet.logLevel = .critical
        let app = Application(
            router: router,
            server: .http1(configuration: .init(idleTimeout: idleTimeout)),
            configuration: .init(
                address: .hostname(address.host, port: address.port), serverName: "skein", reuseAddress: true,
                availableConnectionsDelegate: MaximumAvailableConnections(connections, logger: quiet)),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? 0) }, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                do {
                    try await app.runService(gracefulShutdownSignals: [])
                } catch let error as IOError {
                    throw ListenFailure(error)
                }
            }
            group.addTask {
                try await gracefulShutdown()
                try await Task.sleep(for: patience)
            }
            _ = try await group.next()
        }
    }
}

/// What the system says against an address, without the words of the library.
private struct ListenFailure: Error, CustomStringConvertible {
    let description: String

    init(_ error: IOError) {
        description = error.errnoCode == EADDRINUSE ? "the port is in use" : String(cString: strerror(error.errnoCode))
    }
}
