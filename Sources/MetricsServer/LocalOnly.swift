import HTTPTypes
package import Hummingbird
import Loopback

/// A browser on this machine must not be led to talk to the endpoint by a foreign page: `Host` has to be this machine
/// (DNS rebinding) and `Origin`, which browsers send, has to be absent or this machine.
package struct LocalOnly<Context: RequestContext>: RouterMiddleware {
    package init() {}

    package func handle(
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
