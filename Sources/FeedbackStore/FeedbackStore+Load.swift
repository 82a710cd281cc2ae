package import FeedbackModel
import GRDB

extension FeedbackStore {
    /// All that the labelling machine goes on from, and the number of changes it was read at.
    package func load() throws -> (state: FeedbackState, settings: FeedbackSettings, basis: Int64) {
        try read { database in
            let settings = try Self.settings(database)
            return (
                try StateReader(database: database, settings: settings).state(), settings, try Self.changes(database)
            )
        }
    }
}

/// The tables as values.
private struct StateReader {
    let database: Database
    let settings: FeedbackSettings

    func state() throws -> FeedbackState {
        var state = FeedbackState()
        let people = try PersonRecord.all(database)
        state.people = people.map { row in
            Person(
                id: row.id, pseudonym: row.pseudonym, isLead: row.isLead, isActive: row.isActive,
                consentedAt: row.consentedAt)
        }
        let names = Dictionary(people.map { ($0.name, $0.id) }) { $1 }
        try readTasks(into: &state, names: names)
        state.acts = try ActRow.fetchAll(database, sql: "SELECT * FROM act ORDER BY id").map { try $0.act() }
        state.leases = try leases("end IS NULL")
        state.lapsed = try leases(
            "id IN (SELECT max(id) FROM lease WHERE end IN ('expired', 'returned') GROUP BY person)")
        // One whose answer counted all the same.
        let answered = Set(state.acts.map(\.lease))
        state.lapsed.removeAll { answered.contains($0.id) }
        for row in try CountRow.fetchAll(
            database, sql: "SELECT task AS id, count(*) AS count FROM lease WHERE end = 'expired' GROUP BY task")
        {
            state.expiries[TaskID(row.id)] = row.count
        }
        state.lastLease = try last("lease")
        // Of an answer that was erased, too: its number is not used again.
        state.lastAnswer = max(
            try last("answer"),
            try Int64.fetchOne(database, sql: "SELECT seq FROM sqlite_sequence WHERE name = 'answer'") ?? 0)
        return state
    }

    private func last(_ table: String) throws -> Int64 {
        try Int64.fetchOne(database, sql: "SELECT max(id) FROM \(table)") ?? 0
    }

    private func leases(_ condition: String) throws -> [Lease] {
        try LeaseRow.fetchAll(database, sql: "SELECT * FROM lease WHERE \(condition) ORDER BY id").map {
            try $0.lease()
        }
    }

    private func readTasks(into state: inout FeedbackState, names: [String: PersonID]) throws {
        var answers: [Int64: [AnswerID]] = [:]
        var authors: [Int64: Set<PersonID>] = [:]
        for row in try TaskAnswerRow.fetchAll(
            database,
            sql: """
                SELECT task_answer.task, answer, author FROM task_answer JOIN answer ON answer.id = answer
                ORDER BY task, place
                """)
        {
            answers[row.task, default: []].append(AnswerID(row.answer))
            if let author = row.author { authors[row.task, default: []].insert(PersonID(author)) }
        }
        var routes: [Int64: Set<PersonID>] = [:]
        for row in try RouteRow.fetchAll(database, sql: "SELECT task, name FROM task_route") {
            // Somebody who is not invited yet may be so later.
            routes[row.task, default: []].formUnion(names[row.name].map { [$0] } ?? [])
        }
        for row in try TaskRow.fetchAll(database, sql: "SELECT * FROM task ORDER BY id") {
            guard let kind = TaskKind(rawValue: row.kind) else {
                throw FeedbackError(.invalid, "the task \(row.id) is of the unknown kind \(row.kind)")
            }
            let id = TaskID(row.id)
            state.tasks.append(
                LabelTask(
                    id: id, kind: kind, prompt: PromptID(row.prompt), answers: answers[row.id] ?? [],
                    authors: authors[row.id] ?? [], wanted: row.wanted ?? settings.overlap, route: routes[row.id],
                    gold: try row.gold.map { try StoredJSON.value($0, "the gold outcome of task \(row.id)") },
                    isEntryTest: row.isEntryTest,
                    wantsReason: kind == .pair && Chance.share("reason \(row.signature)") < settings.reasonShare,
                    reviews: row.reviews.map { ActID($0) }))
            if row.isClosed { state.closed.insert(id) }
            if let person = row.sentBackTo, let act = row.sentBackBy {
                state.sentBack.append((id, PersonID(person), ActID(act)))
            }
        }
    }
}

private struct TaskRow: StoredRow {
    var id: Int64, kind: String, prompt: Int64, signature: String, wanted: Int?, gold: String?, isEntryTest: Bool
    var reviews: Int64?, isClosed: Bool, sentBackTo: Int64?, sentBackBy: Int64?
}
private struct TaskAnswerRow: StoredRow { var task: Int64, answer: Int64, author: Int64? }
private struct RouteRow: StoredRow { var task: Int64, name: String }
private struct CountRow: StoredRow { var id: Int64, count: Int }

private struct LeaseRow: StoredRow {
    var id: Int64, task: Int64, person: Int64, shownOrder: String, shownMs: Int64, expiresMs: Int64
    var isAdjudication: Bool, draft: Int64?

    func lease() throws -> Lease {
        Lease(
            id: LeaseID(id), task: TaskID(task), person: PersonID(person),
            order: try StoredJSON.value(shownOrder, "the order of lease \(id)"), shownAt: shownMs,
            expiresAt: expiresMs, isAdjudication: isAdjudication, draft: draft.map { ActID($0) })
    }
}

struct ActRow: StoredRow {
    var id: Int64, lease: Int64, task: Int64, person: Int64, shownOrder: String, judgement: String, remarks: String
    var shownMs: Int64, actedMs: Int64, seconds: Double, idleSeconds: Double, isAdjudication: Bool
    var withdrawnMs: Int64?

    func act() throws -> Act {
        Act(
            id: ActID(id), lease: LeaseID(lease), task: TaskID(task), person: PersonID(person),
            order: try StoredJSON.value(shownOrder, "the order of vote \(id)"),
            judgement: try StoredJSON.value(judgement, "the judgement of vote \(id)"),
            remarks: try StoredJSON.value(remarks, "the remarks of vote \(id)"), shownAt: shownMs, actedAt: actedMs,
            seconds: seconds, idleSeconds: idleSeconds, isAdjudication: isAdjudication, withdrawnAt: withdrawnMs)
    }
}
