import Synchronization
import Testing

@testable import Rewards

/// What a scorer makes of any reward.
@Suite struct RewardScoringTests {
    private struct Scripted: RewardFunction {
        var name = "r"
        var values: [Float?]
        var notes: [String] = []

        func score(_ inputs: [RewardInput]) async throws -> [Float?] { values }

        func score(_ inputs: [RewardInput], context: RewardContext) async throws -> [Float?] {
            for note in notes { context.note(note) }
            return values
        }
    }

    private func scored(_ reward: Scripted, answers: Int) async throws -> (scoring: RewardScoring, log: [String]) {
        let log = Mutex<[String]>([])
        let inputs = (0..<answers).map { RewardInput(prompt: "p", response: "\($0)", tokens: 1) }
        let scoring = try await RewardScoring(
            of: reward, inputs, progress: { true }, log: { note in log.withLock { $0.append(note) } })
        return (scoring, log.withLock { $0 })
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity])
    func aScoreThatIsNotFiniteCostsItsAnswerAlone(_ value: Float) async throws {
        let scoring = try await scored(Scripted(values: [1, value, nil, 4]), answers: 4).scoring
        #expect(scoring.values == [1, nil, nil, 4] && scoring.summary == "reward r failed for 2 of 4 answers")
        #expect(scoring.notes == ["reward r: 1 scores are not finite; that of answer 1 is \(value)"])
        #expect(RewardScoring(name: "model", [value]).values == [nil])
    }

    @Test func nothingIsSaidOfValuesThatAreThere() async throws {
        let (scoring, log) = try await scored(Scripted(values: [1, 2], notes: ["asked again"]), answers: 2)
        #expect(scoring.values == [1, 2] && RewardScoring.errors([scoring]) == [] && log == ["reward r: asked again"])
    }

    /// The result of a job is one message of at most 1 MiB.
    @Test func notesAreFewAndShort() async throws {
        let notes = (0..<500).map { "\($0) " + String(repeating: "x", count: 100_000) }
        let (first, log) = try await scored(Scripted(name: "a", values: [nil], notes: notes), answers: 1)
        let second = try await scored(Scripted(name: "b", values: [nil], notes: ["why"]), answers: 1).scoring
        let errors = RewardScoring.errors([first, second])
        #expect(errors.prefix(2) == ["reward a failed for 1 of 1 answers", "reward b failed for 1 of 1 answers"])
        // The last one is quoted as the cause, so that it is one.
        #expect(errors.count == 2 + 1 + 11 && errors[2] == "490 more notes are in the scorer's log")
        #expect(errors[3].hasPrefix("reward a: 0 x") && errors.last == "reward b: why")
        #expect(errors.reduce(0) { $0 + $1.utf8.count } < 100_000 && log.count == 500)
    }

    @Test func aWrongNumberOfValuesEndsTheRunWithItsName() async throws {
        let error = await #expect(throws: RewardError.self) {
            try await scored(Scripted(name: "mine", values: [1]), answers: 2)
        }
        #expect(error?.isPermanent == true && error?.message == "reward mine: 1 values came for 2 answers")
    }
}
