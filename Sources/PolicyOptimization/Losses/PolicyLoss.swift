import Foundation

/// The policy's loss over the tokens of a micro-batch, with its derivative by each token's log-probability and
/// entropy in closed form.
///
/// The network's part of the gradient is the business of autograd; this part is a formula of a few numbers a token.
/// Written out, it is exact in double precision, costs nothing beside a forward pass, and can be tested without a
/// model: against ``ReferenceLoss`` by finite differences, and against PyTorch by the gradient fixtures.
///
///     loss = 1/N * sum over tokens of  w * L(rho, A) + klWeight * k2 - entropyWeight * H
///
/// with L PPO's clipped loss, w = min(pi_prox / pi_behaviour, cap) a constant, k2 = (log pi - log pi_ref)^2 / 2, and N
/// the tokens of the whole minibatch: parts are added, never averaged.
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

        package init() {}

        package var count: Int { mask.count }
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
    ///   - globalTokens: N above.
    package func evaluate(new: [Float], entropy: [Float], tokens: Tokens, globalTokens: Int) throws -> Result {
        let count = tokens.count
        guard new.count == count, tokens.old.count == count, tokens.behaviour.count == count,
            tokens.reference.count == count, tokens.advantages.count == count,
            entropy.count == count || (entropy.isEmpty && settings.entropyWeight == 0)
        else { throw PolicyOptimizationError(.shape, "arrays over the tokens of a micro-batch differ in length") }
        guard globalTokens > 0 else {
            throw PolicyOptimizationError(.empty, "no token of the minibatch is in the mask")
        }
        let share = 1 / Double(globalTokens)
        var result = Result(
            loss: 0, gradient: [Float](repeating: 0, count: count),
            entropyGradient: settings.entropyWeight == 0
                ? [] : tokens.mask.map { $0 == 0 ? 0 : Float(-settings.entropyWeight * share) },
            figures: PolicyFigures())
        for t in 0..<count where tokens.mask[t] != 0 {
            let new = Double(new[t])
            let weight = min(exp(min(tokens.old[t] - tokens.behaviour[t], 700)), settings.behaviourCap)
            let (clipped, slope) = token(
                new: new, old: tokens.old[t], advantage: tokens.advantages[t], figures: &result.figures)
            result.figures.policyLoss += weight * clipped
            result.figures.behaviourWeight += weight
            var loss = weight * clipped
            var gradient = weight * slope
            if settings.klWeight != 0 {
                let x = new - tokens.reference[t]
                loss += settings.klWeight * x * x / 2
                gradient += settings.klWeight * x
                result.figures.klLoss += KLEstimator.k3(new, tokens.reference[t])
            }
            if !entropy.isEmpty {
                result.figures.entropy += Double(entropy[t])
                result.figures.entropyTokens += 1
                loss -= settings.entropyWeight * Double(entropy[t])
            }
            result.loss += loss * share
            result.gradient[t] = Float(gradient * share)
        }
        return result
    }

    /// PPO's clipped loss of one token and its derivative by the new log-probability.
    private func token(
        new: Double, old: Double, advantage: Double, figures: inout PolicyFigures
    ) -> (loss: Double, slope: Double) {
        let raw = new - old
        let logRatio = min(max(raw, -settings.logRatioBound), settings.logRatioBound)
        let ratio = exp(logRatio)
        let bounded = min(max(ratio, 1 - settings.clip), 1 + (settings.clipHigh ?? settings.clip))
        let (plain, clipped) = (-advantage * ratio, -advantage * bounded)
        figures.tokens += 1
        figures.ratio += ratio
        // max() lets NaN pass or not by the order of its operands; a NaN must reach the guard.
        figures.maximumRatio = ratio.isNaN ? .nan : max(figures.maximumRatio, ratio)
        figures.approximateKL += 0.5 * raw * raw
        if raw != logRatio { figures.clamped += 1 }
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

/// Sums over tokens, so that micro-batches can be added; `mean` divides.
package struct PolicyFigures: Sendable, Equatable {
    package var tokens = 0
    package var policyLoss = 0.0
    package var ratio = 0.0
    package var maximumRatio = 0.0
    package var approximateKL = 0.0
    /// Over `entropyTokens`: it is measured in the first epoch alone when nothing is trained on it.
    package var entropy = 0.0
    package var entropyTokens = 0
    package var klLoss = 0.0
    package var behaviourWeight = 0.0
    package var clipped = 0
    package var dualClipped = 0
    package var clamped = 0

    package init() {}

    package static func += (a: inout PolicyFigures, b: PolicyFigures) {
        a.tokens += b.tokens
        a.policyLoss += b.policyLoss
        a.ratio += b.ratio
        a.maximumRatio =
            a.maximumRatio.isNaN || b.maximumRatio.isNaN ? .nan : max(a.maximumRatio, b.maximumRatio)
        a.approximateKL += b.approximateKL
        a.entropy += b.entropy
        a.entropyTokens += b.entropyTokens
        a.klLoss += b.klLoss
        a.behaviourWeight += b.behaviourWeight
        a.clipped += b.clipped
        a.dualClipped += b.dualClipped
        a.clamped += b.clamped
    }

    package func mean(_ path: KeyPath<PolicyFigures, Double>) -> Double {
        tokens > 0 ? self[keyPath: path] / Double(tokens) : 0
    }

    package func share(_ path: KeyPath<PolicyFigures, Int>) -> Double {
        tokens > 0 ? Double(self[keyPath: path]) / Double(tokens) : 0
    }
}
