import Foundation
import RunLayout

/// What a run keeps of answers to the same prompts: those of the evaluation, by the policy and the model it started from, and
/// the newest ones of the policy's own steps.
package struct RunAnswers: Sendable, Equatable {
    package struct Answer: Sendable, Equatable {
        /// "start", "policy", or "policy step N".
        package var source: String
        package var text: String

        package init(source: String, text: String) {
            self.source = source
            self.text = text
        }
    }

    /// Answers to one prompt that are taken at most.
    package static let most = 6

    package var prompt: String
    package var answers: [Answer]

    /// Prompts with two different answers or more, in the order in which they were first answered.
    package static func read(runDirectory: String) -> [RunAnswers] {
        let record = RunRecord(runDirectory: runDirectory, facts: RunReport.Facts())
        var found: [String: [Answer]] = [:]
        var prompts: [String] = []
        func add(_ answer: Answer, _ prompt: String) {
            let known = found[prompt] ?? []
            if known.isEmpty { prompts.append(prompt) }
            guard known.count < most, !known.contains(where: { $0.text == answer.text }) else { return }
            found[prompt] = known + [answer]
        }
        for item in record.evaluation?.answers ?? [] {
            add(Answer(source: "start", text: item.before), item.prompt)
            add(Answer(source: "policy", text: item.after), item.prompt)
        }
        for sample in record.samples.reversed() {
            add(Answer(source: "policy step \(sample.step)", text: sample.response), sample.prompt)
        }
        return prompts.compactMap { prompt in
            guard let answers = found[prompt], answers.count > 1 else { return nil }
            return RunAnswers(prompt: prompt, answers: answers)
        }
    }
}
