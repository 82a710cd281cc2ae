import ArgumentParser
import Console
import Foundation
import FoundationNetworking

/// Where the status endpoint of a run is, as the commands that use it spell it.
struct StatusAddress: ParsableArguments {
    @Option(help: "host:port of the status endpoint.") var status: String?
    @Option(help: "Run directory of the run, in place of --status.") var run: String?
    @Option(help: "File with the bearer token (default: the one in the run directory).") var tokenFile: String?

    private static let standard = "127.0.0.1:8265"

    func client() throws -> StatusClient {
        if let status { return StatusClient(address: status, tokenFile: tokenFile) }
        if let run {
            guard let file = CoordinatorFile.read(in: run) else {
                throw CommandError(.usage, "\(run) holds no coordinator.json: no run was started there")
            }
            return StatusClient(address: file.status, tokenFile: tokenFile ?? file.tokenFile)
        }
        return StatusClient(
            address: ProcessInfo.processInfo.environment["SKEIN_STATUS"] ?? Self.standard, tokenFile: tokenFile)
    }
}

struct StatusClient: Sendable {
    let address: String
    let tokenFile: String?

    func get(_ path: String) async throws -> (code: Int, body: Data) {
        try await send(request(path))
    }

    /// A command that changes the run; needs the bearer token.
    func post(_ path: String, body: [String: Int] = [:]) async throws -> Data {
        var request = try request(path)
        request.httpMethod = "POST"
        guard let tokenFile else {
            throw CommandError(.usage, "the bearer token is needed: give --run DIR or --token-file FILE")
        }
        guard let token = FileManager.default.contents(atPath: tokenFile) else {
            throw CommandError(.usage, "cannot read the bearer token from \(tokenFile)")
        }
        let text = String(decoding: token, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        request.setValue("Bearer \(text)", forHTTPHeaderField: "Authorization")
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue(UUID().uuidString, forHTTPHeaderField: "Idempotency-Key")
        request.httpBody = try JSONEncoder().encode(body)
        let (code, answer) = try await send(request)
        guard (200..<300).contains(code) else {
            throw CommandError(.failed, "\(address) refused (\(code)): \(String(decoding: answer, as: UTF8.self))")
        }
        return answer
    }

    private func request(_ path: String) throws -> URLRequest {
        guard let url = URL(string: "http://\(address)\(path)") else {
            throw CommandError(.usage, "\(address) is not host:port")
        }
        var request = URLRequest(url: url)
        request.timeoutInterval = 5
        return request
    }

    private func send(_ request: URLRequest) async throws -> (Int, Data) {
        do {
            let (data, response) = try await URLSession.shared.data(for: request)
            return ((response as? HTTPURLResponse)?.statusCode ?? 0, data)
        } catch {
            throw CommandError(
                .usage, "no coordinator answers at \(address); is the run alive? (\(error.localizedDescription))")
        }
    }
}
