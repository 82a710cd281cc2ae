import FeedbackModel
import Foundation
import HTTPTypes
import Hummingbird

/// A request with the person who sent it, and bounds for what it may send.
struct FeedbackContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// Set by ``Sessions``; nil for requests that need no sign-in.
    var person: PersonID?

    init(source: Source) { coreContext = .init(source: source) }

    /// Room for a text of the longest size, its remarks, and escapes.
    var maxUploadSize: Int { 1 << 20 }

    var requestDecoder: JSONDecoder {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return decoder
    }

    var responseEncoder: JSONEncoder { Self.encoder }

    static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return encoder
    }

    /// The person behind the request.
    func requirePerson() throws -> PersonID {
        guard let person else { throw HTTPError(.unauthorized, message: "open your personal link first") }
        return person
    }
}

/// Every response tells the browser to run and load nothing but this server's own files, and to keep nothing.
struct SecurityHeaders: RouterMiddleware {
    static let policy = [
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self'", "connect-src 'self'",
        "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ].joined(separator: "; ")

    private static let headers: [(String, String)] = [
        ("Content-Security-Policy", policy), ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
        ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), microphone=(), geolocation=()"), ("Cache-Control", "no-store"),
    ]

    func handle(
        _ request: Request, context: FeedbackContext, next: (Request, FeedbackContext) async throws -> Response
    ) async throws -> Response {
        var response: Response
        do {
            response = try await next(request, context)
        } catch let error as any HTTPResponseError {
            response = try error.response(from: request, context: context)
        }
        for (name, value) in Self.headers {
            if let name = HTTPField.Name(name) { response.headers[name] = value }
        }
        return response
    }
}

/// Finds the person of a session by its cookie. Without one nothing is read or written.
struct Sessions: RouterMiddleware {
    /// Name of the cookie.
    let cookie: String
    let person: @Sendable (_ session: String) throws -> PersonID?

    func handle(
        _ request: Request, context: FeedbackContext, next: (Request, FeedbackContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.person = try request.cookies[cookie].flatMap { try person($0.value) }
        _ = try context.requirePerson()
        return try await next(request, context)
    }
}

/// Turns refusals into responses that the page understands: `{"error":{"code","message"}}`.
struct Refusals: RouterMiddleware {
    private struct Body: Encodable {
        struct Problem: Encodable {
            var code: String
            var message: String
        }
        var error: Problem
    }

    func handle(
        _ request: Request, context: FeedbackContext, next: (Request, FeedbackContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let refusal as Refusal {
            let status: HTTPResponse.Status =
                switch refusal.code {
                case .unknownPerson: .unauthorized
                case .consentNeeded, .leadsOnly: .forbidden
                case .leaseGone, .nothingToUndo, .cannotUndo: .conflict
                case .invalid, .reasonNeeded: .unprocessableContent
                }
            let body = Body(error: Body.Problem(code: refusal.code.rawValue, message: refusal.message))
            return try FeedbackServer.json(body, status: status)
        }
    }
}
