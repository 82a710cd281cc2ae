package import FeedbackModel
import Foundation
import GRDB
import Synchronization

/// Another process has changed the store; the entries were not written, and the state has to be read anew.
package struct StoreChanged: Error {}

/// Writes what the labelling machine says, many entries in one transaction, on a thread of its own.
///
/// `commit` returns when the entries are on disk. After a failure nothing is written any more and every call throws it.
/// Owned by the server's desk. Shutdown: `close()` waits for what was given before.
package final class FeedbackWriter: Sendable {
    private struct Work {
        let entries: [FeedbackEntry]
        let basis: Int64
        let done: CheckedContinuation<Void, any Error>
    }

    private struct Inbox {
        var work: [Work] = []
        var failure: FeedbackError?
        var isClosing = false
    }

    private let store: FeedbackStore
    private let inbox = Mutex(Inbox())
    private let wakeUp = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    package init(store: FeedbackStore) {
        self.store = store
        let thread = Thread { [self] in loop() }
        thread.name = "feedback"
        thread.start()
    }

    /// - Parameters:
    ///   - entries: may be empty; then it returns when everything that was given before is on disk.
    ///   - basis: the number of changes that the machine's state was read at.
    /// - Throws: ``StoreChanged`` when that is not the store's number; nothing of this call was written then.
    package func commit(_ entries: [FeedbackEntry], basis: Int64) async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            let failure = inbox.withLock { inbox -> FeedbackError? in
                if let failure = inbox.failure { return failure }
                if inbox.isClosing { return FeedbackError(.io, "the server is stopping") }
                inbox.work.append(Work(entries: entries, basis: basis, done: done))
                return nil
            }
            if let failure { done.resume(throwing: failure) } else { wakeUp.signal() }
        }
    }

    package func close() {
        inbox.withLock { $0.isClosing = true }
        wakeUp.signal()
        ended.wait()
    }

    private func loop() {
        while true {
            wakeUp.wait()
            let (work, isClosing) = inbox.withLock { inbox in
                defer { inbox.work = [] }
                return (inbox.work, inbox.isClosing)
            }
            if !work.isEmpty { carryOut(work) }
            if isClosing { break }
        }
        ended.signal()
    }

    private func carryOut(_ work: [Work]) {
        do {
            let current: Int64
            if work.allSatisfy({ $0.entries.isEmpty }) {
                current = try store.pool.read { try FeedbackStore.changes($0) }
            } else {
                current = try store.pool.write { database in
                    let current = try FeedbackStore.changes(database)
                    for item in work where item.basis == current {
                        for entry in item.entries { try EntryWriter(database: database).write(entry) }
                    }
                    return current
                }
            }
            for item in work {
                if item.basis == current { item.done.resume() } else { item.done.resume(throwing: StoreChanged()) }
            }
        } catch {
            let failure = FeedbackError(
                .io,
                """
                cannot write the feedback store \(store.path): \(error). What was confirmed before is safe; mend this and \
                start the server again
                """)
            let rest = inbox.withLock { inbox in
                defer { inbox.work = [] }
                inbox.failure = failure
                return inbox.work
            }
            for item in work + rest { item.done.resume(throwing: failure) }
        }
    }
}

/// Entries as statements.
private struct EntryWriter {
    let database: Database

    func write(_ entry: FeedbackEntry) throws {
        switch entry {
        case .consent(let person, let time):
            try run("UPDATE person SET consented_ms = ? WHERE id = ?", [time, person.value])
        case .lease(let lease):
            try run(
                """
                INSERT INTO lease (id, task, person, shown_order, shown_ms, expires_ms, is_adjudication, draft)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    lease.id.value, lease.task.value, lease.person.value, StoredJSON.text(lease.order), lease.shownAt,
                    lease.expiresAt, lease.isAdjudication, lease.draft?.value,
                ])
        case .renewed(let lease, let expiry):
            try run("UPDATE lease SET expires_ms = ? WHERE id = ?", [expiry, lease.value])
        case .leaseEnded(let lease, let end, let time):
            try run("UPDATE lease SET end = ?, ended_ms = ? WHERE id = ?", [end.rawValue, time, lease.value])
        case .act(let act): try write(act)
        case .withdrawn(let act, let time):
            try run("UPDATE act SET withdrawn_ms = ? WHERE id = ?", [time, act.value])
        case .answer(let id, let text, let prompt, let author, let corrects):
            try run(
                "INSERT INTO answer (id, prompt, source, text, author, corrects) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    id.value, prompt.value, corrects == nil ? "demonstration" : "correction", text, author.value,
                    corrects?.value,
                ])
        case .task(let task):
            try run(
                "INSERT INTO task (id, kind, prompt, signature, wanted, reviews) VALUES (?, ?, ?, ?, ?, ?)",
                [
                    task.id.value, task.kind.rawValue, task.prompt.value, "task \(task.id)", task.wanted,
                    task.reviews?.value,
                ])
            for (place, answer) in task.answers.enumerated() {
                try run(
                    "INSERT INTO task_answer (task, place, answer) VALUES (?, ?, ?)",
                    [task.id.value, place, answer.value])
            }
            for person in task.route ?? [] {
                try run(
                    "INSERT INTO task_route (task, name) SELECT ?, name FROM person WHERE id = ?",
                    [task.id.value, person.value])
            }
        case .closed(let task): try run("UPDATE task SET is_closed = 1 WHERE id = ?", [task.value])
        case .sentBack(let task, let person, let act):
            try run(
                "UPDATE task SET sent_back_to = ?, sent_back_by = ? WHERE id = ?",
                [person.value, act.value, task.value])
        }
    }

    private func write(_ act: Act) throws {
        try run(
            """
            INSERT INTO act (id, lease, task, person, shown_order, judgement, remarks, shown_ms, acted_ms, seconds,
                idle_seconds, is_adjudication)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                act.id.value, act.lease.value, act.task.value, act.person.value, StoredJSON.text(act.order),
                StoredJSON.text(act.judgement), StoredJSON.text(act.remarks), act.shownAt, act.actedAt, act.seconds,
                act.idleSeconds, act.isAdjudication,
            ])
        try run(
            "UPDATE task SET sent_back_to = NULL, sent_back_by = NULL WHERE id = ? AND sent_back_to = ?",
            [act.task.value, act.person.value])
    }

    private func run(_ sql: String, _ arguments: StatementArguments) throws {
        try database.cachedStatement(sql: sql).execute(arguments: arguments)
    }
}
