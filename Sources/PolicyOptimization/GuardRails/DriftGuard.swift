import Foundation
package import RunConfiguration

/// What a finished step says about where the policy is going.
package struct StepFigures: Sendable, Equatable {
    /// Mean over answers of the sum of k1, in nats; nil when no answer had a reference.
    package var sequenceKL: Double?
    package var reward: Double
    /// The held-out reward that nothing trains on, in the steps in which it was measured.
    package var gold: Double?
    package var text: Degeneration
    /// Share of the scores that the clip changed.
    package var clippedScores: Double

    package init(
        sequenceKL: Double?, reward: Double, gold: Double? = nil, text: Degeneration, clippedScores: Double = 0
    ) {
        self.sequenceKL = sequenceKL
        self.reward = reward
        self.gold = gold
        self.text = text
        self.clippedScores = clippedScores
    }
}

/// A condition someone should look at.
package struct Alarm: Sendable, Equatable, Codable {
    package enum Code: String, Sendable, Codable {
        case negativeKL = "negative_kl"
        case klBudget = "kl_budget"
        case repeatedText = "repeated_text"
        case lowDiversity = "low_diversity"
        case truncatedAnswers = "truncated_answers"
        case answerLength = "answer_length"
        case overOptimisation = "over_optimisation"
        case logProbabilityMismatch = "log_probability_mismatch"
        case skippedUpdate = "skipped_update"
        case clippedScores = "clipped_scores"
        case nothingLearned = "nothing_learned"
    }

    package var code: Code
    package var detail: String

    package init(_ code: Code, _ detail: String) {
        self.code = code
        self.detail = detail
    }
}

/// Watches the figures of whole steps and raises alarms. Pure; its window is part of the checkpoint, its thresholds are
/// those of the run that goes on.
package struct DriftGuard: Sendable, Equatable, Codable {
    private static let negativeKL = -1.0

    package var thresholds = DriftSection()
    /// Mean sequence KL above which the run pauses; nil: never.
    package var klStop: Double?
    /// Trained and gold reward of the last measurements, oldest first.
    package private(set) var measured: [[Double]] = []

    private enum CodingKeys: String, CodingKey { case measured }

    package init(_ thresholds: DriftSection = DriftSection(), klStop: Double? = nil) {
        self.thresholds = thresholds
        self.klStop = klStop
    }

    /// - Returns: alarms of this step, and whether the run is to pause (the KL budget is spent).
    package mutating func observe(_ figures: StepFigures) -> (alarms: [Alarm], pause: Bool) {
        var alarms: [Alarm] = []
        var pause = false
        // Compared so that a KL that is not a number alarms too.
        if let kl = figures.sequenceKL, !(kl >= Self.negativeKL) {
            alarms.append(
                Alarm(
                    .negativeKL,
                    "sequence KL is \(Self.rounded(kl)): do sampling and scoring see the same distribution (top-k, "
                        + "suppressed EOS, padding, dropout)?"))
        }
        if let stop = klStop, let kl = figures.sequenceKL, kl > stop {
            alarms.append(Alarm(.klBudget, "sequence KL \(Self.rounded(kl)) is over kl_stop \(stop)"))
            pause = true
        }
        if let most = thresholds.clippedScoresAlarm, figures.clippedScores > most {
            alarms.append(
                Alarm(
                    .clippedScores,
                    "ppo.reward_clip changes \(Self.percent(figures.clippedScores)) of the scores, which then teach "
                        + "nothing but their sign; raise it, or write normalise_rewards: true"))
        }
        alarms += textAlarms(figures.text)
        if let gold = figures.gold, let alarm = overOptimised(reward: figures.reward, gold: gold) {
            alarms.append(alarm)
        }
        return (alarms, pause)
    }

    /// For people; not a number and infinity stay what they are.
    private static func rounded(_ value: Double) -> String { String(format: "%.3g", value) }
    private static func percent(_ share: Double) -> String { "\(rounded(share * 100)) %" }

    private func textAlarms(_ text: Degeneration) -> [Alarm] {
        var alarms: [Alarm] = []
        if let most = thresholds.repeated4gramAlarm, text.repeated4 > most {
            alarms.append(Alarm(.repeatedText, "share of repeated 4-grams is \(Self.percent(text.repeated4))"))
        }
        if let least = thresholds.distinct2Alarm, text.distinct2 < least {
            alarms.append(
                Alarm(
                    .lowDiversity, "share of distinct pairs of tokens (distinct-2) is \(Self.percent(text.distinct2))"))
        }
        if let most = thresholds.truncatedAlarm, text.truncated > most {
            alarms.append(
                Alarm(.truncatedAnswers, "share of answers cut by the length limit is \(Self.percent(text.truncated))"))
        }
        // Compared so that a ratio that is not a number alarms too.
        if let most = thresholds.lengthRatioAlarm, !(text.lengthRatio >= 1 / most && text.lengthRatio <= most) {
            alarms.append(
                Alarm(.answerLength, "answers are \(Self.rounded(text.lengthRatio)) times as long as the reference's"))
        }
        return alarms
    }

    /// Trained reward up and gold reward down, first half of the window against the second (Gao et al. 2022).
    private mutating func overOptimised(reward: Double, gold: Double) -> Alarm? {
        measured.append([reward, gold])
        let window = max(2, thresholds.window)
        if measured.count > window { measured.removeFirst(measured.count - window) }
        guard measured.count == window else { return nil }
        let half = window / 2
        func rise(_ column: Int) -> Double {
            let early = measured.prefix(half).reduce(0) { $0 + $1[column] } / Double(half)
            let late = measured.suffix(half).reduce(0) { $0 + $1[column] } / Double(half)
            return late - early
        }
        let trained = rise(0)
        let held = rise(1)
        guard trained > 0, held < 0 else { return nil }
        return Alarm(
            .overOptimisation,
            "over \(window) measurements the trained reward rose by \(Self.rounded(trained)) while the gold one fell by \(Self.rounded(-held))"
        )
    }
}
