import RunConfiguration
import Testing

@testable import PolicyOptimization

@Suite struct KLControllerTests {
    /// The shape that ten seeds of "N implementation details" show: KL overshoots the target, beta climbs, KL settles.
    @Test func adaptiveSettlesAtItsTarget() {
        var controller = KLController.adaptive(AdaptiveKL(beta: 0.15, target: 6, horizon: 10_000))
        // A toy plant: the KL drifts towards 1.2 / beta, as an optimum of reward - beta * KL does.
        var kl = 0.0
        var highest = 0.0
        for _ in 0..<4000 {
            kl += 0.02 * (1.2 / controller.beta - kl)
            highest = max(highest, kl)
            controller.update(sequenceKL: kl, samples: 512)
        }
        #expect(highest > 6.2)
        #expect(abs(kl - 6) < 0.1)
    }

    @Test func errorIsClippedAndBetaStaysFinite() {
        var state = AdaptiveKL(beta: 0.1, target: 6, horizon: 10_000)
        state.update(sequenceKL: 1e9, samples: 10_000)
        #expect(abs(state.beta - 0.12) < 1e-12)
        state.update(sequenceKL: .nan, samples: 100)
        #expect(abs(state.beta - 0.12) < 1e-12)
        state.update(sequenceKL: 0, samples: 10_000_000)
        #expect(state.beta == 0)
    }

    @Test func fixedStays() {
        var controller = KLController.fixed(beta: 0.05)
        controller.update(sequenceKL: 100, samples: 1000)
        #expect(controller.beta == 0.05)
    }

    @Test func k3NeverIsNegativeAndKeepsItsDigits() {
        for x in [1e-9, -1e-9, 1e-4, 0.5, -0.5, 3, -3] { #expect(KLEstimator.k3(x, 0) >= 0) }
        // x^2/2 - x^3/6 near 0: exp(-x) - 1 + x in the plain form has no digit left here.
        #expect(abs(KLEstimator.k3(1e-7, 0) - 5e-15) < 1e-17)
        #expect(KLEstimator.k1.sequence([-1, -2, -3], [-2, -2, 0], [1, 1, 0]) == 1)
    }
}
