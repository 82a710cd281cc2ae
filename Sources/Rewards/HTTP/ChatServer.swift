import Foundation
import FoundationNetworking
package import Tokenizers

/// An OpenAI-compatible server of a chat model: `POST URL/chat/completions`.
///
/// A request that fails in passing (no connection, no answer in time, a status of 408, 425, 429 or 500 and above) is sent
/// again after 0.5 s, 1 s, 2 s, ...; one that is refused for good throws a permanent `RewardError`. Safe from any task.
package struct ChatServer: Sendable {
    /// How an answer is sampled.
    package struct Sampling: Sendable {
        package var temperature: Double
        package var maxTokens: Int

        package init(temperature: Double = 1, maxTokens: Int = 512) {
            self.temperature = temperature
            self.maxTokens = maxTokens
        }
    }

    private struct Reply: Decodable {
        struct Choice: Decodable {
            struct Message: Decodable { var content: String? }
            var message: Message
        }
        var choices: [Choice]
    }

    package let model: String
    private let url: URL
    private let token: String?
    private let timeout: Double
    private let retries: Int
    private let client = HTTPClient()

    /// - Parameters:
    ///   - url: https, or http to this machine, as `HTTPKeys.trouble(withURL:)` checks; with or without `/v1`'s last slash.
    ///   - tokenVariable: name of the environment variable that holds the bearer token.
    ///   - timeout: seconds for one request.
    package init(url: String, model: String, tokenVariable: String? = nil, timeout: Double = 120, retries: Int = 3)
        throws
    {
        guard let parsed = URL(string: url) else { throw RewardError("'\(url)' is no URL", isPermanent: true) }
        self.url = parsed.appending(path: "chat/completions")
        self.model = model
        self.timeout = timeout
        self.retries = retries
        token = try tokenVariable.map { try HTTPReward.token($0, of: "model \(model)") }
    }

    /// One answer to a conversation.
    package func answer(to turns: [ChatMessage], _ sampling: Sampling) async throws -> String {
        let body = JSONValue.object([
            .init("model", .string(model)), .init("messages", .array(turns.map(\.json))),
            .init("temperature", .number(sampling.temperature)), .init("max_tokens", .integer(sampling.maxTokens)),
        ])
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        request.httpBody = Data(body.finite.json.utf8)
        request.timeoutInterval = timeout + 5
        var pause = Duration.milliseconds(500)
        var attempt = 0
        while true {
            do {
                return try await exchange(request)
            } catch let error as RewardError where !error.isPermanent && attempt < retries {
                attempt += 1
                try await Task.sleep(for: pause)
                pause *= 2
            } catch let error as RewardError {
                throw RewardError("\(url.absoluteString): \(error.message)", isPermanent: error.isPermanent)
            }
        }
    }

    private func exchange(_ request: URLRequest) async throws -> String {
        let answer = try await withThrowingTaskGroup(of: HTTPClient.Answer.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await client.send(request) }
            group.addTask {
                try await Task.sleep(for: .seconds(timeout))
                throw RewardError("no answer within \(timeout) s")
            }
            return try await group.next() ?? HTTPClient.Answer(status: 0, body: Data())
        }
        guard (200..<300).contains(answer.status) else {
            let start = String(decoding: answer.body.prefix(200), as: UTF8.self).excerpt()
            throw RewardError("status \(answer.status) \(start)", isPermanent: HTTPClient.isPermanent(answer.status))
        }
        guard let reply = try? JSONDecoder().decode(Reply.self, from: answer.body),
            let text = reply.choices.first?.message.content
        else {
            let start = String(decoding: answer.body.prefix(200), as: UTF8.self).excerpt()
            throw RewardError("the reply has no choices[0].message.content: \(start)")
        }
        return text
    }
}
