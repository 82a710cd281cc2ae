import Cryptography
package import FeedbackModel
package import Foundation
import GRDB

/// What an export wrote.
package struct ExportCounts: Sendable, Equatable {
    package var rows = 0
    package var people = 0
    package var sha256 = ""

    package init() {}
}

extension FeedbackStore {
    /// Writes one line for each judgement that counts, as JSON lines in UTF-8, and notes whose lines went where.
    ///
    /// Names never leave the store: `annotator` is a pseudonym. Judgements that were taken back are left out.
    ///
    /// - Parameters:
    ///   - place: where the lines go, for the note that ``erase(_:at:)`` reads.
    ///   - write: takes one piece of the output after the other.
    package func export(
        to place: String, at now: UnixMilliseconds, write: (Data) throws -> Void
    ) throws -> ExportCounts {
        var counts = ExportCounts()
        var rowsOfPerson: [PersonID: Int] = [:]
        let hash = SHA256()
        try read { database in
            let maker = try ExportMaker(database: database)
            let encoder = JSONEncoder()
            encoder.keyEncodingStrategy = .convertToSnakeCase
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            let acts = try ActRow.fetchCursor(
                database, sql: "SELECT * FROM act WHERE withdrawn_ms IS NULL ORDER BY id")
            while let act = try acts.next()?.act() {
                for row in try maker.rows(of: act) {
                    let line = try encoder.encode(row) + Data("\n".utf8)
                    hash.update(line)
                    try write(line)
                    counts.rows += 1
                    rowsOfPerson[act.person, default: 0] += 1
                }
            }
        }
        counts.people = rowsOfPerson.count
        counts.sha256 = hash.finish()
        try wrapWrite { [counts] database in
            try database.execute(
                sql: "INSERT INTO export (exported_ms, place, sha256) VALUES (?, ?, ?)",
                arguments: [now, place, counts.sha256])
            let export = database.lastInsertedRowID
            for (person, rows) in rowsOfPerson {
                try database.execute(
                    sql: "INSERT INTO export_person (export, person, rows) VALUES (?, ?, ?)",
                    arguments: [export, person.value, rows])
            }
        }
        return counts
    }
}

private struct TaskFacts: StoredRow { var kind: String, prompt: Int64, gold: String?, reviews: Int64? }

/// Rows of judgements.
private struct ExportMaker {
    let database: Database
    private let pseudonyms: [PersonID: String]

    init(database: Database) throws {
        self.database = database
        pseudonyms = Dictionary(try PersonRecord.all(database).map { ($0.id, $0.pseudonym) }) { $1 }
    }

    func rows(of act: Act) throws -> [ExportRow] {
        guard
            let task = try TaskFacts.fetchOne(
                database.cachedStatement(sql: "SELECT kind, prompt, gold, reviews FROM task WHERE id = ?"),
                arguments: [act.task.value]),
            let texts = try FeedbackStore.texts(prompt: PromptID(task.prompt), act.order, database)
        else { throw FeedbackError(.invalid, "the vote \(act.id) belongs to a task that is not in the store") }
        var row = head(act, task, texts)
        let shown = act.order.compactMap { texts.answers[$0].map(side) }
        switch TaskKind(rawValue: task.kind) {
        case .pair where shown.count == 2:
            try describe(&row, pair: act, task, shown)
            return [row]
        case .writing: return try demonstration(row, act, shown)
        // A reviewer's word stands in the row of the text.
        case .review: return []
        default:
            row.answers = shown
            row.answerFlags = Dictionary(act.remarks.flags.map { ("\($0.answer)", $0.names) }) { $1 }
            switch act.judgement {
            case .ranking(let groups): row.ranking = groups.map { $0.map(\.description) }
            case .rating(let rated): row.ratings = ratings(rated)
            default: row.verdict = "skip"
            }
            if !act.remarks.scores.isEmpty { row.ratings = ratings(act.remarks.scores) }
            return [row]
        }
    }

