package import FeedbackModel
package import FeedbackStore
import Foundation
import HTTPTypes
import Hummingbird
package import Logging
package import MetricsServer
import NIOCore

/// The labelling page and its interface, on this machine alone; a proxy or a tunnel brings it to others.
///
/// Pages and scripts need no session, everything else does. Every change is on disk before it is answered.
/// Shutdown: cancel the task of `run`, or shut its service group down; the store's writer ends with it.
package struct FeedbackServer: Sendable {
    package let address: LocalAddress
    private let publicURL: String?
    private let store: FeedbackStore
    private let desk: LabelDesk
    private let logger: Logger
    private let now: @Sendable () -> UnixMilliseconds
    private let failures: AsyncStream<FeedbackError>
    /// Name of the cookie of a session. Browsers share cookies among all ports of a host, so each store has its own.
    private let cookie: String

    /// Annotators who may be connected at once.
    private static let mostConnections = 1000

    /// - Parameters:
    ///   - publicURL: how annotators reach the server through a proxy, such as `https://label.example.com`; nil: as it is.
    ///   - store: owned by this process.
    /// - Throws: `FeedbackError` when the store cannot be read.
    package init(
        address: LocalAddress, publicURL: String? = nil, store: FeedbackStore,
        selection: any TaskSelection = RandomTaskSelection(),
        now: @escaping @Sendable () -> UnixMilliseconds = { Int64(Date.now.timeIntervalSince1970 * 1000) },
        logger: Logger
    ) throws {
        self.address = address
        self.publicURL = publicURL
        self.store = store
        self.now = now
        self.logger = logger
        let (failures, failed) = AsyncStream.makeStream(of: FeedbackError.self)
        self.failures = failures
        cookie = "skein_feedback_\(try store.identity())"
        desk = try LabelDesk(store: store, selection: selection, now: now) { failed.yield($0) }
    }

    /// Serves until the task is cancelled or its service group shuts down. Throws when the address cannot be listened at or the
    /// store cannot be written.
    ///
    /// - Parameter onReady: called with the port once it listens.
    package func run(onReady: @escaping @Sendable (Int) async -> Void) async throws {
        defer { desk.close() }
        try await withThrowingTaskGroup(of: Void.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                try await LocalServer.run(
                    router(), at: address, connections: Self.mostConnections, logger: logger, onReady: onReady)
            }
            group.addTask { for await failure in failures { throw failure } }
            _ = try await group.next()
        }
    }

    private func router() -> Router<FeedbackContext> {
        let router = Router(context: FeedbackContext.self)
        router.add(middleware: SecurityHeaders())
        router.add(middleware: Refusals())
        router.add(middleware: LocalOnly(orOrigin: publicURL))
        router.get("livez") { _, _ in "ok\n" }
        router.get("/") { _, _ in try page("index.html") }
        router.get("assets/:name") { _, context in try page(context.parameters.get("name") ?? "") }
        router.post("api/session") { request, context in try await signIn(request, context) }
        let store = store
        let now = now
        let people = router.group("api").add(
            middleware: Sessions(cookie: cookie) { session in try store.person(session: session, at: now()) })
        addOwn(people)
        addLead(people)
        return router
    }

    private func page(_ name: String) throws -> Response {
        guard let asset = Asset.named(name) else { throw HTTPError(.notFound, message: "there is no such page") }
        return Response(
            status: .ok, headers: [.contentType: asset.type], body: .init(byteBuffer: ByteBuffer(bytes: asset.bytes)))
    }

    // MARK: - Sessions

    private struct SignIn: Decodable { var link: String }

    private func signIn(_ request: Request, _ context: FeedbackContext) async throws -> Response {
        let body = try await request.decode(as: SignIn.self, context: context)
        guard let (person, session) = try store.signIn(link: body.link, at: now()) else {
            throw HTTPError(.unauthorized, message: "this link is not valid; ask your team for a new one")
        }
        logger.info("signed in", metadata: ["person": "\(person)"])
        return Response(
            status: .noContent,
            headers: [.setCookie: "\(cookie)=\(session); Max-Age=2592000; \(cookieAttributes)"])
    }

    private var cookieAttributes: String {
        let isSecure = publicURL?.hasPrefix("https://") == true
        return "Path=/; HttpOnly; SameSite=Strict" + (isSecure ? "; Secure" : "")
    }

    // MARK: - A person's own desk

    private struct LeaseBody: Decodable { var lease: Int64 }

    private func addOwn(_ group: RouterGroup<FeedbackContext>) {
        group.delete("session") { request, _ in
            if let session = request.cookies[cookie]?.value { try store.signOut(session: session) }
            return Response(
                status: .noContent, headers: [.setCookie: "\(cookie)=; Max-Age=0; \(cookieAttributes)"])
        }
        group.get("desk") { _, context in
            let person = try context.requirePerson()
            return try await answer { _ in .open(person) }
        }
        group.post("consent") { _, context in
            let person = try context.requirePerson()
            return try await answer { _ in .consent(person) }
        }
        group.post("acts") { request, context in
            let person = try context.requirePerson()
            let body = try await request.decode(as: ActBody.self, context: context)
            return try await answer { machine in
                guard let order = machine.order(of: LeaseID(body.lease), by: person) else {
                    throw Refusal(.leaseGone, "this task is not yours, so the answer was not counted")
                }
                return .submit(person, try body.submission(order))
            }
        }
        group.post("undo") { _, context in
            let person = try context.requirePerson()
            return try await answer { _ in .undo(person) }
        }
        group.post("renew") { request, context in
            let person = try context.requirePerson()
            let body = try await request.decode(as: LeaseBody.self, context: context)
            _ = try await desk.ask { _ in .renew(person, LeaseID(body.lease)) }
            return Response(status: .noContent)
        }
        group.post("give-back") { _, context in
            let person = try context.requirePerson()
            return try await answer { _ in .giveBack(person) }
        }
        group.get("votes") { _, context in
            let person = try context.requirePerson()
            let acts = try await desk.look { $0.acts(of: person, limit: 100) }
            return try Self.json(acts.map { VoteRow($0, pseudonym: nil) })
        }
    }

    private func answer(_ event: @Sendable (LabelMachine) throws -> LabelEvent) async throws -> Response {
        let reply = try await desk.ask(event)
        guard case .task(_, let task) = reply.view.content else {
            return try Self.json(DeskBody(reply, texts: nil))
        }
        guard let texts = try store.texts(of: task) else {
            throw HTTPError(.serviceUnavailable, message: "the task was removed a moment ago; load the page again")
        }
        return try Self.json(DeskBody(reply, texts: texts))
    }

    // MARK: - What leads see

    private struct TaskNumber: Decodable { var task: Int64 }

    private func addLead(_ group: RouterGroup<FeedbackContext>) {
        group.get("lead") { _, context in
            let person = try context.requirePerson()
            return try Self.json(
                try await desk.look { machine in
                    try LeadBody.check(person, machine)
                    return LeadBody(machine)
                })
        }
        group.get("lead/votes") { request, context in
            let person = try context.requirePerson()
            let task = request.uri.queryParameters["task"].flatMap { Int64($0) }
            let rows = try await desk.look { machine in
                try LeadBody.check(person, machine)
                return LeadBody.votes(machine, task: task.map { TaskID($0) })
            }
            return try Self.json(rows)
        }
        group.post("lead/adjudicate") { request, context in
            let person = try context.requirePerson()
            let body = try await request.decode(as: TaskNumber.self, context: context)
            return try await answer { _ in .adjudicate(person, TaskID(body.task)) }
        }
    }

    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let data = try FeedbackContext.encoder.encode(value)
        return Response(
            status: status, headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(bytes: data)))
    }
}
