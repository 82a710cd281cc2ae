package import ClusterModel
package import Foundation
import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import Sodium

/// What the operator may ask of a run; the coordinator does it.
package protocol RunControl: Sendable {
    func drain(_ worker: String) async -> Bool
    func scale(_ wishes: [Role: Int]) async
    func pause(_ paused: Bool) async
    func stop() async
}

/// The status endpoint: reads snapshots, never asks the coordinator, so that a reader cannot slow the run.
///
/// Loopback only. Reading needs no token; commands need the bearer token. Shutdown: cancel the task of `run()`.
package struct StatusServer: Sendable {
    package struct Address: Sendable, Equatable {
        package var host: String
        package var port: Int

        /// `host:port`; nil when it is neither that nor on this machine.
        package init?(_ text: String) {
            guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
                return nil
            }
            host = String(text[..<colon])
            self.port = Int(port)
            guard ["127.0.0.1", "localhost", "::1", "[::1]"].contains(host) else { return nil }
        }
    }

    private let address: Address
    private let token: [UInt8]
    private let snapshot: @Sendable () -> ClusterSnapshot
    private let control: any RunControl
    private let logger: Logger

    package init(
        address: Address, token: String, logger: Logger, snapshot: @escaping @Sendable () -> ClusterSnapshot,
        control: any RunControl
    ) {
        self.address = address
        self.token = Array(token.utf8)
        self.logger = logger
        self.snapshot = snapshot
        self.control = control
    }

    /// Serves until the task is cancelled.
    /// - Parameter onReady: called with the port once it listens.
    package func run(onReady: @escaping @Sendable (Int) async -> Void) async throws {
        var quiet = logger
        quiet.logLevel = .error
        let app = Application(
            router: router(),
            configuration: .init(
                address: .hostname(address.host, port: address.port), serverName: "skein", reuseAddress: true),
            onServerRunning: { channel in await onReady(channel.localAddress?.port ?? 0) }, logger: quiet)
        try await app.runService(gracefulShutdownSignals: [])
    }

    private func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: LocalOnly())
        router.get("livez") { _, _ in "ok\n" }
        router.get("readyz") { request, _ in
            let report = Readiness(snapshot())
            return text(
                request.uri.queryParameters["verbose"] != nil || !report.isReady ? report.lines : "ok\n",
                status: report.isReady ? .ok : .serviceUnavailable)
        }
        router.get("metrics") { _, _ in
            text(Metrics.render(snapshot()), type: "text/plain; version=0.0.4; charset=utf-8")
        }
        router.get("v1/status") { _, _ in try json(snapshot()) }
        router.get("v1/workers") { _, _ in try json(snapshot().workerList) }
        router.get("v1/workers/:id") { _, context in
            let id = context.parameters.get("id") ?? ""
            guard let worker = snapshot().workerList.last(where: { $0.name == id || $0.id == id }) else {
                throw HTTPError(.notFound, message: "no worker \(id.prefix(100))")
            }
            return try json(worker)
        }
        let commands = router.group().add(middleware: BearerToken(token: token))
        commands.post("v1/workers/:id/drain") { _, context in
            let id = context.parameters.get("id") ?? ""
            guard await control.drain(id) else { throw HTTPError(.notFound, message: "no worker \(id.prefix(100))") }
            return try accepted("drain")
        }
        commands.post("v1/scale") { request, context in
            let wishes = try await request.decode(as: [String: Int].self, context: context)
            var roles: [Role: Int] = [:]
            for (name, count) in wishes {
                guard let role = Role(rawValue: name), role != .learner, (0...1024).contains(count) else {
                    throw HTTPError(.badRequest, message: "generator and scorer can be scaled, from 0 to 1024")
                }
                roles[role] = count
            }
            await control.scale(roles)
            return try accepted("scale")
        }
        commands.post("v1/pause") { _, _ in
            await control.pause(true)
            return try accepted("pause")
        }
        commands.post("v1/resume") { _, _ in
            await control.pause(false)
            return try accepted("resume")
        }
        commands.post("v1/stop") { _, _ in
            await control.stop()
            return try accepted("stop")
        }
        return router
    }

    private func text(_ body: String, status: HTTPResponse.Status = .ok, type: String = "text/plain") -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: body)))
    }

    private func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        text(
            String(decoding: try StatusCoding.encoder().encode(value), as: UTF8.self) + "\n", status: status,
            type: "application/json")
    }

    private func accepted(_ what: String) throws -> Response {
        try json(["operation": "\(what)-\(Sodium.hexadecimal(Sodium.randomBytes(6)))"], status: .accepted)
    }
}

/// How the status is written as JSON: keys with underscores, sorted.
package enum StatusCoding {
    package static func encoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    package static func decoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }
}
