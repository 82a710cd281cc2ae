import ClusterModel
import Foundation
import FoundationNetworking
import Logging
import MetricsServer
import Synchronization
import Testing

@testable import StatusServer

/// The endpoint over a real socket and a real client.
@Suite struct StatusServerTests {
    private final class Control: RunControl {
        let calls = Mutex<[String]>([])
        func drain(_ worker: String) async -> Bool {
            calls.withLock { $0.append("drain \(worker)") }
            return worker == "generator-0"
        }
        func lost(_ worker: String, pid: Int, byItself: Bool) async -> Bool {
            calls.withLock { $0.append("lost \(worker) \(pid)") }
            return worker == "generator-0"
        }
        func scale(_ wishes: [Role: Int]) async { calls.withLock { $0.append("scale \(wishes)") } }
        func pause(_ paused: Bool) async { calls.withLock { $0.append(paused ? "pause" : "resume") } }
        func stop() async { calls.withLock { $0.append("stop") } }
    }

    private static func snapshot() -> ClusterSnapshot {
        var snapshot = ClusterSnapshot(
            runId: "r", name: "test \"run\"", epoch: 3, state: .running, startedMs: 1000, nowMs: 6000, steps: 10)
        snapshot.learner.state = "update"
        snapshot.learner.step = 4
        snapshot.learner.metrics = ["actor/ppo_kl": 0.25, "timing_s/gen": 1.5]
        snapshot.queue["generate"] = ClusterSnapshot.Queue()
        snapshot.workers["generator"] = ClusterSnapshot.WorkerCounts()
        snapshot.workers["generator"]?.ready = 2
        return snapshot
    }

    /// The list of workers is written by hand.
    @Test func theStatusSaysWhatTheSnapshotHolds() throws {
        var snapshot = Self.snapshot()
        let names = ["plain", "with \"quotes\" and \\", "line\nbreak\u{1}", "größe 🙂", "\"worker_list\":[]"]
        snapshot.name = "\"worker_list\":[]"
        for (index, name) in names.enumerated() {
            snapshot.workerList.append(
                ClusterSnapshot.Worker(
                    id: name + "#1", name: name, role: "generator", state: "busy", host: name, pid: index, build: "b",
                    slots: 2, jobs: index > 0 ? [name, "1/2"] : [], version: index > 1 ? index : nil,
                    tokensPerS: 1.5e-7 * Double(index), residentBytes: .max, lastSeenMs: -1, joinedMs: .max,
                    jobsDone: 7))
        }
        let text = try StatusCoding.status(snapshot)
        #expect(try StatusCoding.decoder().decode(ClusterSnapshot.self, from: Data(text.utf8)) == snapshot)
        func tree(_ data: Data) throws -> NSDictionary? {
            try JSONSerialization.jsonObject(with: data) as? NSDictionary
        }
        let plain = try StatusCoding.encoder().encode(snapshot)
        #expect(try tree(Data(text.utf8)) == tree(plain))
        snapshot.workerList[0].tokensPerS = .nan
        #expect(try tree(Data(StatusCoding.status(snapshot).utf8)) != nil)
    }

    private struct Answer { var status: Int; var body: String; var type: String }

