import Cryptography
package import FeedbackModel
import Foundation
import GRDB

/// A prompt with answers to it, as a source of tasks has it.
package struct PromptWithAnswers: Sendable {
    package struct Answer: Sendable, Equatable {
        /// Which model or person it is by; never shown.
        package var source: String
        package var text: String

        package init(source: String, text: String) {
            self.source = source
            self.text = text
        }
    }

    /// The name of the prompt in its source; nil: one is made of its text.
    package var name: String?
    /// A JSON text or a list of `{"role","content"}`.
    package var content: String
    package var answers: [Answer]
    package var kind: TaskKind?
    package var overlap: Int?
    /// Of a pair: which answer is known to be better.
    package var gold: Gold?
    package var isEntryTest = false
    /// Names of the people who may be asked.
    package var people: [String]?

    package enum Gold: Sendable, Equatable { case better(Int), tie, bothBad }

    package init(content: String, answers: [Answer]) {
        self.content = content
        self.answers = answers
    }
}

/// What an import added.
package struct ImportCounts: Sendable, Equatable {
    package var prompts = 0
    package var tasks = 0
    /// Tasks that were there before.
    package var known = 0
    /// Pairs that were left out because their texts are the same.
    package var equalTexts = 0

    package init() {}
}

/// How tasks are made of prompts with answers.
package struct ImportPlan: Sendable {
    /// What is asked where the source does not say it.
    package var kind: TaskKind = .pair
    /// Pairs of one prompt at most; nil: all.
    package var pairsPerPrompt: Int?

    package init() {}
}

extension FeedbackStore {
    /// Adds tasks in one transaction. The same import again adds nothing.
    package func add(_ prompts: [PromptWithAnswers], plan: ImportPlan) throws -> ImportCounts {
        try change { database in
            var importer = Importer(database: database, plan: plan)
            for prompt in prompts { try importer.add(prompt) }
            return importer.counts
        }
    }

    /// A write that is of no concern to the labelling machine.
    func wrapWrite<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do {
            return try pool.write(body)
        } catch {
            throw FeedbackError(.io, "\(path): \(error)")
        }
    }
}

private struct Importer {
    let database: Database
    let plan: ImportPlan
    var counts = ImportCounts()

    mutating func add(_ given: PromptWithAnswers) throws {
        let prompt = try promptID(given)
        let kind = given.kind ?? plan.kind
        var answers: [(id: Int64, text: String)] = []
        for answer in given.answers { answers.append((try answerID(answer, prompt), answer.text)) }
        switch kind {
        case .pair:
            for (a, b) in pairs(answers.count, "\(prompt)") {
                guard answers[a].text != answers[b].text else {
                    counts.equalTexts += 1
                    continue
                }
                let outcome: PairOutcome? =
                    switch given.gold {
                    case .better(let place): .better(AnswerID(answers[place].id))
                    case .tie: .tie
                    case .bothBad: .bothBad
                    case nil: nil
                    }
                try addTask(kind, prompt, [answers[a].id, answers[b].id], given, gold: outcome)
            }
        case .ranking, .rating, .writing, .review: try addTask(kind, prompt, answers.map(\.id), given, gold: nil)
        }
    }

    /// All pairs, or a sample that is the same at every import.
    private func pairs(_ count: Int, _ name: String) -> [(Int, Int)] {
        let all = (0..<max(0, count)).flatMap { a in (a + 1..<max(a + 1, count)).map { (a, $0) } }
        guard let most = plan.pairsPerPrompt, most < all.count else { return all }
        return Array(
            all.sorted { Chance.share("pair \(name) \($0)") < Chance.share("pair \(name) \($1)") }.prefix(most))
    }

    private mutating func promptID(_ given: PromptWithAnswers) throws -> Int64 {
        let name = given.name ?? String(SHA256.hash(Data(given.content.utf8)).prefix(16))
        let known = try KnownPrompt.fetchOne(
            database, sql: "SELECT id, content FROM prompt WHERE name = ?", arguments: [name])
        if let known {
            guard known.content == given.content else {
                throw FeedbackError(
                    .invalid, "the prompt '\(name)' is in the store with another text; give one of the two another name"
                )
            }
            return known.id
        }
        try database.execute(
            sql: "INSERT INTO prompt (name, content) VALUES (?, ?)", arguments: [name, given.content])
        counts.prompts += 1
        return database.lastInsertedRowID
    }

    private func answerID(_ answer: PromptWithAnswers.Answer, _ prompt: Int64) throws -> Int64 {
        let known = try Int64.fetchOne(
            database,
            sql: "SELECT id FROM answer WHERE prompt = ? AND source = ? AND text = ? AND author IS NULL",
            arguments: [prompt, answer.source, answer.text])
        if let known { return known }
        try database.execute(
            sql: "INSERT INTO answer (prompt, source, text) VALUES (?, ?, ?)",
            arguments: [prompt, answer.source, answer.text])
        return database.lastInsertedRowID
    }

    private mutating func addTask(
        _ kind: TaskKind, _ prompt: Int64, _ answers: [Int64], _ given: PromptWithAnswers, gold: PairOutcome?
    ) throws {
        let signature = "\(kind.rawValue) \(prompt): \(answers.sorted().map(String.init).joined(separator: " "))"
        let isKnown = try Int64.fetchOne(
            database, sql: "SELECT id FROM task WHERE signature = ?", arguments: [signature])
        guard isKnown == nil else {
            counts.known += 1
            return
        }
        try database.execute(
            sql: """
                INSERT INTO task (kind, prompt, signature, wanted, gold, is_entry_test) VALUES (?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                kind.rawValue, prompt, signature, given.overlap ?? (kind == .writing ? 1 : nil),
                try gold.map { try StoredJSON.text($0) }, given.isEntryTest,
            ])
        let task = database.lastInsertedRowID
        for (place, answer) in answers.enumerated() {
            try database.execute(
                sql: "INSERT INTO task_answer (task, place, answer) VALUES (?, ?, ?)",
                arguments: [task, place, answer])
        }
        for name in given.people ?? [] {
            try database.execute(
                sql: "INSERT OR IGNORE INTO task_route (task, name) VALUES (?, ?)", arguments: [task, name])
        }
        counts.tasks += 1
    }
}

private struct KnownPrompt: StoredRow { var id: Int64, content: String }
