import ClusterModel
import Testing

@Suite struct JobPlanTests {
    private func prompts(_ count: Int, tokens: Int = 10, data: Int = 0) -> [Prompt] {
        (0..<count).map {
            Prompt(
                row: $0, text: String(repeating: "w ", count: tokens), tokens: [Int32](repeating: 1, count: tokens),
                data: RowData(extra: String(repeating: "x", count: data)))
        }
    }

    /// What every plan must do: each sample of each prompt once, in order, in messages that hold them.
    private func check(_ plan: JobPlan, _ prompts: [Prompt], samples: Int, maxNewTokens: Int) -> [JobPlan.Part] {
        let parts = plan.parts(prompts)
        var answers: [Prompt: [Int]] = [:]
        for part in parts {
            for prompt in part.prompts { answers[prompt, default: []] += Array(part.samples) }
            let bytes = part.prompts.reduce(0) {
                $0 + JobPlan.bytes(of: $1, samples: part.samples.count, maxNewTokens: maxNewTokens)
            }
            #expect(bytes <= JobPlan.largestJob)
            #expect(part.samples == 0..<samples || part.prompts.count == 1)
        }
        #expect(prompts.allSatisfy { answers[$0] == Array(0..<samples) })
        #expect(parts.flatMap(\.prompts).map(\.row) == parts.flatMap(\.prompts).map(\.row).sorted())
        return parts
    }

    @Test func promptsWithAllTheirSamplesWhereTheyFit() {
        let plan = JobPlan(samplesPerPrompt: 4, promptsPerJob: 16, samplesPerJob: nil, maxNewTokens: 64)
        let parts = check(plan, prompts(40), samples: 4, maxNewTokens: 64)
        #expect(parts.map(\.prompts.count) == [16, 16, 8])
    }

    @Test func sixtyFourSamplesOf8192Tokens() {
        let plan = JobPlan(samplesPerPrompt: 64, promptsPerJob: 16, samplesPerJob: nil, maxNewTokens: 8192)
        let parts = check(plan, prompts(3, tokens: 512), samples: 64, maxNewTokens: 8192)
        // Five of 24 * 8192 bytes go into a message.
        #expect(parts.count == 3 * 13)
        #expect(Set(parts.map(\.samples.count)) == [4, 5])
    }

    @Test func rangesAreAtMostWhatTheKeySays() {
        for perJob in 1...7 {
            let plan = JobPlan(samplesPerPrompt: 7, promptsPerJob: 16, samplesPerJob: perJob, maxNewTokens: 8)
            let parts = check(plan, prompts(5), samples: 7, maxNewTokens: 8)
            #expect(parts.allSatisfy { $0.samples.count <= perJob })
            #expect(parts.count == (perJob == 7 ? 1 : 5 * ((7 + perJob - 1) / perJob)))
        }
    }

    /// Large columns take their place in a message too.
    @Test func columnsMakeJobsSmaller() {
        let plan = JobPlan(samplesPerPrompt: 2, promptsPerJob: 16, samplesPerJob: nil, maxNewTokens: 8)
        let parts = check(plan, prompts(16, data: 300_000), samples: 2, maxNewTokens: 8)
        #expect(parts.map(\.prompts.count) == [3, 3, 3, 3, 3, 1])
    }

    @Test(arguments: [(2, 2), (64, 1), (5, 37), (1024, 3)])
    func mixedLengths(_ samples: Int, _ perPrompt: Int) {
        let mixed = prompts(20).enumerated().map { index, prompt in
            var prompt = prompt
            prompt.tokens = [Int32](repeating: 1, count: 1 + index * perPrompt * 50)
            return prompt
        }
        let plan = JobPlan(samplesPerPrompt: samples, promptsPerJob: 4, samplesPerJob: nil, maxNewTokens: 500)
        _ = check(plan, mixed, samples: samples, maxNewTokens: 500)
    }

    @Test func copiesInAStepAreNumbered() {
        // 20 rows and 140 prompts a step: seven copies of each, in every step.
        let cursor = DatasetCursor(rows: 20, promptsPerStep: 140, seed: 5)
        for step in 0..<4 {
            let places = cursor.places(of: step)
            #expect(Set(places).count == 140 && Set(places.map(\.occurrence)) == Set(0..<7))
        }
        // 100 rows and 64 a step: a pass ends within step 1.
        let overlapping = DatasetCursor(rows: 100, promptsPerStep: 64, seed: 1)
        #expect(overlapping.places(of: 0).allSatisfy { $0.occurrence == 0 })
        for step in 0..<25 {
            let places = overlapping.places(of: step)
            #expect(Set(places).count == 64)
        }
        #expect((0..<25).contains { step in overlapping.places(of: step).contains { $0.occurrence == 1 } })
    }

    /// A result must answer the very samples of its job.
    @Test func resultsOfAnotherJobAreRefused() {
        let prompt = Prompt(row: 4, occurrence: 1, text: "p", tokens: [1, 2])
        let job = GenerateJob(
            id: JobID(step: 0, index: 0, kind: .generate), version: PolicyVersion(epoch: 1, number: 0), seed: 1,
            samples: 3..<5, sampling: SamplingParameters(maxNewTokens: 200_000), prompts: [prompt])
        let assembly = StepAssembly(step: 0, jobs: [job], parts: 0)
        func answers(row: Int = 4, occurrence: Int = 1, from sample: Int = 3, length: Int = 1) -> [Trajectory] {
            (0..<2).map {
                Trajectory(
                    row: row, occurrence: occurrence, sample: sample + $0, promptTokens: [1, 2],
                    responseTokens: [Int32](repeating: 5, count: length), mask: [UInt8](repeating: 1, count: length),
                    logProbabilities: [Float](repeating: -1, count: length),
                    versions: [UInt32](repeating: 0, count: length), finish: .eos, promptText: "p", responseText: "r")
            }
        }
        #expect(assembly.problem(with: answers(), of: 0) == nil)
        #expect(assembly.problem(with: answers(row: 3), of: 0) != nil)
        #expect(assembly.problem(with: answers(occurrence: 0), of: 0) != nil)
        #expect(assembly.problem(with: answers(from: 0), of: 0) != nil)
        #expect(assembly.problem(with: Array(answers().prefix(1)), of: 0) != nil)
        // 17 bytes a token with the reference's log-probability: two answers of 31,000 do not fit into 1 MiB.
        #expect(assembly.excess(of: answers(length: 30_000), of: 0) == nil)
        #expect(assembly.excess(of: answers(length: 31_000), of: 0)?.contains("samples_per_job") == true)
    }
}
