/// What is told of answers that were dropped for want of a reward.
package enum DroppedAnswers {
    /// - Parameters:
    ///   - figures: a line of `metrics.jsonl`.
    ///   - needed: rewards without which an answer is dropped; those of weight 0 drop none.
    ///   - cause: why answers of a step have no reward, where somebody said so; the step counts from 0.
    /// - Returns: nil for a step of which no answer was dropped.
    package static func sentence(
        _ figures: [String: Double], needed: Set<String>, cause: (Int) -> String?
    ) -> String? {
        guard let dropped = figures["batch/dropped_no_reward"], dropped > 0 else { return nil }
        let names = needed.sorted().compactMap { name -> String? in
            guard let count = figures["reward/\(name)/failed"], count > 0 else { return nil }
            return "\(name) failed for \(whole(count))"
        }
        let all = dropped + (figures["batch/samples"] ?? 0)
        let step = figures["step"].flatMap { Int(exactly: $0) } ?? -1
        // Steps are counted from 0 in the file, and from 1 for people.
        return
            "step \(step &+ 1): \(whole(dropped)) of \(whole(all)) answers dropped for want of a reward"
            + (names.isEmpty ? "" : " (\(names.joined(separator: ", ")))")
            + (cause(step).map { "; the last: \($0)" }
                ?? "; why is in logs/scorer-*.log, or where the reward worker prints")
    }

    /// Figures come from a file, so that a number may be of any size.
    private static func whole(_ number: Double) -> String {
        number.magnitude < 1e15 ? "\(Int(number.rounded()))" : "\(number)"
    }
}
