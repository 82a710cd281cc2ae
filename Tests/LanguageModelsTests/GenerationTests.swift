import Foundation
import Testing
import Torch

@testable import LanguageModels

@Suite struct GenerationTests {
    private let requests = [
        GenerationRequest(tokens: [5, 6, 7], row: 10, samples: 0..<3),
        GenerationRequest(tokens: [8], row: 11, samples: 0..<2),
        GenerationRequest(tokens: [9, 10, 11, 12, 13, 14], row: 12, samples: 0..<3),
    ]

    @Test func answersDoNotDependOnTheBatch() throws {
        let model = try Fixtures.model("grouped")
        let options = SamplingOptions(temperature: 0.8, maxNewTokens: 20, endTokens: [2, 3, 4, 5])
        let whole = try model.generate(requests, options, seed: 42, step: 7)
        #expect(whole == (try model.generate(requests, options, seed: 42, step: 7)))
        #expect(whole.map(\.sample) == [0, 1, 2, 0, 1, 0, 1, 2])
        #expect(whole.map(\.request) == [0, 0, 0, 1, 1, 2, 2, 2])
        #expect(Set(whole.map(\.tokens)).count > 4)
        for answer in whole {
            let alone = try model.generate(
                [
                    GenerationRequest(
                        tokens: requests[answer.request].tokens, row: answer.row,
                        samples: answer.sample..<answer.sample + 1)
                ], options, seed: 42, step: 7)
            #expect(alone.map(\.tokens) == [answer.tokens])
        }
        #expect(try model.generate(requests, options, seed: 43, step: 7) != whole)
        #expect(try model.generate(requests, options, seed: 42, step: 8) != whole)
    }

    @Test(arguments: [(0, 1.0), (5, 1.0), (0, 0.8), (7, 0.9)])
    func logProbabilitiesAreThoseTheLearnerComputes(_ topK: Int, _ topP: Double) throws {
        let model = try Fixtures.model("biased")
        let options = SamplingOptions(
            temperature: 0.7, topK: topK, topP: topP, maxNewTokens: 24, endTokens: [2, 7, 9, 11, 30, 31, 32])
        let answers = try model.generate(requests, options, seed: 1, step: 0)
        #expect(Set(answers.map(\.tokens.count)).count > 1)
        let prompts = answers.map { requests[$0.request].tokens }
        let again = try model.logProbabilities(
            zip(prompts, answers).map { $0 + $1.tokens }, scoredFrom: prompts.map(\.count), temperature: 0.7)
        for (answer, values) in zip(answers, again) {
            for (a, b) in zip(answer.logProbabilities, values) { #expect(abs(a - b) < 1e-4) }
        }
    }

    @Test func answersEndForTheRightReason() throws {
        let model = try Fixtures.model("grouped")
        let free = try model.generate(
            [requests[0]], SamplingOptions(temperature: 0, maxNewTokens: 12), seed: 1, step: 0)[0]
        #expect(free.finish == .length && free.tokens.count == 12)
        let end = free.tokens[4]
        let place = try #require(free.tokens.firstIndex(of: end))
        let ended = try model.generate(
            [requests[0]], SamplingOptions(temperature: 0, maxNewTokens: 12, endTokens: [end]), seed: 1, step: 0)[0]
        #expect(ended.finish == .eos && ended.tokens == Array(free.tokens[...place]))

        func text(_ tokens: [Int32]) -> String { tokens.map { "<\($0)>" }.joined() }
        let stop = text(Array(free.tokens[3...5])).dropFirst(2).dropLast(1)
        let stopped = try model.generate(
            [requests[0]], SamplingOptions(temperature: 0, maxNewTokens: 12, stop: ["never", String(stop)]), seed: 1,
            step: 0, decode: text)[0]
        #expect(stopped.finish == .stop && stopped.tokens.count <= 6)
        #expect(text(stopped.tokens).contains(stop))
        #expect(!text(stopped.tokens.dropLast()).contains(stop))
        #expect(throws: LanguageModelError.self) {
            try model.generate(requests, SamplingOptions(maxNewTokens: 2, stop: ["x"]), seed: 1, step: 0)
        }
    }

    @Test func theContextLimitsAnswersAndPrompts() throws {
        let model = try Fixtures.model("grouped")
        let long = GenerationRequest(tokens: [Int32](repeating: 5, count: 60), row: 0)
        let answers = try model.generate(
            [long, requests[1]], SamplingOptions(maxNewTokens: 10), seed: 1, step: 0)
        #expect(answers.map(\.tokens.count) == [4, 10, 10])
        let error = #expect(throws: LanguageModelError.self) {
            try model.generate(
                [GenerationRequest(tokens: [Int32](repeating: 5, count: 64), row: 33)],
                SamplingOptions(maxNewTokens: 1), seed: 1, step: 0)
        }
        #expect(error?.message.contains("row 33") == true)
    }

    @Test func progressIsReportedAndCanCancel() throws {
        let model = try Fixtures.model("grouped")
        var seen: [Int] = []
        _ = try model.generate(
            requests, SamplingOptions(maxNewTokens: 3), seed: 1, step: 0, onStep: { seen.append($0.tokens) })
        #expect(seen == [8, 16, 24])
        #expect(throws: CancellationError.self) {
            try model.generate(
                requests, SamplingOptions(maxNewTokens: 30), seed: 1, step: 0,
                onStep: { if $0.tokens > 10 { throw CancellationError() } })
        }
        #expect(try model.generate([], SamplingOptions(maxNewTokens: 3), seed: 1, step: 0).isEmpty)
    }

    @Test func optionsThatCannotBeAreRefused() throws {
        let model = try Fixtures.model("grouped")
        for options in [
            SamplingOptions(temperature: -1, maxNewTokens: 1), SamplingOptions(temperature: .nan, maxNewTokens: 1),
            SamplingOptions(topK: -1, maxNewTokens: 1), SamplingOptions(topP: 0, maxNewTokens: 1),
            SamplingOptions(topP: 1.5, maxNewTokens: 1), SamplingOptions(maxNewTokens: 0),
        ] {
            #expect(throws: LanguageModelError.self) { try model.generate(requests, options, seed: 1, step: 0) }
        }
        #expect(throws: LanguageModelError.self) {
            try model.generate(
                [GenerationRequest(tokens: [], row: 0)], SamplingOptions(maxNewTokens: 1), seed: 1, step: 0)
        }
        #expect(throws: LanguageModelError.self) {
            try model.generate(
                [GenerationRequest(tokens: [4000], row: 0)], SamplingOptions(maxNewTokens: 1), seed: 1, step: 0)
        }
    }
}
