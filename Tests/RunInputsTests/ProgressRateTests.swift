import Testing

@testable import Console

/// Of a command that goes on from where another one ended.
@Suite struct ProgressRateTests {
    @Test func onlyStepsOfThisCommandCount() {
        let start = ContinuousClock.now
        // 100 steps were made before; one more takes 10 s.
        #expect(ProgressBar.rate(101, start + .seconds(10), since: (100, start)) == 0.1)
        #expect(ProgressBar.rate(100, start, since: nil) == 0)
        #expect(ProgressBar.rate(100, start + .seconds(1), since: (100, start)) == 0)
        #expect(ProgressBar.rate(20, start + .seconds(4), since: (0, start)) == 5)
    }
}
