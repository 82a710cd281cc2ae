import FeedbackModel
import FeedbackStore
import Foundation
import FoundationNetworking
import Logging
import MetricsServer
import Testing

@testable import FeedbackServer

/// The server over a real socket, with a real store and a plain client.
@Suite struct FeedbackServerTests {
    struct Answer {
        var status: Int
        var body: [String: Any]
        var headers: [AnyHashable: Any]
        var text: String

        var task: [String: Any] { body["task"] as? [String: Any] ?? [:] }
        var lease: Int { task["lease"] as? Int ?? -1 }
        var code: String { (body["error"] as? [String: Any])?["code"] as? String ?? "" }
    }

    /// A person with cookies of their own.
    final class Client {
        let base: String
        var cookie: String?
        private let session: URLSession

        init(_ base: String) {
            self.base = base
            // Its own cookies: the shared storage has one of each name for all ports of a host.
            let configuration = URLSessionConfiguration.ephemeral
            configuration.httpCookieStorage = nil
            configuration.httpShouldSetCookies = false
            session = URLSession(configuration: configuration)
        }

        deinit { session.finishTasksAndInvalidate() }

        func ask(
            _ method: String, _ path: String, _ body: [String: Any]? = nil, headers: [String: String] = [:]
        ) async throws -> Answer {
            var request = URLRequest(url: try #require(URL(string: base + path)))
            request.httpMethod = method
            if let cookie { request.setValue(cookie, forHTTPHeaderField: "Cookie") }
            for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
            if let body {
                request.httpBody = try JSONSerialization.data(withJSONObject: body)
                request.setValue("application/json", forHTTPHeaderField: "Content-Type")
            }
            let (data, response) = try await session.data(for: request)
            let http = try #require(response as? HTTPURLResponse)
            let object = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
            return Answer(
                status: http.statusCode, body: object ?? [:], headers: http.allHeaderFields,
                text: String(decoding: data, as: UTF8.self))
        }

        func signIn(_ link: String) async throws {
            let answer = try await ask("POST", "/api/session", ["link": link])
            #expect(answer.status == 204)
            let header = answer.headers["Set-Cookie"] as? String ?? ""
            #expect(header.contains("HttpOnly") && header.contains("SameSite=Strict"))
            cookie = String(header.prefix { $0 != ";" })
            #expect(try await ask("POST", "/api/consent", [:]).status == 200)
        }

        func vote(_ lease: Int, place: Int = 0, strength: Int = 2) async throws -> Answer {
            try await ask(
                "POST", "/api/acts",
                [
                    "lease": lease, "seconds": 1.5,
                    "judgement": ["kind": "pair", "outcome": "better", "place": place, "strength": strength],
                ])
        }
    }

    final class Bench {
        let folder: String
        let store: FeedbackStore
        init(tasks: Int, settings: FeedbackSettings = .init(), prompts: [PromptWithAnswers] = []) throws {
            folder = FileManager.default.temporaryDirectory.appending(path: "skein-server-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            store = try FeedbackStore(path: folder + "/feedback.sqlite", isNew: true)
            try store.set(settings)
            let pairs = (0..<tasks).map { number in
                PromptWithAnswers(
                    content: "\"prompt \(number)\"",
                    answers: [.init(source: "one", text: "first"), .init(source: "two", text: "second")])
            }
            _ = try store.add(pairs + prompts, plan: ImportPlan())
        }
        deinit { try? FileManager.default.removeItem(atPath: folder) }

        func invite(_ name: String, isLead: Bool = false) throws -> String {
            try store.invite(name, isLead: isLead, at: 1)
        }
    }

