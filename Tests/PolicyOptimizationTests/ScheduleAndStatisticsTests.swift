import Foundation
import RunConfiguration
import Testing

@testable import PolicyOptimization

@Suite struct ScheduleAndStatisticsTests {
    @Test func warmupThenDecay() {
        let linear = LearningRateSchedule(peak: 1, total: 100, warmup: 0.05)
        #expect(abs(linear.rate(0) - 0.2) < 1e-12)
        #expect(linear.rate(4) == 1)
        #expect(linear.rate(5) == 1)
        #expect(linear.rate(100) == 0)
        #expect(linear.rate(1000) == 0)
        let cosine = LearningRateSchedule(peak: 2, total: 10, warmup: 0, decay: .cosine, floor: 0.1)
        #expect(cosine.rate(0) == 2)
        #expect(abs(cosine.rate(5) - 1.1) < 1e-12)
        #expect(abs(cosine.rate(10) - 0.2) < 1e-12)
        #expect(LearningRateSchedule(peak: 3, total: 10, warmup: 0, decay: .constant).rate(99) == 3)
    }

    @Test func permutationsAreRepeatableAndFair() {
        var a = CounterGenerator(1, 2, 3)
        var b = CounterGenerator(1, 2, 3)
        var other = CounterGenerator(1, 2, 4)
        let first = a.permutation(50)
        #expect(first == b.permutation(50))
        #expect(first != other.permutation(50))
        #expect(first.sorted() == Array(0..<50))
        var counts = [Int](repeating: 0, count: 4)
        for seed in 0..<4000 {
            var generator = CounterGenerator(UInt64(seed))
            counts[generator.permutation(4)[0]] += 1
        }
        for count in counts { #expect(abs(count - 1000) < 120) }
        #expect(a.permutation(0).isEmpty)
    }

    @Test func explainedVariance() {
        let returns: [[Double]] = [[1, 2, 3, 99]]
        let mask: [[UInt8]] = [[1, 1, 1, 0]]
        #expect(Fit.explainedVariance(values: returns, returns: returns, mask: mask) == 1)
        #expect(Fit.explainedVariance(values: [[5, 5, 5, 0]], returns: returns, mask: mask) == 0)
        #expect(Fit.explainedVariance(values: [[3, 2, 1, 0]], returns: returns, mask: mask) == -3)
        #expect(Fit.explainedVariance(values: [[1, 2]], returns: [[2, 2]], mask: [[1, 1]]) == 0)
    }

    @Test func calibration() {
        // Confidence sigmoid(ln 3) = 0.75; three of four are right: calibrated to the point.
        let margin = log(3.0)
        #expect(abs(Fit.calibrationError(margins: [margin, margin, margin, -margin])) < 1e-12)
        #expect(abs(Fit.calibrationError(margins: [margin, margin, margin, margin]) - 0.25) < 1e-12)
        #expect(Fit.preferenceAccuracy(margins: [1, -1, 0, 2]) == 0.625)
        #expect(Fit.calibrationError(margins: []) == 0)
    }

    @Test func preferenceLoss() {
        #expect(abs(ReferenceLoss.preference(chosen: 1, rejected: 1) - log(2)) < 1e-12)
        #expect(
            abs(ReferenceLoss.preference(chosen: 2, rejected: 0, margin: 1) - log1p(exp(-1))) < 1e-12)
        let tie = ReferenceLoss.preference(chosen: 2, rejected: 0, tie: true)
        #expect(abs(tie - 0.5 * (log1p(exp(-2)) + log1p(exp(2)))) < 1e-12)
        let smooth = ReferenceLoss.preference(chosen: 2, rejected: 0, smoothing: 0.1)
        #expect(abs(smooth - (0.9 * log1p(exp(-2)) + 0.1 * log1p(exp(2)))) < 1e-12)
        #expect(ReferenceLoss.preference(chosen: 1000, rejected: -1000).isFinite)
    }

    @Test func valueLossTakesTheWorseOfTheTwo() {
        #expect(ReferenceLoss.value(1, old: 0, target: 2) == 0.5 * 1.8 * 1.8)
        #expect(ReferenceLoss.value(1, old: 0, target: 0) == 0.5)
        #expect(ReferenceLoss.value(1, old: 0, target: 2, clip: nil) == 0.5)
    }

    @Test func logRatioIsClampedBeforeExp() {
        let loss = ReferenceLoss.policy(advantage: -1, new: 0, old: -1000)
        #expect(abs(loss - exp(20)) < 1)
    }
}