    private func ratings(_ rated: [RatedAnswer]) -> [String: [String: Int]] {
        Dictionary(rated.map { ("\($0.answer)", $0.scores) }) { $1 }
    }

    private func side(_ answer: TaskTexts.Answer) -> ExportRow.Side {
        ExportRow.Side(id: "\(answer.id)", source: answer.source, text: answer.text)
    }

    private func head(_ act: Act, _ task: TaskFacts, _ texts: TaskTexts) -> ExportRow {
        let messages: [TaskTexts.Turn]? = if case .turns(let turns) = texts.prompt { turns } else { nil }
        return ExportRow(
            kind: task.kind, task: "\(act.task)", promptId: texts.promptName, prompt: texts.prompt.plain,
            messages: messages, annotator: pseudonyms[act.person] ?? "", shownAt: ExportRow.time(act.shownAt),
            votedAt: ExportRow.time(act.actedAt), seconds: act.seconds, idleSeconds: act.idleSeconds,
            comment: act.remarks.comment, reason: act.remarks.reason, gold: task.gold != nil,
            adjudication: act.isAdjudication)
    }

    private func describe(
        _ row: inout ExportRow, pair act: Act, _ task: TaskFacts, _ shown: [ExportRow.Side]
    ) throws {
        (row.left, row.right) = (shown[0], shown[1])
        func verdict(_ outcome: PairOutcome) -> String {
            switch outcome {
            case .better(let answer): answer == act.order[0] ? "left" : "right"
            case .tie: "tie"
            case .bothBad: "both_bad"
            }
        }
        if case .pair(let outcome, let strength) = act.judgement {
            row.verdict = verdict(outcome)
            row.strength = strength
        } else {
            row.verdict = "skip"
        }
        func flags(_ place: Int) -> [String] {
            act.remarks.flags.first { $0.answer == act.order[place] }?.names ?? []
        }
        row.flags = ExportRow.Sides(left: flags(0), right: flags(1))
        row.expected = try task.gold.map {
            verdict(try StoredJSON.value($0, "the gold outcome of task \(act.task)"))
        }
    }

    /// The text that a person wrote, as its reviewer left it. A correction also says that the edited text is better than what
    /// was corrected, and that better than the others that were shown.
    private func demonstration(_ head: ExportRow, _ act: Act, _ shown: [ExportRow.Side]) throws -> [ExportRow] {
        var row = head
        row.kind = "demonstration"
        guard case .writing(let text, let corrects) = act.judgement else {
            row.verdict = "skip"
            return [row]
        }
        row.completion = text
        row.review = "pending"
        row.corrects = shown.first { $0.id == corrects?.description }
        let review = try ActRow.fetchOne(
            database,
            sql: """
                SELECT act.* FROM act JOIN task ON task.id = act.task
                WHERE task.reviews = ? AND withdrawn_ms IS NULL AND act.judgement != '{"skip":{}}' ORDER BY act.id DESC LIMIT 1
                """,
            arguments: [act.id.value])?.act()
        if let review, case .review(let word) = review.judgement {
            row.reviewer = pseudonyms[review.person]
            switch word {
            case .approve: row.review = "approved"
            case .edit(let edited): (row.review, row.completion) = ("edited", edited)
            case .sendBack: row.review = "sent_back"
            }
        }
        guard let chosen = row.corrects, row.review == "approved" || row.review == "edited" else { return [row] }
        var ranking = head
        ranking.kind = "ranking"
        let edited = ExportRow.Side(id: "act-\(act.id)", source: "correction", text: row.completion ?? text)
        let others = shown.filter { $0 != chosen }
        ranking.answers = [edited, chosen] + others
        ranking.ranking = [[edited.id], [chosen.id]] + (others.isEmpty ? [] : [others.map(\.id)])
        return [row, ranking]
    }
}
