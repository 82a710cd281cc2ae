import Foundation
import FoundationNetworking

/// A reward server over HTTP, asked in batches. A request that fails (no connection, no answer in time, a status of
/// 408, 429 or 500 and above, an answer that is not of the format) is sent again after 0.5 s, 1 s, 2 s, ... at most
/// 30 s; when it fails for good its answers have no reward. One that is refused for its texts (400, 413, 422) is sent
/// again in halves at once, so that a text that cannot be scored costs itself alone. A status that says that the request
/// itself is wrong (401, 404, ...) ends the run: no answer would ever have a reward.
package struct HTTPReward: RewardFunction {
    private static let (firstPause, longestPause) = (Duration.milliseconds(500), Duration.seconds(30))

    package let name: String
    private let url: URL
    private let format: RewardFormat
    private let token: String?
    private let batch: Int
    private let timeout: Double
    private let retries: Int
    private let client = HTTPClient()

    /// - Parameters:
    ///   - url: checked by the run file's rules: https, or http to this machine.
    ///   - tokenVariable: name of the environment variable that holds the bearer token.
    package init(
        name: String, url: String, format: RewardFormat, tokenVariable: String? = nil, batch: Int, timeout: Double,
        retries: Int
    ) throws {
        guard let parsed = URL(string: url) else {
            throw RewardError("reward \(name): '\(url)' is no URL", isPermanent: true)
        }
        self.name = name
        self.url = parsed
        self.format = format
        self.batch = max(1, batch)
        self.timeout = timeout
        self.retries = retries
        token = try tokenVariable.map { try Self.token($0, of: "reward \(name)") }
    }

    /// - Parameter owner: for messages.
    static func token(_ variable: String, of owner: String) throws -> String {
        let value = ProcessInfo.processInfo.environment[variable]?.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let value, !value.isEmpty else {
            throw RewardError(
                "\(owner): the environment variable \(variable) (token_env) is not set", isPermanent: true)
        }
        // Anything else could end the header's line.
        guard value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else {
            throw RewardError(
                "\(owner): the token in \(variable) has characters that no HTTP header may have",
                isPermanent: true)
        }
        return value
    }

    package func score(_ inputs: [RewardInput]) async throws -> [Float?] {
        try await score(inputs, context: RewardContext(progress: { true }, note: { _ in }))
    }

    package func score(_ inputs: [RewardInput], context: RewardContext) async throws -> [Float?] {
        if format.loses(inputs) { context.note(RewardInput.beyondJSON(name)) }
        var values: [Float?] = []
        for start in stride(from: 0, to: inputs.count, by: batch) {
            let part = inputs[start..<min(inputs.count, start + batch)]
            values += try await halving(part, context)
        }
        return values
    }

    /// A server that refuses the texts, not the request, is asked for fewer, until the one that it cannot score is alone.
    private func halving(_ inputs: ArraySlice<RewardInput>, _ context: RewardContext) async throws -> [Float?] {
        do {
            return try await ask(inputs, context)
        } catch let error as RefusedTexts {
            guard inputs.count > 1 else {
                if context.isTrial { throw RewardError(error.message, isPermanent: true) }
                context.note(error.message)
                return [nil]
            }
            let middle = inputs.startIndex + inputs.count / 2
            return try await halving(inputs[..<middle], context) + halving(inputs[middle...], context)
        } catch let error as RewardError where !error.isPermanent && !context.isTrial {
            context.outage(error.message)
            return inputs.map { _ in nil }
        }
    }

    private struct RefusedTexts: Error { var message: String }

    private func ask(_ inputs: ArraySlice<RewardInput>, _ context: RewardContext) async throws -> [Float?] {
        var request = URLRequest(url: url)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("application/json", forHTTPHeaderField: "Accept")
        if let token { request.setValue("Bearer \(token)", forHTTPHeaderField: "Authorization") }
        request.httpBody = format.body(inputs)
        // The deadline below is what counts; this one starts again with every byte.
        request.timeoutInterval = timeout + 5
        var pause = Self.firstPause
        for attempt in 0... {
            do {
                return try await exchange(request, count: inputs.count, context)
            } catch let error as RewardError {
                let times = attempt == 0 ? "" : " (\(attempt + 1) attempts)"
                let message = "reward \(name): \(url.absoluteString): \(error.message)\(times)"
                guard !error.isPermanent, attempt < retries else {
                    throw RewardError(message, isPermanent: error.isPermanent)
                }
            }
            try await Self.wait(pause, context)
            pause = min(pause * 2, Self.longestPause)
        }
        return []
    }

    /// One attempt, with its deadline.
    private func exchange(
        _ request: URLRequest, count: Int, _ context: RewardContext
    ) async throws -> [Float?] {
        let answer = try await withThrowingTaskGroup(of: HTTPClient.Answer.self) { group in
            group.addTask { try await client.send(request) }
            group.addTask {
                try await Self.wait(.seconds(timeout), context)
                throw RewardError("no answer within \(timeout) s")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? HTTPClient.Answer(status: 0, body: Data())
        }
        guard (200..<300).contains(answer.status) else {
            if (300..<400).contains(answer.status), let location = answer.location {
                throw RewardError(
                    "the server redirects to \(location); write that URL (status \(answer.status))", isPermanent: true)
            }
            let start = String(decoding: answer.body.prefix(200), as: UTF8.self).excerpt()
            let message = "status \(answer.status) \(start)"
            if [400, 413, 422].contains(answer.status) {
                throw RefusedTexts(message: "reward \(name): \(url.absoluteString): \(message)")
            }
            throw RewardError(
                message, isPermanent: HTTPClient.isPermanent(answer.status))
        }
        let scores = try format.scores(answer.body, count: count)
        if let problem = scores.problem { context.note("reward \(name): \(url.absoluteString): \(problem)") }
        return scores.values
    }

    /// Sleeps, and keeps the lease on the way.
    private static func wait(_ duration: Duration, _ context: RewardContext) async throws {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            guard context.progress() else { throw CancellationError() }
            try await Task.sleep(for: min(end - ContinuousClock.now, .milliseconds(500)))
        }
    }
}
