import ArgumentParser
import ClusterModel
import Console
import Foundation
import FoundationNetworking
import StatusServer

/// Where the status endpoint of a run is, as the commands that use it spell it.
struct StatusAddress: ParsableArguments {
    @Option(help: "host:port of the status endpoint.") var status: String?
    @Option(help: "Run directory of the run, in place of --status.") var run: String?
    @Option(help: "File with the bearer token (default: SKEIN_TOKEN_FILE, or the one in the run directory).")
    var tokenFile: String?

    /// The same options for another command, to show.
    var words: String {
        if let status { return " --status \(status)" + (tokenFile.map { " --token-file \($0)" } ?? "") }
        return run.map { " --run \($0)" } ?? ""
    }

    private static let standard = "127.0.0.1:8265"

    func client() throws -> StatusClient {
        if let status {
            try Self.check(status, from: "--status")
            return StatusClient(address: status, tokenFile: tokenFile ?? Self.givenTokenFile)
        }
        if let run {
            guard let file = CoordinatorFile.read(in: run) else {
                if let live = LiveStages.read(in: run) {
                    throw CommandError(.usage, "no coordinator is live in \(run) now: \(live.sentence)")
                }
                let before = EndedRun.read(in: run).map { ": \($0.sentence)" } ?? "; no run was started there"
                throw CommandError(.usage, "no run is live in \(run)\(before)")
            }
            return StatusClient(address: file.statusFromHere, tokenFile: tokenFile ?? file.tokenFile, directory: run)
        }
        let address = ProcessInfo.processInfo.environment["SKEIN_STATUS"] ?? Self.standard
        try Self.check(address, from: "SKEIN_STATUS")
        return StatusClient(address: address, tokenFile: tokenFile ?? Self.givenTokenFile)
    }

    private static var givenTokenFile: String? {
        ProcessInfo.processInfo.environment["SKEIN_TOKEN_FILE"].flatMap { $0.isEmpty ? nil : $0 }
    }

    private static func check(_ address: String, from source: String) throws {
        guard let colon = address.lastIndex(of: ":"), colon > address.startIndex, !address.contains("/"),
            UInt16(address[address.index(after: colon)...]) != nil
        else { throw CommandError(.usage, "\(source): write host:port, for example \(standard)") }
    }
}

struct StatusClient: Sendable {
    /// Seconds.
    private static let patience = 5.0

    let address: String
    let tokenFile: String?
    /// The run directory in which the address stood, to say why nobody answers there.
    var directory: String?

    func get(_ path: String) async throws -> (code: Int, body: Data) {
        try await send(request(path))
    }

    /// nil when what answers there is no coordinator of Skein.
    func snapshot() async throws -> ClusterSnapshot? {
        let (code, body) = try await get("/v1/status")
        guard code != 401 else {
            throw CommandError(
                .usage,
                "\(address) shows nothing without a token: give --token-file FILE (skein keys new NAME --role reader)"
            )
        }
        return try? StatusCoding.decoder().decode(ClusterSnapshot.self, from: body)
    }

    /// - Returns: whether the condition came true in time.
    func wait(atMost seconds: Int, _ condition: (ClusterSnapshot) -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            // A run that has ended meanwhile has nothing left to wait for.
            guard let snapshot = try? await snapshot() else { return false }
            if condition(snapshot) { return true }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    /// A command that changes the run; needs the bearer token.
    @discardableResult
    func post(_ path: String, body: [String: Int] = [:]) async throws -> Data {
        guard let tokenFile else {
            throw CommandError(.usage, "the bearer token is needed: give --run DIR or --token-file FILE")
        }
        guard FileManager.default.isReadableFile(atPath: tokenFile) else {
            throw CommandError(.usage, "cannot read the bearer token from \(tokenFile)")
        }
        var request = try request(path)
        request.httpMethod = "POST"
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue(UUID().uuidString, forHTTPHeaderField: "Idempotency-Key")
        request.httpBody = try JSONEncoder().encode(body)
        let (code, answer) = try await send(request)
        guard code != 403 else {
            throw CommandError(
                .failed, "\(address) refused: the token in \(tokenFile) is for reading; give that of an operator")
        }
        guard code != 401 else {
            throw CommandError(
                .failed,
                "the token in \(tokenFile) is not that of the run at \(address); give --run DIR or --token-file FILE")
        }
        guard (200..<300).contains(code) else {
            throw CommandError(.failed, "\(address) refused (\(code)): \(Self.reason(answer))")
        }
        return answer
    }

    /// The server's message out of its JSON.
    private static func reason(_ answer: Data) -> String {
        struct Refusal: Decodable { struct Inner: Decodable { var message: String }; var error: Inner }
        return (try? JSONDecoder().decode(Refusal.self, from: answer))?.error.message
            ?? String(decoding: answer.prefix(500), as: UTF8.self)
    }

    private func request(_ path: String) throws -> URLRequest {
        guard let url = URL(string: "http://\(address)\(path)") else {
            throw CommandError(.usage, "\(address) is not host:port")
        }
        var request = URLRequest(url: url)
        request.timeoutInterval = Self.patience
        if let tokenFile, let token = FileManager.default.contents(atPath: tokenFile) {
            let text = String(decoding: token, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            request.setValue("Bearer \(text)", forHTTPHeaderField: "Authorization")
        }
        return request
    }

    private static func reason(_ error: (any Error)?) -> String {
        guard let error else { return "no HTTP" }
        return (error as? URLError)?.code == .timedOut
            ? "no answer within \(Int(patience)) s" : error.localizedDescription
    }

    private func send(_ request: URLRequest) async throws -> (Int, Data) {
        // Not `data(for:)`: that cancels the request with its task, and a cancelled request that is under way can trap
        // inside URLSession on Linux. The time limit ends it.
        try await withCheckedThrowingContinuation { continuation in
            let task = URLSession.shared.dataTask(with: request) { [address, directory] data, response, error in
                guard let response = response as? HTTPURLResponse else {
                    let silent = directory.flatMap(SilentCoordinator.read)?.sentence
                    let reason = "no coordinator answers at \(address); is the run alive? (\(Self.reason(error)))"
                    continuation.resume(throwing: CommandError(.usage, silent ?? reason))
                    return
                }
                continuation.resume(returning: (response.statusCode, data ?? Data()))
            }
            task.resume()
        }
    }
}
