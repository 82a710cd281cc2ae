import FeedbackModel
import FeedbackStore
import Foundation
import GRDB
import Testing

/// A real SQLite file, written and read by more than one connection.
@Suite struct FeedbackStoreTests {
    @Test func theSameImportAgainAddsNothing() throws {
        let prompts = [StoreBench.prompt("p", ["a", "b", "c"]), StoreBench.prompt("q", ["same", "same"])]
        let bench = try StoreBench([])
        let first = try bench.store.add(prompts, plan: ImportPlan())
        #expect(first.prompts == 2 && first.tasks == 3 && first.known == 0 && first.equalTexts == 1)
        let second = try bench.store.add(prompts, plan: ImportPlan())
        #expect(second.prompts == 0 && second.tasks == 0 && second.known == 3)
        var plan = ImportPlan()
        plan.pairsPerPrompt = 2
        let other = try StoreBench([StoreBench.prompt("p", ["a", "b", "c", "d"])], plan: plan)
        #expect(try other.store.load().state.tasks.count == 2)
        var changed = StoreBench.prompt("p", ["a", "b"])
        changed.name = "named"
        _ = try bench.store.add([changed], plan: ImportPlan())
        changed.content = "\"another\""
        #expect(throws: FeedbackError.self) { try bench.store.add([changed], plan: ImportPlan()) }
    }

