import Cryptography
import HTTPTypes
import Hummingbird

/// Which bearer token allows what.
package struct StatusTokens: Sendable {
    package enum Scope: Sendable { case reading, commands }

    private let commands: [UInt8]
    private let reading: [UInt8]
    private let others: @Sendable (String) -> Scope?

    /// - Parameters:
    ///   - commands: good for reading too.
    ///   - others: tokens beside the run's own; nil for one that nobody has.
    package init(
        commands: String, reading: String, others: @escaping @Sendable (String) -> Scope? = { _ in nil }
    ) {
        self.commands = Array(commands.utf8)
        self.reading = Array(reading.utf8)
        self.others = others
    }

    /// nil: nobody's. The time does not depend on how much of it is right.
    func scope(of token: String) -> Scope? {
        let bytes = Array(token.utf8)
        // An empty one is none.
        let isForCommands = Secrets.areEqual(bytes, commands) && !bytes.isEmpty
        let isForReading = Secrets.areEqual(bytes, reading) && !bytes.isEmpty
        let other = others(token)
        if isForCommands { return .commands }
        return isForReading ? .reading : other
    }
}

/// What a request needs a token for, compared in constant time.
struct BearerToken<Context: RequestContext>: RouterMiddleware {
    let tokens: StatusTokens
    let needs: StatusTokens.Scope

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let given = request.headers[.authorization] ?? ""
        guard !given.isEmpty else {
            let what = needs == .commands ? "this command needs" : "beyond the coordinator's machine reading needs"
            throw HTTPError(.unauthorized, message: "\(what) a bearer token")
        }
        guard given.hasPrefix("Bearer "), let scope = tokens.scope(of: String(given.dropFirst(7))) else {
            throw HTTPError(.unauthorized, message: "the token that was sent is not this run's")
        }
        guard needs == .reading || scope == .commands else {
            throw HTTPError(.forbidden, message: "the token that was sent is for reading alone")
        }
        return try await next(request, context)
    }
}
