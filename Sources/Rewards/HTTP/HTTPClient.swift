import Foundation
import FoundationNetworking
import Synchronization

/// Requests to one server over kept connections. Redirects are not followed, as they would take the bearer token to
/// wherever they point; answers above a limit are cut off. Safe from any task; ends its connections when it goes.
final class HTTPClient: Sendable {
    struct Answer: Sendable {
        var status: Int
        var body: Data
        /// Where a redirect points.
        var location: String?
    }

    /// Far above what numbers for a batch take.
    static let longest = 16 << 20

    /// Whether a status says that the same request would be refused again.
    static func isPermanent(_ status: Int) -> Bool {
        (300..<500).contains(status) && ![408, 425, 429].contains(status)
    }

    private let receiver = Receiver()
    private let session: URLSession

    init() {
        let configuration = URLSessionConfiguration.ephemeral
        configuration.httpShouldSetCookies = false
        session = URLSession(configuration: configuration, delegate: receiver, delegateQueue: nil)
    }

    deinit { session.invalidateAndCancel() }

    func send(_ request: URLRequest) async throws -> Answer {
        let task = session.dataTask(with: request)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                receiver.expect(task.taskIdentifier, continuation)
                if Task.isCancelled { receiver.finish(task.taskIdentifier, .failure(CancellationError())) }
                task.resume()
            }
        } onCancel: {
            task.cancel()
            // Not left to the session, which says so only when the transfer is taken down.
            receiver.finish(task.taskIdentifier, .failure(CancellationError()))
        }
    }
}

/// Collects what comes for each request, on the session's queue.
private final class Receiver: NSObject, URLSessionDataDelegate, Sendable {
    private struct Exchange {
        var continuation: CheckedContinuation<HTTPClient.Answer, any Error>
        var status = 0
        var body = Data()
        var location: String?
    }

    private let exchanges = Mutex<[Int: Exchange]>([:])

    func expect(_ id: Int, _ continuation: CheckedContinuation<HTTPClient.Answer, any Error>) {
        exchanges.withLock { $0[id] = Exchange(continuation: continuation) }
    }

    /// Only the first end of an exchange counts.
    func finish(_ id: Int, _ result: Result<Void, any Error>) {
        guard let exchange = exchanges.withLock({ $0.removeValue(forKey: id) }) else { return }
        exchange.continuation.resume(
            with: result.map {
                HTTPClient.Answer(status: exchange.status, body: exchange.body, location: exchange.location)
            })
    }

    func urlSession(
        _ session: URLSession, dataTask: URLSessionDataTask, didReceive response: URLResponse,
        completionHandler: @escaping @Sendable (URLSession.ResponseDisposition) -> Void
    ) {
        let status = (response as? HTTPURLResponse)?.statusCode ?? 0
        exchanges.withLock { $0[dataTask.taskIdentifier]?.status = status }
        completionHandler(.allow)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        let id = dataTask.taskIdentifier
        let size = exchanges.withLock {
            $0[id]?.body.append(data)
            return $0[id]?.body.count ?? 0
        }
        guard size > HTTPClient.longest else { return }
        dataTask.cancel()
        finish(id, .failure(RewardError("the answer has more than \(HTTPClient.longest >> 20) MiB")))
    }

    func urlSession(
        _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
        // A relative location is resolved in the request.
        let location = request.url?.absoluteString ?? response.value(forHTTPHeaderField: "Location")
        exchanges.withLock {
            $0[task.taskIdentifier]?.status = response.statusCode
            $0[task.taskIdentifier]?.location = location
        }
        completionHandler(nil)
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        if let error {
            finish(task.taskIdentifier, .failure(RewardError("no answer: \(error.localizedDescription)")))
        } else {
            finish(task.taskIdentifier, .success(()))
        }
    }
}