    @Test func whatIsWrittenIsReadBack() async throws {
        let bench = try StoreBench([StoreBench.prompt("p", ["a", "b", "c", "d"], kind: .ranking)])
        let person = try await bench.person("Ann")
        let lease = try await bench.say(
            person, Remarks(flags: [], scores: [], comment: "x \u{0}\n\"y\"", reason: "größe 🙂")
        ) { .ranking([[$0.order[3]], [$0.order[0], $0.order[2]], [$0.order[1]]]) }
        try bench.reload()
        let act = try #require(bench.machine.act(ActID(1)))
        #expect(act.judgement == .ranking([[lease.order[3]], [lease.order[0], lease.order[2]], [lease.order[1]]]))
        #expect(act.remarks.comment == "x \u{0}\n\"y\"" && act.remarks.reason == "größe 🙂")
        #expect(act.order == lease.order && act.shownAt == bench.now && act.seconds == 1.5 && act.idleSeconds == 0.25)
        let row = try #require(try bench.exported().first)
        #expect(row["kind"] as? String == "ranking")
        #expect(
            row["ranking"] as? [[String]]
                == [[lease.order[3]], [lease.order[0], lease.order[2]], [lease.order[1]]].map { $0.map(\.description) })
    }

    @Test func aLeaseSurvivesARestart() async throws {
        let bench = try StoreBench((1...20).map { StoreBench.prompt("p\($0)", ["a", "b"]) })
        let person = try await bench.person("Ann")
        let before = try await bench.send(.open(person))
        try bench.reload()
        #expect(try await bench.send(.open(person)) == before)
    }

    /// The database itself refuses a second answer, whatever the machine says.
    @Test func onePersonAnswersATaskOnce() async throws {
        let bench = try StoreBench([StoreBench.prompt("p", ["a", "b"])])
        let person = try await bench.person("Ann")
        let lease = try await bench.say(person) { _ in .pair(.tie, strength: nil) }
        let again = Act(
            id: ActID(2), lease: LeaseID(2), task: lease.task, person: person, order: lease.order,
            judgement: .pair(.bothBad, strength: nil))
        await #expect(throws: FeedbackError.self) {
            try await bench.writer.commit([.act(again)], basis: bench.basis)
        }
        #expect(try bench.store.load().state.acts.count == 1)
        // After a failure nothing more is taken.
        await #expect(throws: FeedbackError.self) { try await bench.writer.commit([], basis: bench.basis) }
    }

    @Test func whatAnotherProcessChangesIsNoticed() async throws {
        let bench = try StoreBench([StoreBench.prompt("p", ["a", "b"])])
        let person = try await bench.person("Ann")
        _ = try await bench.send(.open(person))
        let beside = try FeedbackStore(path: bench.path)
        try beside.revoke("Ann", at: bench.now)
        await #expect(throws: StoreChanged.self) { try await bench.send(.open(person)) }
        try bench.reload()
        await #expect(throws: Refusal.self) { try await bench.send(.open(person)) }
        #expect(try bench.store.load().state.leases.isEmpty)
    }

    @Test func linksAreHashedRevocableAndSingle() throws {
        let bench = try StoreBench([])
        let now = bench.now
        let first = try bench.store.invite("Ann", isLead: false, at: now)
        #expect(first.utf8.count == 64)
        let (person, session) = try #require(try bench.store.signIn(link: first, at: now))
        #expect(try bench.store.person(session: session, at: now) == person)
        #expect(try bench.store.person(session: session, at: now + 31 * 86_400_000) == nil)
        #expect(try bench.store.person(session: first, at: now) == nil)
        #expect(try bench.store.signIn(link: session, at: now) == nil)
        #expect(try bench.store.signIn(link: "", at: now) == nil)
        let second = try bench.store.invite("Ann", isLead: true, at: now)
        #expect(second != first)
        #expect(try bench.store.signIn(link: first, at: now) == nil)
        #expect(try bench.store.person(session: session, at: now) == nil)
        let (same, other) = try #require(try bench.store.signIn(link: second, at: now))
        #expect(same == person)
        try bench.store.revoke("Ann", at: now)
        #expect(try bench.store.signIn(link: second, at: now) == nil)
        #expect(try bench.store.person(session: other, at: now) == nil)
        // Neither secret stands anywhere in the file or its log.
        for name in ["feedback.sqlite", "feedback.sqlite-wal"] {
            let bytes = FileManager.default.contents(atPath: bench.file(name)) ?? Data()
            for secret in [first, second, session] { #expect(bytes.range(of: Data(secret.utf8)) == nil) }
        }
        #expect(throws: FeedbackError.self) { try bench.store.revoke("Bob", at: now) }
        #expect(throws: FeedbackError.self) { try bench.store.invite("", isLead: false, at: now) }
    }

    @Test func oneServerOwnsAStore() throws {
        let bench = try StoreBench([])
        try bench.store.own()
        let other = try FeedbackStore(path: bench.path)
        #expect(throws: FeedbackError.self) { try other.own() }
        #expect(throws: FeedbackError.self) { try FeedbackStore(path: bench.file("none")) }
        let mode = try FileManager.default.attributesOfItem(atPath: bench.path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
    }

    private func damaged(_ sql: String) async throws -> StoreBench {
        let bench = try StoreBench([StoreBench.prompt("p", ["a", "b"])])
        let person = try await bench.person("Ann")
        try await bench.say(person) { _ in .pair(.tie, strength: nil) }
        _ = try bench.store.load()
        let queue = try DatabaseQueue(path: bench.path)
        try await queue.writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA foreign_keys = OFF")
            try database.execute(sql: sql)
        }
        return bench
    }

    @Test(arguments: [
        "UPDATE act SET judgement = '{\"winner\":1}'", "UPDATE act SET shown_order = '[1'",
        "UPDATE act SET remarks = ''", "UPDATE task SET kind = 'duel'",
        "UPDATE meta SET value = '[' WHERE key = 'settings'",
    ])
    func aDamagedStoreIsAnErrorAndNoTrap(_ damage: String) async throws {
        let bench = try await damaged(damage)
        #expect(throws: FeedbackError.self) { try bench.store.load() }
    }

    /// SQLite itself refuses them, as the tables are strict.
    @Test(arguments: [
        "UPDATE act SET shown_order = X'00'", "UPDATE task SET prompt = 'x'", "UPDATE person SET is_lead = 'perhaps'",
        "UPDATE act SET seconds = 'long'",
    ])
    func valuesOfAnotherTypeCannotBeStored(_ damage: String) async throws {
        await #expect(throws: DatabaseError.self) { try await damaged(damage) }
    }

    @Test func whatIsNoDatabaseIsAnError() throws {
        let bench = try StoreBench([])
        let text = bench.file("text")
        try Data("no database".utf8).write(to: URL(filePath: text))
        #expect(throws: FeedbackError.self) { try FeedbackStore(path: text) }
    }
}
