import Testing
import Torch

@testable import LanguageModels

/// Sessions with a cache against the pass that trains, for every family and option.
@Suite struct FamilyGenerationTests {
    /// Answers of different lengths, so that rows leave the batch on the way.
    @Test(arguments: FamilyFixtures.names)
    func logProbabilitiesAreThoseTheLearnerComputes(_ name: String) throws {
        let (model, reference) = (try FamilyFixtures.model(name), try FamilyFixtures.reference(name))
        let prompts = reference.prompts + [Array(reference.tokens[0..<11])]
        let requests = prompts.enumerated().map { GenerationRequest(tokens: $1, row: $0, samples: 0..<3) }
        let options = SamplingOptions(maxNewTokens: 32, endTokens: [5, 6, 7, 8, 9])
        let answers = try model.generate(requests, options, seed: 1, step: 0)
        #expect(Set(answers.map(\.tokens.count)).count > 3)
        let whole = answers.map { requests[$0.request].tokens + $0.tokens }
        let again = try model.logProbabilities(whole, scoredFrom: answers.map { requests[$0.request].tokens.count })
        for (answer, expected) in zip(answers, again) {
            for (a, b) in zip(answer.logProbabilities, expected) { #expect(abs(a - b) < 1e-4) }
        }
    }

    @Test(arguments: FamilyFixtures.names)
    func answersDoNotDependOnTheBatch(_ name: String) throws {
        let (model, reference) = (try FamilyFixtures.model(name), try FamilyFixtures.reference(name))
        let requests = reference.prompts.enumerated().map { GenerationRequest(tokens: $1, row: $0, samples: 0..<2) }
        let options = SamplingOptions(maxNewTokens: 24, endTokens: [5, 6, 7, 8, 9])
        for answer in try model.generate(requests, options, seed: 4, step: 2) {
            let alone = GenerationRequest(
                tokens: requests[answer.request].tokens, row: answer.row, samples: answer.sample..<answer.sample + 1)
            #expect(try model.generate([alone], options, seed: 4, step: 2).map(\.tokens) == [answer.tokens])
        }
    }

    @Test(arguments: FamilyFixtures.names)
    func paddingOnEitherSideChangesNothing(_ name: String) throws {
        let (model, reference) = (try FamilyFixtures.model(name), try FamilyFixtures.reference(name))
        func flat(_ batch: TokenBatch) throws -> [Float] {
            try noGrad { try model.tokenLogProbabilities(batch).values.floats() }
        }
        let alone = try reference.rows.flatMap { try flat(TokenBatch([$0])) }
        for padding in [TokenBatch.Padding.right, .left] {
            for (a, b) in zip(try flat(TokenBatch(reference.rows, padding: padding)), alone) {
                #expect(abs(a - b) < 1e-5 * max(1, abs(b)))
            }
        }
    }

    /// The decoder serves every family and option, under windows and beyond them.
    @Test(arguments: FamilyFixtures.names)
    func theFusedDecoderIsUsed(_ name: String) throws {
        let model = try FamilyFixtures.model(name)
        #expect(try model.decoders.decoder(model) != nil)
    }
}