    private func serving(
        _ bench: Bench, publicURL: String? = nil, _ body: (String) async throws -> Void
    ) async throws {
        let (ports, listening) = AsyncStream.makeStream(of: Int.self)
        let server = try FeedbackServer(
            address: try #require(LocalAddress("127.0.0.1:0")), publicURL: publicURL, store: bench.store,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let task = Task { try await server.run { listening.yield($0) } }
        var iterator = ports.makeAsyncIterator()
        let port = try #require(await iterator.next())
        let result = await Result { try await body("http://127.0.0.1:\(port)") }
        task.cancel()
        _ = await task.result
        try result.get()
    }

    @Test func thePageIsSelfContainedAndStrict() async throws {
        try await serving(try Bench(tasks: 1)) { base in
            let client = Client(base)
            let page = try await client.ask("GET", "/")
            let policy = try #require(page.headers["Content-Security-Policy"] as? String)
            #expect(policy.contains("default-src 'none'") && policy.contains("script-src 'self'"))
            #expect(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"))
            #expect(page.headers["X-Content-Type-Options"] as? String == "nosniff")
            var found: Set<String> = []
            var open = [page.text]
            while let text = open.popLast() {
                #expect(!text.contains("http://") || !text.contains("src=\"http"), "nothing from elsewhere")
                for match in text.matches(of: #/(?:"/assets/|from "\./)([a-z]+\.[a-z]+)"/#) {
                    let name = String(match.1)
                    guard found.insert(name).inserted else { continue }
                    let asset = try await client.ask("GET", "/assets/" + name)
                    #expect(asset.status == 200, "\(name)")
                    open.append(asset.text)
                }
            }
            #expect(found.count == 15, "\(found)")
            #expect(!page.text.contains("<style") && !page.text.contains("style=") && !page.text.contains("onclick"))
            #expect(try await client.ask("GET", "/assets/../Package.swift").status == 404)
            #expect(try await client.ask("GET", "/assets/none.js").status == 404)
        }
    }

    @Test func nothingIsToldOrTakenWithoutASession() async throws {
        let bench = try Bench(tasks: 1)
        let link = try bench.invite("Ann")
        try await serving(bench) { base in
            let client = Client(base)
            for (method, path) in [
                ("GET", "/api/desk"), ("POST", "/api/acts"), ("POST", "/api/undo"), ("POST", "/api/consent"),
                ("POST", "/api/give-back"), ("POST", "/api/renew"), ("GET", "/api/votes"), ("GET", "/api/lead"),
                ("GET", "/api/lead/votes"), ("POST", "/api/lead/adjudicate"), ("DELETE", "/api/session"),
            ] {
                let answer = try await client.ask(method, path, method == "POST" ? ["lease": 1] : nil)
                #expect(answer.status == 401, "\(method) \(path)")
            }
            for wrong in ["", String(repeating: "0", count: 64), link.uppercased(), String(link.dropLast())] {
                #expect(try await client.ask("POST", "/api/session", ["link": wrong]).status == 401)
            }
            client.cookie = "skein_feedback_\(try bench.store.identity())=\(link)"
            #expect(try await client.ask("GET", "/api/desk").status == 401, "a link is no session")
            try await client.signIn(link)
            #expect(try await client.ask("GET", "/api/desk").status == 200)
            #expect(try await client.ask("GET", "/api/desk", headers: ["Host": "evil.example"]).status == 403)
            #expect(
                try await client.ask("POST", "/api/undo", [:], headers: ["Origin": "http://evil.example"]).status == 403
            )
            #expect(try await client.ask("DELETE", "/api/session").status == 204)
            #expect(try await client.ask("GET", "/api/desk").status == 401)
        }
    }

    @Test func aRevokedLinkEndsAtOnce() async throws {
        let bench = try Bench(tasks: 2)
        let link = try bench.invite("Ann")
        try await serving(bench) { base in
            let client = Client(base)
            try await client.signIn(link)
            let lease = try await client.ask("GET", "/api/desk").lease
            // As another process does.
            try FeedbackStore(path: bench.folder + "/feedback.sqlite").revoke("Ann", at: 2)
            #expect(try await client.vote(lease).status == 401)
        }
        #expect(try bench.store.load().state.acts.isEmpty)
    }

