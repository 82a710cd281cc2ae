import ClusterModel
import Foundation
import Testing

@testable import RunConfiguration

@Suite struct EvaluationCheckTests {
    private static let gold = "evaluation.rewards=[{kind: gold}, {kind: length, name: short, maximum: 9, weight: 0}]"

    /// Neither with a weight nor, where only reports would see it, without one.
    @Test(arguments: ["1", "0"]) func goldIsNoRewardOfTraining(_ weight: String) throws {
        let place = try Workplace()
        let problems = place.problems("rewards=[{kind: length, target: 9}, {kind: gold, weight: \(weight)}]")
        #expect(problems.count == 1 && problems[0].contains("rewards.1.kind"), "\(problems)")
        #expect(problems[0].contains("evaluation.rewards"))
        #expect(place.problems("rewards=[{kind: length, target: 9}]", Self.gold) == [])
    }

    @Test func rewardsOfEvaluationAreCheckedLikeThoseOfTheRun() throws {
        let place = try Workplace()
        for (override, key, what) in [
            ("[{kind: regex, pattern: '('}]", "evaluation.rewards.0.pattern", "regular expression"),
            ("[{kind: length, target: 1, name: a}, {kind: gold, name: a}]", "evaluation.rewards.1.name", "two rewards"),
            ("[{kind: gold, weight: 0}]", "evaluation.rewards", "weight other than 0"),
            ("[{kind: model, path: nowhere}]", "evaluation.rewards.0.path", "no directory"),
        ] {
            let problems = place.problems("evaluation.rewards=\(override)")
            #expect(
                problems.count == 1 && problems[0].contains("\(key): ") && problems[0].contains(what), "\(problems)")
            // Nobody reads them.
            #expect(place.problems("evaluation.rewards=\(override)", "stages=[sft]").isEmpty)
        }
    }

    @Test func answersAtTemperatureZeroAreAllTheSame() throws {
        let place = try Workplace()
        let problems = place.problems("evaluation.samples=4", "evaluation.temperature=0")
        #expect(problems.count == 1 && problems[0].contains("evaluation.samples"), "\(problems)")
    }

    @Test func theBestIsByAFigureThatThereIs() throws {
        let place = try Workplace()
        let every = ["evaluation.every=5", Self.gold, "evaluation.samples=4"]
        for name in ["score", "gold", "short", "gold/pass@4", "score/pass@1"] {
            #expect(place.problems(every + ["evaluation.best=\(name)"]) == [], "\(name)")
        }
        for name in ["model", "gold/pass@3", "gold/pass@8", "gold/x"] {
            let problems = place.problems(every + ["evaluation.best=\(name)"])
            #expect(problems.count == 1 && problems[0].contains("evaluation.best: no figure is called '\(name)'"))
        }
    }

    /// pass@k needs scores that are right or wrong.
    @Test(arguments: [
        ("{kind: math, match_score: 1, miss_score: -1}", "math/pass@1", false), ("{kind: math}", "math/pass@1", true),
        ("{kind: math}", "score/pass@1", true), ("{kind: math, weight: 2}", "score/pass@1", false),
        ("{kind: math, weight: 2}", "math/pass@1", true),
        ("{kind: regex, pattern: a, match_score: 0.5}", "regex/pass@1", false),
        ("{kind: regex, pattern: a}", "regex/pass@1", true), ("{kind: math, match_score: 2}", "math", true),
    ])
    func aFigureThatCanNeverBeIsRefused(_ reward: String, _ best: String, _ isThere: Bool) throws {
        let problems = try Workplace().problems(
            "evaluation.every=5", "evaluation.rewards=[\(reward)]", "evaluation.best=\(best)")
        #expect(problems.isEmpty == isThere, "\(problems)")
        #expect(isThere || problems.allSatisfy { $0.contains("evaluation.best: pass@k is of scores that are 0 or 1") })
    }

    @Test func measuringStepsNeedsHeldOutPrompts() throws {
        let place = try Workplace()
        let problems = place.problems(
            "evaluation.every=5", "stages=[sft, reward_model, ppo]", "data.evaluation_prompts=off")
        #expect(problems.count == 1 && problems[0].contains("data.evaluation_prompts"), "\(problems)")
        #expect(place.problems("stages=[sft, reward_model, ppo]", "data.evaluation_prompts=off") == [])
    }

    @Test func withoutRewardsOfItsOwnItHasThoseOfTheRun() throws {
        let own = try RunConfiguration.parse("rewards: [{kind: length, target: 9}]")
        #expect(own.evaluationRewards == own.rewards && own.evaluation.rewards.isEmpty)
        let other = try RunConfiguration.parse(
            "models: {reward: /m}\nevaluation: {rewards: [{kind: gold}, {kind: model}], every: 4, best: gold}")
        #expect(other.evaluationRewards.map(\.name) == ["gold", "model"])
        #expect(other.evaluationRewards[1].model?.path == "/m")
        #expect(try RunConfiguration.parse(other.resolvedYAML()) == other)
        #expect(try RunConfiguration(other.setups().learner) == other)
    }
}
