import Datasets
import Rewards
package import RunConfiguration
import Synchronization
import Tokenizers

/// Asks every reward of a run for one answer, before anything is computed: one that does not work would be found out
/// after the first rollouts only.
package enum RewardTrial {
    private static let answer = "This is an answer."

    /// - Returns: what a reward said that has no score for the answer, which is its right.
    /// - Throws: ``RewardTrialError`` for the first one that does not work.
    package static func run(_ run: RunConfiguration) async throws -> [String] {
        guard run.stages.contains(.ppo), let file = run.data.prompts else { return [] }
        let hasLabels = run.rewards.contains { if case .math = $0.kind { true } else { false } }
        // Labels are read on every line: whatever is wrong with them would be a reward of 0 in silence.
        let rows = try LoadedRows<PromptRow>.read(
            path: file, onBadLine: run.data.onError == .skip ? .skip : .stop, limit: hasLabels ? nil : 1)
        guard let row = rows.rows.first else { return [] }
        var messages: JSONValue?
        if case .turns(let turns) = row.prompt { messages = .array(turns.map(\.json)) }
        let input = RewardInput(
            prompt: row.prompt.plain, response: answer, tokens: 1, extra: .object(row.extra), messages: messages)
        let notes = Mutex<[String]>([])
        for (index, section) in run.rewards.enumerated() {
            let note: @Sendable (String) -> Void = { text in
                notes.withLock { $0.append("rewards.\(index): \(text)") }
            }
            let context = RewardContext(progress: { true }, note: note, isTrial: true)
            do {
                if case .math(let keys) = section.kind {
                    try labels(of: rows, name: section.name, column: keys.answerKey, file: file).forEach(note)
                    continue
                }
                let values = try await RewardFunctions.make(section)?.score([input], context: context) ?? [0]
                guard let value = values.first ?? nil, !value.isFinite else { continue }
                throw RewardError("reward \(section.name): the score of a trial answer is \(value)", isPermanent: true)
            } catch let error as RewardError {
                throw RewardTrialError(
                    message: "rewards.\(index): \(error.message)", isPermanent: error.isPermanent)
            }
        }
        return notes.withLock { $0 }
    }

    private static func labels(
        of rows: LoadedRows<PromptRow>, name: String, column: String, file: String
    ) throws -> [String] {
        var labels = MathLabels(name: name, answerKey: column)
        for (row, line) in zip(rows.rows, rows.lines) { labels.read(.object(row.extra), line: line) }
        return try labels.findings(file)
    }
}

/// What is wrong with a reward, and whether the run file or its surroundings must change for it.
package struct RewardTrialError: Error {
    package let message: String
    package let isPermanent: Bool
}