    @Test func sourcesStayHiddenAndPlacesAreWhatWasShown() async throws {
        let bench = try Bench(tasks: 30)
        let link = try bench.invite("Ann")
        try await serving(bench) { base in
            let client = Client(base)
            try await client.signIn(link)
            var desk = try await client.ask("GET", "/api/desk")
            for number in 0..<30 {
                #expect(!desk.text.contains("\"one\"") && !desk.text.contains("\"two\""))
                let answers = (desk.task["answers"] as? [[String: String]])?.compactMap { $0["text"] } ?? []
                #expect(Set(answers) == ["first", "second"])
                let place = answers.firstIndex(of: "second") ?? 0
                desk = try await client.vote(desk.lease, place: place, strength: 1 + number % 3)
                #expect(desk.status == 200)
            }
            #expect((desk.body["empty"] as? [String: Any])?["code"] as? String == "all_done")
        }
        var winners: Set<String> = []
        for act in try bench.store.load().state.acts {
            guard case .pair(.better(let answer), _) = act.judgement else { continue }
            let task = try #require(try bench.store.load().state.tasks.first { $0.id == act.task })
            winners.insert(try bench.store.texts(of: task)?.answers[answer]?.text ?? "")
        }
        #expect(winners == ["second"])
    }

    @Test func aVoteIsCountedOnceHoweverOftenItComes() async throws {
        let bench = try Bench(tasks: 2)
        let link = try bench.invite("Ann")
        try await serving(bench) { base in
            let client = Client(base)
            try await client.signIn(link)
            let lease = try await client.ask("GET", "/api/desk").lease
            let first = try await client.vote(lease)
            let second = try await client.vote(lease)
            #expect(first.body["was_counted_before"] as? Bool == false)
            #expect(second.body["was_counted_before"] as? Bool == true && second.lease == first.lease)
            #expect(try await client.vote(lease, place: 1).code == "lease_gone", "another answer is not the same one")
            #expect(try await client.vote(lease + 7).code == "lease_gone")
            #expect(try await client.vote(first.lease, place: 2).code == "invalid")
            let undone = try await client.ask("POST", "/api/undo", [:])
            let draft = try #require(undone.task["draft"] as? [String: Any])
            #expect((draft["judgement"] as? [String: Any])?["outcome"] as? String == "better")
        }
        #expect(try bench.store.load().state.acts.count == 1)
    }

    @Test func annotatorsSeeTheirOwnAndLeadsSeeAll() async throws {
        var settings = FeedbackSettings()
        settings.overlap = 2
        let bench = try Bench(tasks: 1, settings: settings)
        let links = try ["Ann", "Bea", "Lea"].map { try bench.invite($0, isLead: $0 == "Lea") }
        try await serving(bench) { base in
            let people = links.map { _ in Client(base) }
            for (client, link) in zip(people, links) { try await client.signIn(link) }
            for client in people[..<2] {
                let desk = try await client.ask("GET", "/api/desk")
                let answers = (desk.task["answers"] as? [[String: String]])?.compactMap { $0["text"] } ?? []
                // Ann likes the first text, Bea the second.
                let liked = client === people[0] ? "first" : "second"
                _ = try await client.vote(desk.lease, place: answers.firstIndex(of: liked) ?? 0)
            }
            func count(_ answer: Answer) -> Int {
                (try? JSONSerialization.jsonObject(with: Data(answer.text.utf8)) as? [Any])?.count ?? -1
            }
            #expect(count(try await people[0].ask("GET", "/api/votes")) == 1)
            for path in ["/api/lead", "/api/lead/votes"] {
                #expect(try await people[0].ask("GET", path).code == "leads_only")
            }
            #expect(try await people[0].ask("POST", "/api/lead/adjudicate", ["task": 1]).code == "leads_only")
            #expect(count(try await people[2].ask("GET", "/api/lead/votes?task=1")) == 2)
            let overview = try await people[2].ask("GET", "/api/lead")
            #expect(overview.body["dispute_count"] as? Int == 1)
            #expect(!overview.text.contains("Ann") && !overview.text.contains("Bea"))
            let settle = try await people[2].ask("POST", "/api/lead/adjudicate", ["task": 1])
            #expect(settle.task["is_adjudication"] as? Bool == true)
            #expect((settle.task["votes"] as? [Any])?.count == 2)
            _ = try await people[2].vote(settle.lease)
            #expect(try await people[2].ask("GET", "/api/lead").body["dispute_count"] as? Int == 0)
        }
    }

