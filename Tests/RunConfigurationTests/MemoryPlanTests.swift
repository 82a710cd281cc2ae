import RunConfiguration
import Testing

/// Against peaks that were measured; the machine and the runs stand in `MemoryPlan`.
@Suite struct MemoryPlanTests {
    private func bytes(_ name: String, _ plan: MemoryPlan) throws -> Double {
        try #require(plan.parts.first { $0.name == name }).bytes / 1e9
    }

    @Test func aModelOf113MillionParameters() throws {
        var run = RunConfiguration()
        run.ppo.tokenBudget = 1024
        run.rollout.promptsPerJob = 8
        run.rollout.maxPromptTokens = 32
        run.rollout.maxNewTokens = 96
        run.rewards = []
        let plan = MemoryPlan(
            run,
            MemoryPlan.Model(
                parameters: 113_500_000, layers: 12, hidden: 768, intermediate: 3072, vocabulary: 320,
                keyValueWidth: 768))
        #expect(abs(try bytes("learner", plan) / 5.92 - 1) < 0.2)
        #expect(abs(try bytes("generator", plan) / 2.06 - 1) < 0.2)
        #expect(abs(try bytes("scorer", plan) / 1.05 - 1) < 0.2)
    }

    @Test func gemmaWithAdapters() throws {
        var run = RunConfiguration()
        run.ppo.tokenBudget = 4096
        run.ppo.lora = LoRASection()
        let plan = MemoryPlan(
            run,
            MemoryPlan.Model(
                parameters: 268_000_000, layers: 18, hidden: 640, intermediate: 2048, vocabulary: 262_144,
                keyValueWidth: 256))
        #expect(abs(try bytes("learner", plan) / 9.96 - 1) < 0.2)
    }

    /// `evaluation.every` has the learner load the policy once more, and its reference.
    @Test func measuringHeldOutPromptsTakesTwoModels() throws {
        let model = MemoryPlan.Model(
            parameters: 100_000_000, layers: 12, hidden: 768, intermediate: 3072, vocabulary: 320, keyValueWidth: 768)
        var run = RunConfiguration()
        run.stages = [.ppo]
        let without = try bytes("learner", MemoryPlan(run, model))
        run.evaluation.every = 10
        #expect(abs(try bytes("learner", MemoryPlan(run, model)) - without - 0.8) < 1e-6)
    }

    @Test func whatDoesNotFitIsSaid() {
        let model = MemoryPlan.Model(
            parameters: 7_000_000_000, layers: 32, hidden: 4096, intermediate: 11_008, vocabulary: 32_000,
            keyValueWidth: 4096)
        let sentence = MemoryPlan(RunConfiguration(), model).sentence(machine: 25e9)
        #expect(sentence.contains("too little") && sentence.contains("ppo.lora"))
    }
}
