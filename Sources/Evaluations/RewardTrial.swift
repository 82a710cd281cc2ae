import Datasets
import Rewards
package import RunConfiguration
import Synchronization
import Tokenizers

/// Asks every reward of a run for one answer, before anything is computed: one that does not work would be found out
/// after the first rollouts only.
package enum RewardTrial {
    private static let answer = "This is an answer."

    /// - Parameter isTrained: all steps are made, so that the rewards of training are not needed any more.
    /// - Returns: what a reward said that has no score for the answer, which is its right.
    /// - Throws: ``RewardTrialError`` for the first one that does not work.
    package static func run(_ run: RunConfiguration, isTrained: Bool = false) async throws -> [String] {
        var notes: [String] = []
        if run.stages.contains(.ppo), !isTrained, let file = run.data.prompts {
            // Programs and servers of scorers on other machines need not be reachable from this one.
            let rewards = run.rewards.enumerated().filter { !run.scorersAreElsewhere || !$0.element.kind.isService }
            notes += try await ask(
                rewards.map { ("rewards.\($0.offset)", $0.element) }, file, "data.prompts", run)
        }
        if run.answersHeldOut, !isTrained || run.stages.contains(.evaluate),
            let file = run.data.evaluationPrompts ?? run.data.prompts
        {
            // The run's own rewards were asked above; their labels on these lines were not read.
            let key = run.evaluation.rewards.isEmpty ? "rewards" : "evaluation.rewards"
            let rewards = run.evaluationRewards.enumerated().filter { reward in
                !run.evaluation.rewards.isEmpty || run.data.evaluationPrompts != nil && reward.element.kind.readsLabels
            }
            notes += try await ask(
                rewards.map { ("\(key).\($0.offset)", $0.element) }, file,
                run.data.evaluationPrompts == nil ? "data.prompts" : "data.evaluation_prompts", run,
                limit: run.evaluation.prompts)
        }
        return notes
    }

    /// - Parameter limit: lines whose answers are asked for, from the first one on; nil: all.
    private static func ask(
        _ rewards: [(key: String, section: RewardSection)], _ file: String, _ fileKey: String,
        _ run: RunConfiguration, limit: Int? = nil
    ) async throws -> [String] {
        guard !rewards.isEmpty else { return [] }
        // Labels are read on every line: whatever is wrong with them would be a reward of 0, or none, in silence.
        let readsLabels = rewards.contains { $0.section.kind.readsLabels }
        let rows = try rows(file, fileKey, run, limit: readsLabels ? limit : 1)
        guard let input = input(rows) else { return [] }
        let notes = Mutex<[String]>([])
        for (key, section) in rewards {
            let note: @Sendable (String) -> Void = { text in notes.withLock { $0.append("\(key): \(text)") } }
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
                throw RewardTrialError(message: "\(key): \(error.message)", isPermanent: error.isPermanent)
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

    private static func rows(
        _ file: String, _ key: String, _ run: RunConfiguration, limit: Int?
    ) throws -> LoadedRows<PromptRow> {
        do {
            return try .read(path: file, onBadLine: run.data.onError == .skip ? .skip : .stop, limit: limit)
        } catch {
            throw RewardTrialError(message: "\(key): \(error)", isPermanent: true)
        }
    }

    /// The first line of the file with a made-up answer; nil for an empty file.
    private static func input(_ rows: LoadedRows<PromptRow>) -> RewardInput? {
        guard let row = rows.rows.first else { return nil }
        var messages: JSONValue?
        if case .turns(let turns) = row.prompt { messages = .array(turns.map(\.json)) }
        return RewardInput(
            prompt: row.prompt.plain, response: answer, tokens: 1, extra: .object(row.extra), messages: messages)
    }
}

extension RewardKind {
    /// Whether it compares answers with a column.
    fileprivate var readsLabels: Bool { if case .math = self { true } else { false } }

    /// Whether it asks a program or a server.
    fileprivate var isService: Bool {
        switch self {
        case .command, .http: true
        default: false
        }
    }
}

/// What is wrong with a reward, and whether the run file or its surroundings must change for it.
package struct RewardTrialError: Error {
    package let message: String
    package let isPermanent: Bool
}