    /// Serves while `body` asks.
    private func serving(
        _ control: Control = Control(), at place: String = "127.0.0.1:0",
        _ body: (_ ask: (URLRequest) async throws -> Answer, String) async throws -> Void
    ) async throws {
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let server = StatusServer(
            address: try #require(LocalAddress(anywhere: place)),
            tokens: StatusTokens(
                commands: "secret", reading: "look",
                others: { ["phone": .reading, "chief": .commands][$0] }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, snapshot: { Self.snapshot() },
            control: control)
        let task = Task { try await server.run { listening.yield($0) } }
        defer { task.cancel() }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        try await body(
            { request in
                let (data, response) = try await URLSession.shared.data(for: request)
                let http = try #require(response as? HTTPURLResponse)
                return Answer(
                    status: http.statusCode, body: String(decoding: data, as: UTF8.self),
                    type: http.value(forHTTPHeaderField: "Content-Type") ?? "")
            }, "http://127.0.0.1:\(port)")
    }

    private func request(
        _ url: String, _ method: String = "GET", headers: [String: String] = [:], body: String? = nil
    ) throws -> URLRequest {
        var request = URLRequest(url: try #require(URL(string: url)))
        request.httpMethod = method
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        request.httpBody = body.map { Data($0.utf8) }
        return request
    }

    @Test func readersNeedNoToken() async throws {
        try await serving { ask, base in
            #expect(try await ask(request(base + "/livez")).body == "ok\n")
            #expect(try await ask(request(base + "/")).body.contains("POST /v1/scale"))
            let unknown = try await ask(request(base + "/v1/state"))
            #expect(unknown.status == 404 && unknown.type.hasPrefix("application/json"))
            #expect(unknown.body.contains("nothing is served at GET /v1/state"))
            let ready = try await ask(request(base + "/readyz?verbose"))
            #expect(ready.status == 503 && ready.body.contains("[+]generators ok"))
            #expect(ready.body.contains("[-]scorers none ready"))
            let status = try await ask(request(base + "/v1/status"))
            let object = try #require(
                try JSONSerialization.jsonObject(with: Data(status.body.utf8)) as? [String: Any])
            #expect(object["schema"] as? Int == 1 && object["state"] as? String == "RUNNING")
            #expect(object["uptime_s"] as? Double == 5)
            #expect(try await ask(request(base + "/v1/workers")).body == "[]\n")
            #expect(try await ask(request(base + "/v1/workers/nobody")).status == 404)
        }
    }

    @Test func metricsAreInTheTextFormat() async throws {
        try await serving { ask, base in
            let metrics = try await ask(request(base + "/metrics"))
            #expect(metrics.type.hasPrefix("text/plain; version=0.0.4"))
            var types: [String: String] = [:]
            for line in metrics.body.split(separator: "\n") {
                let words = line.split(separator: " ").map(String.init)
                if line.hasPrefix("# TYPE ") {
                    #expect(types[words[2]] == nil, "\(words[2]) twice")
                    types[words[2]] = words[3]
                } else if !line.hasPrefix("#") {
                    let name = String(words[0].prefix { $0 != "{" })
                    let isNamed = name.hasPrefix("skein_") || name.hasPrefix("process_")
                    #expect(isNamed && types[name] != nil, "\(line)")
                    #expect(name.hasSuffix("_total") == (types[name] == "counter"), "\(line)")
                    #expect(Double(words[words.count - 1]) != nil, "\(line)")
                }
            }
            #expect(types["process_resident_memory_bytes"] == "gauge")
            #expect(metrics.body.contains("skein_ppo_kl_nats 0.25\n"))
            #expect(metrics.body.contains("skein_learner_step_seconds{phase=\"gen\"} 1.5\n"))
        }
    }

    @Test func commandsNeedTheTokenAndAreDoneOnceForEachKey() async throws {
        let control = Control()
        try await serving(control) { ask, base in
            #expect(try await ask(request(base + "/v1/stop", "POST")).status == 401)
            #expect(
                try await ask(request(base + "/v1/stop", "POST", headers: ["Authorization": "Bearer secreT"])).status
                    == 401)
            #expect(control.calls.withLock { $0 }.isEmpty)
            let headers = [
                "Authorization": "Bearer secret", "Idempotency-Key": "k1", "Content-Type": "application/json",
            ]
            let first = try await ask(request(base + "/v1/pause", "POST", headers: headers))
            let again = try await ask(request(base + "/v1/pause", "POST", headers: headers))
            #expect(first.status == 202 && first.body == again.body)
            #expect(control.calls.withLock { $0 } == ["pause"])
            let wishes = try await ask(
                request(base + "/v1/scale", "POST", headers: headers, body: "{\"generator\": 3}"))
            #expect(wishes.status == 202)
            for bad in ["{\"learner\": 2}", "{\"generator\": -1}", "{\"generator\": 1e99}", "[", ""] {
                let answer = try await ask(request(base + "/v1/scale", "POST", headers: headers, body: bad))
                #expect((400..<500).contains(answer.status), "\(bad): \(answer)")
            }
            let drain = base + "/v1/workers/generator-9/drain"
            #expect(try await ask(request(drain, "POST", headers: headers)).status == 404)
            let lost = base + "/v1/workers/generator-0/lost"
            #expect(try await ask(request(lost, "POST", headers: headers, body: "{}")).status == 400)
            #expect(try await ask(request(lost, "POST", body: "{\"pid\": 7}")).status == 401)
            #expect(try await ask(request(lost, "POST", headers: headers, body: "{\"pid\": 7}")).status == 202)
            #expect(control.calls.withLock { $0.last } == "lost generator-0 7")
            let large = String(repeating: " ", count: 100_000) + "{}"
            #expect(try await ask(request(base + "/v1/scale", "POST", headers: headers, body: large)).status == 413)
        }
    }

