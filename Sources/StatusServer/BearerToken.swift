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
        guard given.hasPrefix("Bearer "), Secrets.areEqual(Array(given.dropFirst(7).utf8), token) else {
            throw HTTPError(.unauthorized, message: "this command needs the run's bearer token")
        }
        return try await next(request, context)
    }
}
