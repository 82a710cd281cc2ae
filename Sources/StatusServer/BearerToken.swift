import HTTPTypes
import Hummingbird
import Cryptography

/// Commands that change the run need the token of the run, compared in constant time.
struct BearerToken<Context: RequestContext>: RouterMiddleware {
    let token: [UInt8]

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let given = request.headers[.authorization] ?? ""
        guard !given.isEmpty else {
            throw HTTPError(.unauthorized, message: "this command needs the run's bearer token")
        }
        guard given.hasPrefix("Bearer "), Secrets.areEqual(Array(given.dropFirst(7).utf8), token) else {
            throw HTTPError(.unauthorized, message: "the token that was sent is not this run's")
        }
        return try await next(request, context)
    }
}
