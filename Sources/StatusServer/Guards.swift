import HTTPTypes
import Hummingbird
import Loopback
import Sodium

/// A browser on this machine must not be led to talk to the endpoint by a foreign page: `Host` has to be this machine
/// (DNS rebinding) and `Origin`, which browsers send, has to be absent or this machine.
struct LocalOnly<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let host = request.head.authority ?? ""
        guard Self.isLocal(host) else { throw HTTPError(.forbidden, message: "unknown Host") }
        if let origin = request.headers[.origin] {
            guard Self.isLocal(origin.replacing("http://", with: "")) else {
                throw HTTPError(.forbidden, message: "unknown Origin")
            }
        }
        return try await next(request, context)
    }

    static func isLocal(_ authority: String) -> Bool {
        Loopback.isHost(authority) || Loopback.isAddress(authority)
    }
}

/// Commands that change the run need the token of the run, compared in constant time.
struct BearerToken<Context: RequestContext>: RouterMiddleware {
    let token: [UInt8]

    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let given = request.headers[.authorization] ?? ""
        guard given.hasPrefix("Bearer "), Sodium.areEqual(Array(given.dropFirst(7).utf8), token) else {
            throw HTTPError(.unauthorized, message: "this command needs the run's bearer token")
        }
        return try await next(request, context)
    }
}
