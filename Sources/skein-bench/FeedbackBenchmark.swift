import Dispatch
import FeedbackModel
import FeedbackStore
import Foundation
import Synchronization

/// Many annotators at once against the real labelling server: how long a vote takes until it is on disk, and whether each is there.
enum FeedbackBenchmark {
    struct Result: Encodable {
        var annotators: Int
        var votes: Int
        var votesInStore: Int
        var votesPerSecond: Double
        /// Milliseconds from the request to the answer, which has the next task in it.
        var medianMs: Double
        var p99Ms: Double
        var longestMs: Double
    }

    private struct Desk: Decodable {
        struct Task: Decodable { var lease: Int64 }
        var task: Task?
    }

    /// - Parameters:
    ///   - pause: seconds for which an annotator looks at a task, on average; 0: none.
    ///   - executable: `skein`.
    static func run(annotators: Int, votes: Int, pause: Double, executable: URL) throws -> Result {
        let folder = FileManager.default.temporaryDirectory.appending(path: "skein-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appending(path: "feedback.sqlite").path
        let links = try prepare(path, annotators: annotators, tasks: annotators * votes)
        let port = try freePort()
        let server = Process()
        server.executableURL = executable
        server.arguments = [
            "feedback", "serve", "--store", path, "--listen", "127.0.0.1:\(port)", "--log-level", "error",
        ]
        server.standardError = FileHandle.nullDevice
        try server.run()
        defer {
            server.terminate()
            server.waitUntilExit()
        }
        try wait(for: port)
        let (times, seconds) = try label(links, port: port, votes: votes, pause: pause)
        let stored = try FeedbackStore(path: path).load().state.acts.count
        let sorted = times.sorted()
        func share(_ share: Double) -> Double {
            sorted.isEmpty ? .nan : sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))] * 1000
        }
        return Result(
            annotators: annotators, votes: times.count, votesInStore: stored,
            votesPerSecond: Double(times.count) / seconds, medianMs: share(0.5), p99Ms: share(0.99), longestMs: share(1)
        )
    }

    private static func prepare(_ path: String, annotators: Int, tasks: Int) throws -> [String] {
        let store = try FeedbackStore(path: path, isNew: true)
        let text = String(repeating: "A sentence of an answer that is as long as many are. ", count: 20)
        _ = try store.add(
            (0..<tasks).map { number in
                PromptWithAnswers(
                    content: "\"What is \(number)?\"",
                    answers: [
                        .init(source: "a", text: "\(number) a. \(text)"),
                        .init(source: "b", text: "\(number) b. \(text)"),
                    ])
            }, plan: ImportPlan())
        return try (0..<annotators).map { try store.invite("annotator \($0)", isLead: false, at: 0) }
    }

    /// - Returns: seconds of each vote, and of all together.
    private static func label(
        _ links: [String], port: Int, votes: Int, pause: Double
    ) throws -> (times: [Double], seconds: Double) {
        let gathered = Mutex<(times: [Double], problem: String?)>(([], nil))
        let ready = DispatchGroup()
        let start = DispatchSemaphore(value: 0)
        let done = DispatchGroup()
        for link in links {
            ready.enter()
            done.enter()
            let thread = Thread {
                defer { done.leave() }
                do {
                    let client = try PlainClient(port: port)
                    var desk = try signIn(client, link)
                    ready.leave()
                    start.wait()
                    var times: [Double] = []
                    for _ in 0..<votes {
                        if pause > 0 { Thread.sleep(forTimeInterval: Double.random(in: 0...(2 * pause))) }
                        guard let lease = desk.task?.lease else { break }
                        let before = ContinuousClock.now
                        desk = try vote(client, lease)
                        times.append((ContinuousClock.now - before) / .seconds(1))
                    }
                    gathered.withLock { $0.times += times }
                } catch {
                    gathered.withLock { $0.problem = "\(error)" }
                }
            }
            thread.stackSize = 512 << 10
            thread.start()
        }
        ready.wait()
        let before = ContinuousClock.now
        for _ in links { start.signal() }
        done.wait()
        let result = gathered.withLock { $0 }
        if let problem = result.problem { throw PlainClient.Failure(description: problem) }
        return (result.times, (ContinuousClock.now - before) / .seconds(1))
    }

    private static func signIn(_ client: PlainClient, _ link: String) throws -> Desk {
        let answer = try client.ask("POST", "/api/session", #"{"link":"\#(link)"}"#)
        let line = answer.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("set-cookie:") }
        guard let value = line?.split(separator: ":", maxSplits: 1).last else {
            throw PlainClient.Failure(description: "no session: status \(answer.status)")
        }
        client.cookie = value.split(separator: ";").first.map { $0.trimmingCharacters(in: .whitespaces) }
        return try JSONDecoder().decode(Desk.self, from: client.ask("POST", "/api/consent", "{}").body)
    }

    private static func vote(_ client: PlainClient, _ lease: Int64) throws -> Desk {
        let place = Int.random(in: 0...1)
        let answer = try client.ask(
            "POST", "/api/acts",
            """
            {"lease":\(lease),"judgement":{"kind":"pair","outcome":"better","place":\(place),"strength":2},"seconds":1}
            """)
        guard answer.status == 200 else {
            throw PlainClient.Failure(
                description: "status \(answer.status): \(String(decoding: answer.body, as: UTF8.self))")
        }
        return try JSONDecoder().decode(Desk.self, from: answer.body)
    }

    private static func freePort() throws -> Int {
        let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(file) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(file, $0, size) == 0 && getsockname(file, $0, &size) == 0
            }
        }
        guard isBound else { throw PlainClient.Failure(description: "no free port") }
        return Int(in_port_t(bigEndian: address.sin_port))
    }

    private static func wait(for port: Int) throws {
        let end = ContinuousClock.now + .seconds(20)
        while (try? PlainClient(port: port)) == nil {
            guard ContinuousClock.now < end else {
                throw PlainClient.Failure(description: "the server does not listen")
            }
            Thread.sleep(forTimeInterval: 0.02)
        }
    }
}
