package import ClusterModel
package import Foundation
import HTTPTypes
import Hummingbird
package import Logging
package import MetricsServer
import NIOCore
import RunConfiguration
import Cryptography

/// What the operator may ask of a run; the coordinator does it.
package protocol RunControl: Sendable {
    func drain(_ worker: String) async -> Bool
    /// The process `pid` of a worker has ended; false when no worker is called so.
    func lost(_ worker: String, pid: Int, byItself: Bool) async -> Bool
    func scale(_ wishes: [Role: Int]) async
    func pause(_ paused: Bool) async
    func stop() async
}

/// The status endpoint: reads snapshots, never asks the coordinator, so that a reader cannot slow the run.
///
/// On this machine alone reading needs no token; commands need one, and beyond this machine reading does too. Shutdown:
/// cancel the task of `run`, or shut its service group down.
package struct StatusServer: Sendable {
    package let address: LocalAddress
    private let tokens: StatusTokens
    private let snapshot: @Sendable () -> ClusterSnapshot
    private let control: any RunControl
    private let logger: Logger
    private let operations = Operations()

    package init(
        address: LocalAddress, tokens: StatusTokens, logger: Logger,
        snapshot: @escaping @Sendable () -> ClusterSnapshot,
        control: any RunControl
    ) {
        self.address = address
        self.tokens = tokens
        self.logger = logger
        self.snapshot = snapshot
        self.control = control
    }

    /// Serves until the task is cancelled or its service group shuts down. Throws when the address cannot be listened at.
    ///
    /// - Parameter onReady: called with the port once it listens.
    package func run(onReady: @escaping @Sendable (Int) async -> Void) async throws {
        try await LocalServer.run(router(), at: address, logger: logger, onReady: onReady)
    }

    private func router() -> Router<StatusContext> {
        let router = Router(context: StatusContext.self)
        // Whoever comes from elsewhere calls this machine by any name it has, and shows a token that no foreign page knows.
        if !address.isPublic { router.add(middleware: LocalOnly()) }
        router.add(middleware: UnknownPath())
        router.get("livez") { _, _ in "ok\n" }
        router.get("readyz") { request, _ in
            let report = Readiness(snapshot())
            return text(
                request.uri.queryParameters["verbose"] != nil || !report.isReady ? report.lines : "ok\n",
                status: report.isReady ? .ok : .serviceUnavailable)
        }
        let readers =
            address.isPublic
            ? router.group().add(middleware: BearerToken(tokens: tokens, needs: .reading)) : router.group()
        readers.get("/") { _, _ in text(Self.endpoints) }
        readers.get("metrics") { _, _ in
            text(RunMetrics.render(snapshot()), type: Exposition.contentType)
        }
        readers.get("v1/status") { _, _ in json(try StatusCoding.status(snapshot())) }
        readers.get("v1/workers") { _, _ in json(WorkerRows(snapshot().workerList).text) }
        readers.get("v1/workers/:id") { _, context in
            let id = context.parameters.get("id") ?? ""
            guard let worker = snapshot().workerList.last(where: { $0.name == id || $0.id == id }) else {
                throw HTTPError(.notFound, message: "no worker \(id.prefix(100))")
            }
            return try json(worker)
        }
        addCommands(router.group().add(middleware: BearerToken(tokens: tokens, needs: .commands)))
        return router
    }

    private static let endpoints = """
        GET  /v1/status             the run as JSON
        GET  /v1/workers            its workers; /v1/workers/NAME: one of them
        GET  /metrics               figures for Prometheus
        GET  /livez                 200 while the coordinator's process answers
        GET  /readyz                200 when the run can make progress, else 503 and what is missing; ?verbose: every part

        With the header "Authorization: Bearer TOKEN"; the token is in the file `token` of the run directory. Beyond this
        machine all of the above but livez and readyz need a token too; `read-token` is good for them:
        POST /v1/pause, /v1/resume, /v1/stop
        POST /v1/scale              body {"generator": 4, "scorer": 2}
        POST /v1/workers/NAME/drain
        POST /v1/workers/NAME/lost  body {"pid": 123}: its process has ended

        """

    private func addCommands(_ commands: RouterGroup<StatusContext>) {
        commands.post("v1/workers/:id/drain") { request, context in
            let id = context.parameters.get("id") ?? ""
            return try await carryOut("drain", request) {
                guard await control.drain(id) else {
                    throw HTTPError(
                        .notFound,
                        message: "no generator or scorer is called \(id.prefix(100)) (a learner cannot be drained)")
                }
            }
        }
        commands.post("v1/workers/:id/lost") { request, context in
            let id = context.parameters.get("id") ?? ""
            let body = try await request.decode(as: [String: Int].self, context: context)
            guard let pid = body["pid"], pid > 0 else {
                throw HTTPError(.badRequest, message: "give the process number as pid")
            }
            return try await carryOut("lost", request) {
                guard await control.lost(id, pid: pid, byItself: body["by_itself"] != 0) else {
                    throw HTTPError(.notFound, message: "no worker \(id.prefix(100))")
                }
            }
        }
        commands.post("v1/scale") { request, context in
            let wishes = try await request.decode(as: [String: Int].self, context: context)
            var roles: [Role: Int] = [:]
            for (name, count) in wishes {
                let counts = WorkersSection.counts
                guard let role = Role(rawValue: name), role != .learner, counts.contains(count) else {
                    throw HTTPError(
                        .badRequest,
                        message: "generator and scorer can be scaled, from \(counts.lowerBound) to \(counts.upperBound)"
                    )
                }
                roles[role] = count
            }
            return try await carryOut("scale", request) { [roles] in await control.scale(roles) }
        }
        commands.post("v1/pause") { request, _ in
            try await carryOut("pause", request) { await control.pause(true) }
        }
        commands.post("v1/resume") { request, _ in
            try await carryOut("resume", request) { await control.pause(false) }
        }
        commands.post("v1/stop") { request, _ in try await carryOut("stop", request) { await control.stop() } }
    }

    /// Does what was asked once for each `Idempotency-Key`, and answers with the operation's id.
    private func carryOut(
        _ what: String, _ request: Request, _ body: () async throws -> Void
    ) async throws -> Response {
        let operation = operations.begin(what, key: request.headers[Operations.keyHeader])
        if operation.isNew {
            do {
                try await body()
            } catch {
                operations.forget(operation.id)
                throw error
            }
        }
        return try json(["operation": operation.id], status: .accepted)
    }

    private func text(_ body: String, status: HTTPResponse.Status = .ok, type: String = "text/plain") -> Response {
        Response(
            status: status, headers: [.contentType: type, .cacheControl: "no-store"],
            body: .init(byteBuffer: ByteBuffer(string: body)))
    }

    private func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        json(String(decoding: try StatusCoding.encoder().encode(value), as: UTF8.self), status: status)
    }

    private func json(_ body: String, status: HTTPResponse.Status = .ok) -> Response {
        text(body + "\n", status: status, type: "application/json")
    }
}

/// How the status is written as JSON: keys with underscores, sorted.
package enum StatusCoding {
    private static let noWorkers = "\"worker_list\":[]"

    package static func status(_ snapshot: ClusterSnapshot) throws -> String {
        var rest = snapshot
        rest.workerList = []
        let text = String(decoding: try encoder().encode(rest), as: UTF8.self)
        // Inside a string the quotes would be escaped, so this is the key.
        guard !snapshot.workerList.isEmpty, let place = text.range(of: noWorkers) else { return text }
        return text[..<place.lowerBound] + "\"worker_list\":" + WorkerRows(snapshot.workerList).text
            + text[place.upperBound...]
    }

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
