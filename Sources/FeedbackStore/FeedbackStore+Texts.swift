package import FeedbackModel
import Foundation
import GRDB

/// The texts of a task.
package struct TaskTexts: Sendable {
    package struct Turn: Sendable, Equatable, Codable {
        package var role: String
        package var content: String
    }

    package struct Answer: Sendable, Equatable {
        package var id: AnswerID
        package var source: String
        package var text: String
    }

    package var promptName: String
    package var prompt: StoredPrompt
    package var answers: [AnswerID: Answer]
}

/// A prompt as it was imported: a text, or turns.
package enum StoredPrompt: Sendable, Equatable {
    case text(String)
    case turns([TaskTexts.Turn])

    init(_ content: String, of name: String) throws {
        if let text = try? JSONDecoder().decode(String.self, from: Data(content.utf8)) {
            self = .text(text)
        } else {
            self = .turns(try StoredJSON.value(content, "the prompt '\(name)'"))
        }
    }

    package var turns: [TaskTexts.Turn] {
        switch self {
        case .text(let text): [TaskTexts.Turn(role: "user", content: text)]
        case .turns(let turns): turns
        }
    }

    /// Turns are joined line by line.
    package var plain: String {
        switch self {
        case .text(let text): text
        case .turns(let turns): turns.map { "\($0.role): \($0.content)" }.joined(separator: "\n")
        }
    }
}

extension FeedbackStore {
    /// - Returns: nil when the task is not in the store, for example because it was erased a moment ago.
    package func texts(of task: LabelTask) throws -> TaskTexts? {
        try read { try Self.texts(prompt: task.prompt, task.answers, $0) }
    }

    static func texts(prompt: PromptID, _ answers: [AnswerID], _ database: Database) throws -> TaskTexts? {
        guard
            let row = try PromptRow.fetchOne(
                database, sql: "SELECT name, content FROM prompt WHERE id = ?", arguments: [prompt.value])
        else { return nil }
        var found: [AnswerID: TaskTexts.Answer] = [:]
        for id in answers {
            guard let answer = try answer(id, database) else { return nil }
            found[id] = answer
        }
        return TaskTexts(
            promptName: row.name, prompt: try StoredPrompt(row.content, of: row.name), answers: found)
    }

    static func answer(_ id: AnswerID, _ database: Database) throws -> TaskTexts.Answer? {
        try AnswerRow.fetchOne(
            database.cachedStatement(sql: "SELECT id, source, text FROM answer WHERE id = ?"),
            arguments: [id.value]
        ).map { TaskTexts.Answer(id: AnswerID($0.id), source: $0.source, text: $0.text) }
    }
}

private struct PromptRow: StoredRow { var name: String, content: String }
private struct AnswerRow: StoredRow { var id: Int64, source: String, text: String }
