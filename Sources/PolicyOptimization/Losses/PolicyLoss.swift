import Foundation
import RunConfiguration

/// The policy's loss over the tokens of a micro-batch, with its derivative by each token's log-probability and
/// entropy in closed form.
///
/// The network's part of the gradient is the business of autograd; this part is a formula of a few numbers a token.
/// Written out, it is exact in double precision, costs nothing beside a forward pass, and can be tested without a
/// model: against ``ReferenceLoss`` by finite differences, and against PyTorch by the gradient and loss fixtures.
///
///     loss = sum over tokens of  share * (w * L + klWeight * KL - entropyWeight * H)
///
///     L     ppo:   max(-A rho, -A clip(rho, 1 - clip, 1 + clipHigh)),  rho = pi / pi_old
///           gspo:  the same with s * pi / sg(pi) in place of rho, s = exp(mean of log rho over the answer)
///           cispo: -sg(min(rho, 1 + clipHigh)) A log pi
///     w     min(pi_prox / pi_behaviour, cap), a constant; with gspo the mean of its logarithm over the answer
///     KL    k1, k2 or k3 of log pi - log pi_ref; differentiated as it stands, see ``KLEstimator/slope(_:_:)``
///     share by the aggregation: of the whole minibatch, so that parts are added, never averaged
///
/// sg is a constant to the gradient, as PyTorch's `detach()`.
package struct PolicyLoss: Sendable {
    package var settings: PolicyLossSettings

    package init(_ settings: PolicyLossSettings) { self.settings = settings }

    /// What is known of a token before the update; parallel arrays over the tokens of a micro-batch.
    package struct Tokens: Sendable {
        /// Log-probability at the start of the step: the denominator of the ratio.
        package var old: [Double] = []
        /// Under the policy that sampled the token.
        package var behaviour: [Double] = []
        package var reference: [Double] = []
        package var advantages: [Double] = []
        package var mask: [UInt8] = []
        /// Tokens of each answer, those outside the mask included; empty when all are of one answer.
        package var lengths: [Int] = []

        package init() {}

        package var count: Int { mask.count }

        /// The answers' ranges, in order.
        fileprivate func ranges() throws -> [Range<Int>] {
            guard !lengths.isEmpty else { return [0..<count] }
            var ranges: [Range<Int>] = []
            var start = 0
            for length in lengths {
                guard length >= 0, length <= count - start else { break }
                ranges.append(start..<start + length)
                start += length
            }
            guard start == count, ranges.count == lengths.count else {
                throw PolicyOptimizationError(.shape, "answers of \(lengths) tokens do not make up \(count) tokens")
            }
            return ranges
        }
    }

    package struct Result: Sendable {
        /// This part's share of the minibatch's loss.
        package var loss: Double
        /// d loss / d log-probability; 0 outside the mask.
        package var gradient: [Float]
        /// d loss / d entropy; empty when the bonus is off.
        package var entropyGradient: [Float]
        package var figures: PolicyFigures
    }

    /// - Parameters:
    ///   - new: log-probabilities under the policy that learns.
    ///   - entropy: of the distribution at each token; may be empty when the bonus is off.
    ///   - size: of the whole minibatch.
    package func evaluate(new: [Float], entropy: [Float], tokens: Tokens, size: MinibatchSize) throws -> Result {
        let count = tokens.count
        guard new.count == count, tokens.old.count == count, tokens.behaviour.count == count,
            tokens.reference.count == count, tokens.advantages.count == count,
            entropy.count == count || (entropy.isEmpty && settings.entropyWeight == 0)
        else { throw PolicyOptimizationError(.shape, "arrays over the tokens of a micro-batch differ in length") }
        guard size.tokens > 0, size.sequences > 0 else {
            throw PolicyOptimizationError(.empty, "no token of the minibatch is in the mask")
        }
        var result = Result(
            loss: 0, gradient: [Float](repeating: 0, count: count),
            entropyGradient: settings.entropyWeight == 0 ? [] : [Float](repeating: 0, count: count),
            figures: PolicyFigures())
        for range in try tokens.ranges() {
            let length = range.reduce(0) { $0 + (tokens.mask[$1] == 0 ? 0 : 1) }
            guard length > 0 else { continue }
            let share = settings.aggregation.share(length: length, of: size)
            // Figures are sums that a count of tokens divides; this makes that the loss as it is aggregated.
            let weight = settings.aggregation == .tokenMean ? 1 : share * Double(size.tokens)
            let answer = settings.objective == .gspo ? AnswerRatios(new, tokens, range, length: length) : nil
            for t in range where tokens.mask[t] != 0 {
                let new = Double(new[t])
                let stale = answer?.stale ?? tokens.old[t] - tokens.behaviour[t]
                let staleWeight = min(exp(min(stale, 700)), settings.behaviourCap)
                let (objective, slope) = token(
                    new: new, logRatio: answer?.new ?? new - tokens.old[t], advantage: tokens.advantages[t],
                    figures: &result.figures)
                result.figures.approximateKL += 0.5 * (new - tokens.old[t]) * (new - tokens.old[t])
                result.figures.policyLoss += staleWeight * objective * weight
                result.figures.behaviourWeight += staleWeight
                var loss = staleWeight * objective
                var gradient = staleWeight * slope
                if settings.klWeight != 0 {
                    let estimate = settings.klEstimator(new, tokens.reference[t])
                    loss += settings.klWeight * estimate
                    gradient += settings.klWeight * settings.klEstimator.slope(new, tokens.reference[t])
                    result.figures.klLoss += estimate * weight
                }
                if !entropy.isEmpty {
                    result.figures.entropy += Double(entropy[t])
                    result.figures.entropyTokens += 1
                    loss -= settings.entropyWeight * Double(entropy[t])
                }
                if settings.entropyWeight != 0 { result.entropyGradient[t] = Float(-settings.entropyWeight * share) }
                result.loss += loss * share
                result.gradient[t] = Float(gradient * share)
            }
        }
        return result
    }

    /// The objective's loss of one token and its derivative by the new log-probability.
    ///
    /// - Parameter raw: logarithm of the token's ratio, or of its answer's.
    private func token(
        new: Double, logRatio raw: Double, advantage: Double, figures: inout PolicyFigures
    ) -> (loss: Double, slope: Double) {
        let logRatio = min(max(raw, -settings.logRatioBound), settings.logRatioBound)
        let ratio = exp(logRatio)
        figures.tokens += 1
        figures.ratio += ratio
        // max() lets NaN pass or not by the order of its operands; a NaN must reach the guard.
        figures.maximumRatio = ratio.isNaN ? .nan : max(figures.maximumRatio, ratio)
        if raw != logRatio { figures.clamped += 1 }
        let upper = 1 + (settings.clipHigh ?? settings.clip)
        if settings.objective == .cispo {
            if ratio > upper { figures.clipped += 1 }
            let weight = min(ratio, upper)
            return (-weight * advantage * new, -weight * advantage)
        }
        let bounded = min(max(ratio, 1 - settings.clip), upper)
        let (plain, clipped) = (-advantage * ratio, -advantage * bounded)
        var loss = plain
        // Beyond the clamp the ratio is a constant.
        var slope = raw == logRatio ? plain : 0
        if clipped > plain {
            loss = clipped
            slope = 0
            figures.clipped += 1
        }
        if let dualClip = settings.dualClip, advantage < 0, loss > -dualClip * advantage {
            loss = -dualClip * advantage
            slope = 0
            figures.dualClipped += 1
        }
        return (loss, slope)
    }
}

/// Logarithms of ratios of a whole answer, each divided by its tokens.
private struct AnswerRatios {
    /// Of the policy that learns to that at the start of the step.
    var new = 0.0
    /// Of the policy at the start of the step to that which sampled.
    var stale = 0.0

    init(_ new: [Float], _ tokens: PolicyLoss.Tokens, _ range: Range<Int>, length: Int) {
        for t in range where tokens.mask[t] != 0 {
            self.new += Double(new[t]) - tokens.old[t]
            stale += tokens.old[t] - tokens.behaviour[t]
        }
        self.new /= Double(length)
        stale /= Double(length)
    }
}
