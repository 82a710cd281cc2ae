import Rewards
import Synchronization
import Testing
import Tokenizers

@testable import Evaluations

@Suite struct RewardTests {
    /// Gives what a test wants for each call.
    private final class Scripted: RewardFunction {
        let name = "scripted"
        let calls = Mutex(0)
        let answer: @Sendable (Int, [RewardInput]) throws -> [Float?]

        let isOut: @Sendable (Int) -> Bool

        init(
            isOut: @escaping @Sendable (Int) -> Bool = { _ in false },
            _ answer: @escaping @Sendable (Int, [RewardInput]) throws -> [Float?]
        ) {
            self.isOut = isOut
            self.answer = answer
        }

        func score(_ inputs: [RewardInput]) async throws -> [Float?] {
            try await score(inputs, context: RewardContext(progress: { true }, note: { _ in }))
        }

        func score(_ inputs: [RewardInput], context: RewardContext) async throws -> [Float?] {
            let call = calls.withLock { calls in
                calls += 1
                return calls - 1
            }
            if isOut(call) { context.outage("no connection") }
            return try answer(call, inputs)
        }
    }

    private let inputs = (0..<100).map { RewardInput(prompt: "p", response: "\($0)", tokens: $0) }

    @Test func aCallThatFailsCostsItsAnswersAlone() async throws {
        let reward = Scripted { call, inputs in
            if call == 1 { throw RewardError("no connection") }
            return inputs.map { Float($0.tokens) }
        }
        let (values, reasons) = try await PatientRewards(reward).score(inputs)
        #expect(values.count == 100 && values.count { $0 == nil } == 32 && values.last == 99)
        #expect(values[31] == 31 && values[32] == nil && values[63] == nil && values[64] == 64)
        #expect(reasons == ["no connection"])
    }

    @Test func aRewardThatIsGoneIsNotWaitedForForEver() async throws {
        let reward = Scripted(isOut: { $0 > 0 }) { call, inputs in inputs.map { _ in call == 0 ? 1 : nil } }
        let (values, reasons) = try await PatientRewards(reward).score(inputs)
        #expect(values.count == 100 && values.count { $0 == 1 } == 32)
        #expect(reward.calls.withLock { $0 } == 3 && reasons.last == "given up after 96 answers")
        let refused = Scripted { _, _ in throw RewardError("status 401", isPermanent: true) }
        let (none, why) = try await PatientRewards(refused).score(inputs)
        #expect(none.allSatisfy { $0 == nil } && none.count == 100 && refused.calls.withLock { $0 } == 1)
        #expect(why.first == "status 401")
    }

    /// Prompts without a label, for example: the first 96 answers have no value, those after them do.
    @Test(arguments: [true, false]) func answersThatRightlyHaveNoValueAreNoOutage(_ wasOutOnce: Bool) async throws {
        let reward = Scripted(isOut: { wasOutOnce && $0 == 1 }) { call, inputs in
            inputs.map { $0.tokens < 96 ? nil : Float($0.tokens) }
        }
        let (values, reasons) = try await PatientRewards(reward).score(inputs)
        #expect(Array(values.suffix(4)) == [96, 97, 98, 99] && values.prefix(96).allSatisfy { $0 == nil })
        #expect(reasons == (wasOutOnce ? ["no connection"] : []))
        // The same of a reward of the project.
        let math = MathReward(name: "m", answerKey: "answer", matchScore: 1, missScore: 0)
        let rows = inputs.map { input in
            var input = input
            if input.tokens >= 96 { input.extra = .object([.init("answer", .string("\(input.tokens)"))]) }
            return input
        }
        #expect(try await PatientRewards(math).score(rows).values.suffix(4).allSatisfy { $0 == 1 })
    }

    @Test func aWrongNumberOfValuesIsNoValue() async throws {
        let (values, reasons) = try await PatientRewards(Scripted { _, _ in [1] }).score(Array(inputs.prefix(3)))
        #expect(values == [nil, nil, nil] && reasons.first == "1 values came for 3 answers")
    }

    /// A prompt that is none of the corpus has no gold score, which is not the same as 0.
    @Test func goldKnowsItsCorpusAlone() {
        let prompt = "Review of the bistro:"
        let values = GoldReward(name: "gold").score([
            RewardInput(prompt: prompt, response: " The soup is excellent. I truly love this bistro.", tokens: 9),
            RewardInput(prompt: prompt, response: " no", tokens: 1),
            RewardInput(prompt: "What is 2 + 2?", response: " 4", tokens: 1),
        ])
        #expect(values == [1, 0, nil])
    }
}
