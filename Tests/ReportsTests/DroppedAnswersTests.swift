import Reports
import Testing

@Suite struct DroppedAnswersTests {
    private func said(_ more: [String: Double], cause: String? = "why") -> String? {
        let figures: [String: Double] = [
            "step": 4, "batch/samples": 12, "reward/a/failed": 0, "reward/b/failed": 3, "reward/shown/failed": 9,
        ]
        return DroppedAnswers.sentence(figures.merging(more) { $1 }, needed: ["a", "b"]) { $0 == 4 ? cause : nil }
    }

    /// A reward of weight 0 drops nothing, however often it fails.
    @Test func onlyRewardsThatDropAnswersAreNamed() {
        #expect(said([:]) == nil)
        #expect(
            said(["batch/dropped_no_reward": 4])
                == "step 5: 4 of 16 answers dropped for want of a reward (b failed for 3); the last: why")
        let without = said(["batch/dropped_no_reward": 4, "reward/b/failed": 0], cause: nil)
        #expect(without?.hasPrefix("step 5: 4 of 16 answers dropped for want of a reward; why is in logs/") == true)
        // A file may hold any number.
        #expect(said(["batch/dropped_no_reward": 1e300, "step": 1e300])?.contains("step 0: 1e+300 of") == true)
    }
}
