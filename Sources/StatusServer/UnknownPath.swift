import HTTPTypes
import Hummingbird

/// An address where nothing is served is answered with its name and where to look.
struct UnknownPath<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request, context: Context, next: (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound && error.body == nil {
            let path = request.uri.path.prefix(100)
            throw HTTPError(
                .notFound, message: "nothing is served at \(request.method.rawValue) \(path); GET / lists what is")
        }
    }
}
