import Foundation
import RunConfiguration
import Testing

@testable import PolicyOptimization

/// The closed forms against the readable reference: values by comparison, derivatives by central differences.
@Suite struct LossTests {
    var settings: PolicyLossSettings {
        var settings = PolicyLossSettings()
        settings.clipHigh = 0.28
        settings.dualClip = 3
        settings.klWeight = 0.05
        settings.entropyWeight = 0.01
        return settings
    }

    func tokens(_ random: inout CounterGenerator, count: Int) -> (new: [Float], tokens: PolicyLoss.Tokens) {
        var tokens = PolicyLoss.Tokens()
        func normal() -> Double { (0..<12).reduce(-6.0) { sum, _ in sum + random.uniform() } }
        tokens.old = (0..<count).map { _ in -2 + 0.5 * normal() }
        tokens.behaviour = tokens.old.map { $0 + 0.5 * normal() }
        tokens.reference = tokens.old.map { $0 + 0.5 * normal() }
        tokens.advantages = (0..<count).map { _ in 2 * normal() }
        tokens.mask = (0..<count).map { _ in random.uniform() < 0.8 ? 1 : 0 }
        return (tokens.old.map { Float($0 + 0.7 * normal()) }, tokens)
    }

    /// The loss as PPO.md writes it.
    func reference(_ new: [Double], _ entropy: [Double], _ tokens: PolicyLoss.Tokens) -> Double {
        var sum = 0.0
        for t in new.indices where tokens.mask[t] != 0 {
            let weight = min(exp(tokens.old[t] - tokens.behaviour[t]), 2)
            sum +=
                weight
                * ReferenceLoss.policy(
                    advantage: tokens.advantages[t], new: new[t], old: tokens.old[t], clipHigh: 0.28, dualClip: 3)
            sum += 0.05 * KLEstimator.k2(new[t], tokens.reference[t]) - 0.01 * entropy[t]
        }
        return sum / Double(Masked.count([tokens.mask]))
    }

    @Test func policyValueAndSlope() throws {
        var random = CounterGenerator(11)
        let (new, tokens) = tokens(&random, count: 400)
        let entropy = new.map { -$0 }
        let count = Masked.count([tokens.mask])
        let result = try PolicyLoss(settings).evaluate(
            new: new, entropy: entropy, tokens: tokens, size: MinibatchSize(tokens: count, sequences: 1))
        let exact = new.map(Double.init)
        let entropies = entropy.map(Double.init)
        #expect(abs(result.loss - reference(exact, entropies, tokens)) < 1e-12)
        #expect(result.figures.clipped > 20 && result.figures.dualClipped > 3)
        for t in exact.indices {
            var (up, down) = (exact, exact)
            up[t] += 1e-6
            down[t] -= 1e-6
            let slope = (reference(up, entropies, tokens) - reference(down, entropies, tokens)) / 2e-6
            #expect(abs(Double(result.gradient[t]) - slope) < 1e-6, "token \(t)")
            let wanted = tokens.mask[t] == 0 ? 0 : -0.01 / Double(count)
            #expect(abs(Double(result.entropyGradient[t]) - wanted) < 1e-9)
        }
    }

    @Test func microBatchesAddUpToTheMinibatch() throws {
        var random = CounterGenerator(12)
        let (new, tokens) = tokens(&random, count: 60)
        let count = Masked.count([tokens.mask])
        let entropy = [Float](repeating: 1, count: 60)
        let loss = PolicyLoss(settings)
        let whole = try loss.evaluate(
            new: new, entropy: entropy, tokens: tokens, size: MinibatchSize(tokens: count, sequences: 1))
        var sum = 0.0
        var gradient: [Float] = []
        var figures = PolicyFigures()
        for range in [0..<7, 7..<41, 41..<60] {
            var part = PolicyLoss.Tokens()
            part.old = Array(tokens.old[range])
            part.behaviour = Array(tokens.behaviour[range])
            part.reference = Array(tokens.reference[range])
            part.advantages = Array(tokens.advantages[range])
            part.mask = Array(tokens.mask[range])
            let result = try loss.evaluate(
                new: Array(new[range]), entropy: Array(entropy[range]), tokens: part,
                size: MinibatchSize(tokens: count, sequences: 1))
            sum += result.loss
            gradient += result.gradient
            figures += result.figures
        }
        #expect(abs(sum - whole.loss) < 1e-12)
        #expect(gradient == whole.gradient)
        #expect(figures.tokens == whole.figures.tokens && figures.clipped == whole.figures.clipped)
        #expect(abs(figures.ratio - whole.figures.ratio) < 1e-9)
    }