    @Test func foreignPagesAreRefused() async throws {
        try await serving { ask, base in
            let foreign = try await ask(request(base + "/v1/status", headers: ["Origin": "http://evil.example"]))
            #expect(foreign.status == 403)
            #expect(try await ask(request(base + "/v1/status", headers: ["Host": "evil.example"])).status == 403)
        }
    }

    /// The run's two tokens, and those of two others: who may read, and who may command.
    @Test func beyondThisMachineReadingNeedsATokenToo() async throws {
        let control = Control()
        try await serving(control, at: "0.0.0.0:0") { ask, base in
            func code(_ path: String, _ token: String?, _ method: String = "GET") async throws -> Int {
                let headers = token.map { ["Authorization": "Bearer \($0)"] } ?? [:]
                return try await ask(request(base + path, method, headers: headers)).status
            }
            for path in ["/livez", "/readyz"] { #expect([200, 503].contains(try await code(path, nil)), "\(path)") }
            for path in ["/", "/metrics", "/v1/status", "/v1/workers", "/v1/workers/nobody"] {
                for token in [nil, "", "loo", "look0", "LOOK", "nobody"] {
                    #expect(try await code(path, token) == 401, "\(path) \(token ?? "")")
                }
            }
            for token in ["look", "secret", "phone", "chief"] { #expect(try await code("/v1/status", token) == 200) }
            for token in ["look", "phone"] { #expect(try await code("/v1/pause", token, "POST") == 403) }
            #expect(try await code("/v1/pause", nil, "POST") == 401)
            #expect(control.calls.withLock { $0 }.isEmpty)
            for token in ["secret", "chief"] { #expect(try await code("/v1/pause", token, "POST") == 202) }
            let refusal = try await ask(request(base + "/v1/status"))
            #expect(refusal.body.contains("a bearer token") && !refusal.body.contains("RUNNING"), "\(refusal)")
        }
    }

    @Test func anEmptyTokenIsNobodys() {
        let tokens = StatusTokens(commands: "", reading: "")
        #expect(tokens.scope(of: "") == nil)
    }

    @Test func onlyThisMachineIsServed() {
        #expect(LocalAddress(anywhere: "0.0.0.0:80")?.isPublic == true)
        #expect(LocalAddress(anywhere: "0.0.0.0:80")?.local == "127.0.0.1:80")
        #expect(LocalAddress(anywhere: "127.0.0.1:80")?.isPublic == false)
        #expect(LocalAddress(anywhere: ":80") == nil && LocalAddress(anywhere: "host") == nil)
        #expect(LocalAddress("0.0.0.0:80") == nil)
        #expect(LocalAddress("192.168.1.2:80") == nil)
        #expect(LocalAddress("localhost:x") == nil)
        #expect(LocalAddress("127.0.0.1:8265") != nil)
    }
}
