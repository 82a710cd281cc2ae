import FeedbackModel
import FeedbackStore
import Foundation
import Testing

/// What leaves the store, and what is left of a person who was erased.
@Suite struct ExportTests {
    @Test func aRowSaysWhatWasShownAndSaid() async throws {
        var gold = StoreBench.prompt("What is 1 + 1?", ["2", "3"])
        gold.name = "sum"
        gold.gold = .better(0)
        let bench = try StoreBench([gold])
        var settings = FeedbackSettings()
        settings.goldEvery = 1
        try bench.store.set(settings)
        let person = try await bench.person("Ann Example")
        let lease = try await bench.send(.open(person)).leaseOrFail
        let right = lease.order[1]
        try await bench.say(
            person, Remarks(flags: [Remarks.Flags(right, ["unsafe"])], comment: "c", reason: "r")
        ) { .pair(.better($0.order[1]), strength: 3) }
        let row = try #require(try bench.exported().first)
        let pseudonym = try #require(try bench.store.people().first?.pseudonym)
        #expect(row["kind"] as? String == "pair" && row["annotator"] as? String == pseudonym)
        #expect(row["prompt"] as? String == "What is 1 + 1?" && row["prompt_id"] as? String == "sum")
        #expect(row["verdict"] as? String == "right" && row["strength"] as? Int == 3)
        #expect(row["gold"] as? Bool == true)
        let sides = ["left", "right"].map { row[$0] as? [String: String] ?? [:] }
        #expect(sides.map { $0["id"] } == lease.order.map(\.description))
        #expect(Set(sides.compactMap { $0["text"] }) == ["2", "3"])
        #expect(row["expected"] as? String == (sides[0]["text"] == "2" ? "left" : "right"))
        #expect(row["flags"] as? [String: [String]] == ["left": [], "right": ["unsafe"]])
        #expect(row["comment"] as? String == "c" && row["reason"] as? String == "r")
        #expect(row["shown_at"] as? String == "2026-01-01T00:00:00.000Z")
        #expect(row["voted_at"] as? String == "2026-01-01T00:00:00.000Z")
        #expect(row["seconds"] as? Double == 1.5 && row["idle_seconds"] as? Double == 0.25)
        #expect(!"\(row)".contains("Ann Example"))
    }

    @Test func everyOutcomeHasItsWord() async throws {
        let bench = try StoreBench((1...6).map { StoreBench.prompt("p\($0)", ["a", "b"]) })
        let person = try await bench.person("Ann")
        let words: [(String, (Lease) -> Judgement)] = [
            ("left", { .pair(.better($0.order[0]), strength: 1) }),
            ("right", { .pair(.better($0.order[1]), strength: 1) }), ("tie", { _ in .pair(.tie, strength: nil) }),
            ("both_bad", { _ in .pair(.bothBad, strength: nil) }), ("skip", { _ in .skip }),
        ]
        for (_, judgement) in words { try await bench.say(person, Remarks(), judgement) }
        try await bench.say(person) { _ in .skip }
        try await bench.send(.undo(person))
        #expect(try bench.exported().map { $0["verdict"] as? String } == words.map(\.0))
    }

    @Test func ratingsKeepTheNamesOfCriteria() async throws {
        var settings = FeedbackSettings()
        settings.criteria = ["wellWritten", "up_to_date"]
        let bench = try StoreBench([StoreBench.prompt("p", ["a"], kind: .rating)], settings: settings)
        let person = try await bench.person("Ann")
        let scores = ["wellWritten": 4, "up_to_date": 1]
        let lease = try await bench.say(person) { .rating([RatedAnswer($0.order[0], scores: scores)]) }
        let row = try #require(try bench.exported().first)
        #expect(row["ratings"] as? [String: [String: Int]] == ["\(lease.order[0])": scores])
    }

    @Test func aReviewedCorrectionIsADemonstrationAndARanking() async throws {
        let bench = try StoreBench([StoreBench.prompt("p", ["good", "poor"], kind: .writing)])
        let (author, reviewer) = (try await bench.person("Ann"), try await bench.person("Bea"))
        let lease = try await bench.say(author) { .writing(text: "best", corrects: $0.order[0]) }
        #expect(try bench.exported().compactMap { $0["review"] as? String } == ["pending"])
        try await bench.say(reviewer) { _ in .review(.edit(text: "the very best")) }
        let rows = try bench.exported()
        #expect(rows.map { $0["kind"] as? String } == ["demonstration", "ranking"])
        #expect(rows[0]["completion"] as? String == "the very best" && rows[0]["review"] as? String == "edited")
        #expect((rows[0]["corrects"] as? [String: String])?["id"] == "\(lease.order[0])")
        #expect(
            rows[1]["ranking"] as? [[String]] == [["act-1"], ["\(lease.order[0])"], ["\(lease.order[1])"]])
        #expect(Set(rows.compactMap { $0["annotator"] as? String }).count == 1)
    }

    @Test func erasureRemovesThePersonAndNamesWhatRemains() async throws {
        let bench = try StoreBench([
            StoreBench.prompt("p", ["a", "b"]), StoreBench.prompt("q", [], kind: .writing),
        ])
        let ann = try await bench.person("Ann Example")
        for _ in 0..<2 {
            try await bench.say(ann, Remarks(comment: "a secret remark")) { lease in
                lease.order.isEmpty ? .writing(text: "a secret text", corrects: nil) : .pair(.tie, strength: nil)
            }
        }
        let bea = try await bench.person("Bea")
        try await bench.say(bea) { _ in .review(.approve) }
        _ = try bench.exported()
        #expect(throws: FeedbackError.self) { try bench.store.erase("Ann") }
        let erased = try bench.store.erase("Ann Example")
        #expect(erased.acts == 2 && erased.texts == 1 && erased.tasks == 1 && erased.othersActs == 1)
        #expect(erased.exports.map(\.place) == ["test"] && erased.exports.map(\.rows) == [2])
        await #expect(throws: StoreChanged.self) { try await bench.send(.open(bea)) }
        try bench.reload()
        #expect(try bench.exported().isEmpty)
        // Both tasks are asked again.
        #expect(bench.machine.progress(of: bea).wanted == 2 && bench.machine.progress(of: bea).votes == 0)
        for name in ["feedback.sqlite", "feedback.sqlite-wal"] {
            let bytes = FileManager.default.contents(atPath: bench.file(name)) ?? Data()
            for text in ["Ann Example", "a secret remark", "a secret text", erased.pseudonym] {
                #expect(bytes.range(of: Data(text.utf8)) == nil, "\(text) in \(name)")
            }
        }
    }
}

extension DeskView {
    var leaseOrFail: Lease {
        get throws {
            guard case .task(let lease, _) = content else { throw FeedbackError(.notFound, "no task") }
            return lease
        }
    }
}