    /// First minibatch of the first epoch with fresh data: the ratio is 1 and nothing is clipped.
    @Test func freshDataHasRatioOne() throws {
        var random = CounterGenerator(13)
        var (_, tokens) = tokens(&random, count: 50)
        tokens.behaviour = tokens.old
        let result = try PolicyLoss(PolicyLossSettings()).evaluate(
            new: tokens.old.map { Float($0) }, entropy: [], tokens: tokens,
            size: MinibatchSize(tokens: 40, sequences: 1))
        #expect(abs(result.figures.mean(\.ratio) - 1) < 1e-6)
        #expect(result.figures.clipped == 0 && result.figures.mean(\.approximateKL) < 1e-12)
    }

    @Test func clampedRatiosAreCountedAndNaNReachesTheGuard() throws {
        var tokens = PolicyLoss.Tokens()
        tokens.old = [-100, -1, -1]
        tokens.behaviour = tokens.old
        tokens.reference = tokens.old
        tokens.advantages = [-1, 1, 1]
        tokens.mask = [1, 1, 1]
        let loss = PolicyLoss(PolicyLossSettings())
        let result = try loss.evaluate(
            new: [-1, -1, -1], entropy: [], tokens: tokens, size: MinibatchSize(tokens: 3, sequences: 1))
        #expect(result.figures.clamped == 1)
        #expect(result.gradient[0] == 0)
        let broken = try loss.evaluate(
            new: [.nan, -1, -1], entropy: [], tokens: tokens, size: MinibatchSize(tokens: 3, sequences: 1))
        #expect(broken.loss.isNaN && broken.figures.maximumRatio.isNaN)
        #expect(broken.figures.mean(\.approximateKL).isNaN)
    }

    @Test func valueLossAndSlope() throws {
        var random = CounterGenerator(14)
        let n = 200
        let old = (0..<n).map { _ in random.uniform() * 2 - 1 }
        let targets = (0..<n).map { _ in random.uniform() * 4 - 2 }
        let values = old.map { Float($0 + random.uniform() - 0.5) }
        let mask = (0..<n).map { _ in UInt8(random.uniform() < 0.7 ? 1 : 0) }
        let count = Masked.count([mask])
        let result = try ValueLoss(weight: 0.1).evaluate(
            values: values, old: old, targets: targets, mask: mask, globalTokens: count)
        func one(_ value: Double, _ t: Int) -> Double {
            mask[t] == 0 ? 0 : 0.1 * ReferenceLoss.value(value, old: old[t], target: targets[t]) / Double(count)
        }
        let whole = values.indices.reduce(0.0) { $0 + one(Double(values[$1]), $1) }
        #expect(abs(result.loss - whole) < 1e-12)
        #expect(result.figures.clipped > 10)
        for t in values.indices {
            let slope = (one(Double(values[t]) + 1e-6, t) - one(Double(values[t]) - 1e-6, t)) / 2e-6
            #expect(abs(Double(result.gradient[t]) - slope) < 1e-7)
        }
    }

    @Test func preferenceLossAndSlope() throws {
        let chosen: [Float] = [1, -0.5, 2, 0.1]
        let rejected: [Float] = [0.5, 0.7, 2, -3]
        let margins = [0, 0.3, 0.5, 0]
        let ties = [false, false, true, false]
        let result = try PreferenceLoss(smoothing: 0.1).evaluate(
            chosen: chosen, rejected: rejected, margins: margins, ties: ties, globalPairs: 4)
        func one(_ c: Double, _ i: Int) -> Double {
            ReferenceLoss.preference(
                chosen: c, rejected: Double(rejected[i]), margin: margins[i], smoothing: 0.1, tie: ties[i]) / 4
        }
        #expect(abs(result.loss - chosen.indices.reduce(0) { $0 + one(Double(chosen[$1]), $1) }) < 1e-12)
        for i in chosen.indices {
            let slope = (one(Double(chosen[i]) + 1e-6, i) - one(Double(chosen[i]) - 1e-6, i)) / 2e-6
            #expect(abs(Double(result.chosenGradient[i]) - slope) < 1e-7)
        }
        #expect(result.rejectedGradient == result.chosenGradient.map { -$0 })
        #expect(abs(result.margins[3] - 3.1) < 1e-6)
    }

    @Test func shapesAreChecked() {
        var tokens = PolicyLoss.Tokens()
        tokens.mask = [1]
        #expect(throws: PolicyOptimizationError.self) {
            try PolicyLoss(PolicyLossSettings()).evaluate(
                new: [0], entropy: [], tokens: tokens, size: MinibatchSize(tokens: 1, sequences: 1))
        }
        #expect(throws: PolicyOptimizationError.self) {
            try ValueLoss().evaluate(values: [1], old: [], targets: [1], mask: [1], globalTokens: 1)
        }
        #expect(throws: PolicyOptimizationError.self) {
            try PreferenceLoss().evaluate(chosen: [1], rejected: [], globalPairs: 1)
        }
    }
}
