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
            let isElsewhere = run.roles.scorer.count == 0
            let rewards = run.rewards.enumerated().filter { !isElsewhere || !$0.element.kind.isService }
            notes += try await ask(
                rewards.map { ("rewards.\($0.offset)", $0.element) }, file, "data.prompts", run, isNeeded: true)
        }
        if run.answersHeldOut, !isTrained || run.stages.contains(.evaluate),
            let file = run.data.evaluationPrompts ?? run.data.prompts
        {
            notes += try await ask(
                run.evaluation.rewards.enumerated().map { ("evaluation.rewards.\($0.offset)", $0.element) }, file,
                run.data.evaluationPrompts == nil ? "data.prompts" : "data.evaluation_prompts", run, isNeeded: false)
        }
        return notes
    }

    /// - Parameter isNeeded: whether a first line without a result is wrong.
    private static func ask(
        _ rewards: [(key: String, section: RewardSection)], _ file: String, _ fileKey: String,
        _ run: RunConfiguration, isNeeded: Bool
    ) async throws -> [String] {
        guard !rewards.isEmpty, let input = try input(file, fileKey, run) else { return [] }
        let notes = Mutex<[String]>([])
        for (key, section) in rewards {
            let context = RewardContext(
                progress: { true }, note: { note in notes.withLock { $0.append("\(key): \(note)") } }, isTrial: true)
            do {
                let values = try await RewardFunctions.make(section)?.score([input], context: context) ?? [0]
                let value = values.first ?? nil
                if case .math = section.kind, value == nil, isNeeded {
                    throw RewardError(notes.withLock { $0.last } ?? "no result to compare with", isPermanent: true)
                }
                guard let value, !value.isFinite else { continue }
                throw RewardError("reward \(section.name): the score of a trial answer is \(value)", isPermanent: true)
            } catch let error as RewardError {
                throw RewardTrialError(message: "\(key): \(error.message)", isPermanent: error.isPermanent)
            }
        }
        return notes.withLock { $0 }
    }

    /// The first line of the file with a made-up answer; nil for an empty file.
    private static func input(_ file: String, _ key: String, _ run: RunConfiguration) throws -> RewardInput? {
        let rows: LoadedRows<PromptRow>
        do {
            rows = try .read(path: file, onBadLine: run.data.onError == .skip ? .skip : .stop, limit: 1)
        } catch {
            throw RewardTrialError(message: "\(key): \(error)", isPermanent: true)
        }
        guard let row = rows.rows.first else { return nil }
        var messages: JSONValue?
        if case .turns(let turns) = row.prompt { messages = .array(turns.map(\.json)) }
        return RewardInput(
            prompt: row.prompt.plain, response: answer, tokens: 1, extra: .object(row.extra), messages: messages)
    }
}

extension RewardKind {
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
