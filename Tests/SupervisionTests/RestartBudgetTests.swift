import Supervision
import Testing

@Suite struct RestartBudgetTests {
    @Test func theSameFailureThriceIsTheLast() {
        var budget = RestartBudget()
        #expect(
            budget.ended(reason: "diverged in step 7", progress: 0, at: .seconds(100))
                == .again(after: .milliseconds(200)))
        #expect(
            budget.ended(reason: "diverged in step 8", progress: 0, at: .seconds(900))
                == .again(after: .milliseconds(200)))
        guard case .giveUp(let what) = budget.ended(reason: "diverged in step 9", progress: 0, at: .seconds(2_000))
        else {
            Issue.record("it goes on for ever")
            return
        }
        #expect(what.contains("3 times"))
    }

    @Test func killsAreForgivenWhileTheRunMakesSteps() {
        var budget = RestartBudget()
        for step in 0..<100 {
            #expect(
                budget.ended(reason: nil, progress: step + 1, at: .seconds(step)) == .again(after: .milliseconds(200)))
        }
    }

    @Test func sixKillsWithoutAStepAreTooMany() {
        var budget = RestartBudget()
        let verdicts = (0..<6).map { budget.ended(reason: nil, progress: 3, at: .seconds($0)) }
        #expect(verdicts[4] == .again(after: .milliseconds(3_200)))
        guard case .giveUp = verdicts[5] else {
            Issue.record("\(verdicts)")
            return
        }
    }
}
