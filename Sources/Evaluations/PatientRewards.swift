import Rewards
import Synchronization

/// A reward over many answers, a few at a time, so that what it fails for costs those and no others.
struct PatientRewards {
    private static let answersAtOnce = 32
    /// Groups in a row without any value because the reward itself failed, after which it is given up: a server that is
    /// gone would be waited for at every group. Answers that rightly have no value count for nothing.
    private static let failuresAllowed = 2

    private let reward: any RewardFunction

    init(_ reward: any RewardFunction) { self.reward = reward }

    /// - Returns: a value for each answer, nil where the reward failed, and why it did.
    /// - Throws: `CancellationError` alone.
    func score(_ inputs: [RewardInput]) async throws -> (values: [Float?], reasons: [String]) {
        var values: [Float?] = []
        let reasons = Mutex<[String]>([])
        let isOut = Mutex(false)
        let context = RewardContext(
            progress: { !Task.isCancelled }, note: { reason in reasons.withLock { $0.append(reason) } },
            outage: { reason in
                reasons.withLock { $0.append(reason) }
                isOut.withLock { $0 = true }
            })
        var failures = 0
        while values.count < inputs.count {
            try Task.checkCancellation()
            let part = Array(inputs[values.count..<min(values.count + Self.answersAtOnce, inputs.count)])
            var found = [Float?](repeating: nil, count: part.count)
            isOut.withLock { $0 = false }
            do {
                let answered = try await reward.score(part, context: context)
                if answered.count == part.count {
                    found = answered
                } else {
                    reasons.withLock { $0.append("\(answered.count) values came for \(part.count) answers") }
                }
            } catch is CancellationError {
                throw CancellationError()
            } catch {
                reasons.withLock { $0.append("\(error)") }
                isOut.withLock { $0 = true }
                if (error as? RewardError)?.isPermanent == true { failures = Self.failuresAllowed }
            }
            values += found
            let failed = isOut.withLock { $0 } && found.allSatisfy { $0 == nil }
            failures = failed ? failures + 1 : 0
            if failures >= Self.failuresAllowed { break }
        }
        if values.count < inputs.count {
            reasons.withLock { $0.append("given up after \(values.count) answers") }
            values += [Float?](repeating: nil, count: inputs.count - values.count)
        }
        return (values, reasons.withLock { $0 })
    }
}