    @Test func aProxyIsKnownByItsOrigin() async throws {
        let bench = try Bench(tasks: 1)
        let link = try bench.invite("Ann")
        try await serving(bench, publicURL: "https://label.example.com") { base in
            let client = Client(base)
            let headers = ["Host": "label.example.com", "Origin": "https://label.example.com"]
            let answer = try await client.ask("POST", "/api/session", ["link": link], headers: headers)
            #expect(answer.status == 204)
            #expect((answer.headers["Set-Cookie"] as? String)?.contains("Secure") == true)
            for (name, value) in [
                ("Host", "example.com"), ("Host", "evil.label.example.com"), ("Origin", "http://label.example.com"),
            ] {
                var wrong = headers
                wrong[name] = value
                let answer = try await client.ask("POST", "/api/session", ["link": link], headers: wrong)
                #expect(answer.status == 403, "\(name): \(value)")
            }
        }
    }

    @Test func manyPeopleAtOnceShareNoTask() async throws {
        let bench = try Bench(tasks: 200)
        let links = try (0..<20).map { try bench.invite("person \($0)") }
        try await serving(bench) { base in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for link in links {
                    group.addTask {
                        let client = Client(base)
                        try await client.signIn(link)
                        var desk = try await client.ask("GET", "/api/desk")
                        while desk.lease >= 0 { desk = try await client.vote(desk.lease) }
                    }
                }
                try await group.waitForAll()
            }
        }
        let acts = try bench.store.load().state.acts
        #expect(acts.count == 200 && Set(acts.map(\.task)).count == 200)
    }

    @Test func brokenRequestsAreRefused() async throws {
        let bench = try Bench(tasks: 1)
        let link = try bench.invite("Ann")
        try await serving(bench) { base in
            let client = Client(base)
            try await client.signIn(link)
            let lease = try await client.ask("GET", "/api/desk").lease
            let bodies: [[String: Any]] = [
                [:], ["lease": "x"], ["lease": lease], ["lease": lease, "judgement": ["kind": "duel"]],
                ["lease": lease, "judgement": ["kind": "pair", "outcome": "better", "place": -1, "strength": 1]],
                ["lease": lease, "judgement": ["kind": "pair", "outcome": "better", "place": 0, "strength": 99]],
                ["lease": lease, "judgement": ["kind": "pair", "outcome": "tie"], "seconds": -1],
                ["lease": lease, "judgement": ["kind": "pair", "outcome": "tie"], "comment": 7],
                ["lease": lease, "judgement": ["kind": "ranking", "groups": [[0], [Int.max]]]],
                [
                    "lease": lease, "judgement": ["kind": "pair", "outcome": "tie"],
                    "flags": [["place": 9, "names": ["x"]]],
                ],
            ]
            for body in bodies {
                let answer = try await client.ask("POST", "/api/acts", body)
                #expect((400..<500).contains(answer.status), "\(body): \(answer.status)")
            }
            let large = ["lease": lease, "comment": String(repeating: "x", count: 2 << 20)] as [String: Any]
            #expect(try await client.ask("POST", "/api/acts", large).status == 413)
        }
        #expect(try bench.store.load().state.acts.isEmpty)
    }
}

extension Result where Failure == any Error {
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
