import HTTPTypes
package import Hummingbird
import Loopback

/// A browser on this machine must not be led to talk to the endpoint by a foreign page: `Host` has to be this machine
/// (DNS rebinding) and `Origin`, which browsers send, has to be absent or this machine.
package struct LocalOnly<Context: RequestContext>: RouterMiddleware {
    private let origin: String?

    /// - Parameter origin: of a proxy before this server that counts as this machine, such as `https://label.example.com`.
    package init(orOrigin origin: String? = nil) { self.origin = origin }

    package func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        let host = request.head.authority ?? ""
        guard Self.isLocal(host) || isOfProxy("//" + host) else { throw HTTPError(.forbidden, message: "unknown Host") }
        if let origin = request.headers[.origin] {
            guard Self.isLocal(origin.replacing("http://", with: "")) || isOfProxy(origin) else {
                throw HTTPError(.forbidden, message: "unknown Origin")
            }
        }
        return try await next(request, context)
    }

    /// - Parameter other: an origin, or one without its scheme.
    private func isOfProxy(_ other: String) -> Bool {
        guard let origin else { return false }
        return other.hasPrefix("//") ? origin.lowercased().hasSuffix(":" + other.lowercased()) : origin == other
    }

    static func isLocal(_ authority: String) -> Bool {
        Loopback.isHost(authority) || Loopback.isAddress(authority)
    }
}
