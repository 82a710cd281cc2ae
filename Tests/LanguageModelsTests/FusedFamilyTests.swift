import Testing
import Torch

@testable import LanguageModels

/// The fused decoder of every family against the plain session, token by token.
@Suite struct FusedFamilyTests {
    /// Prompts of different lengths, one of them read for two answers.
    private let prompts: [[Int32]] = [[5, 6, 7], [8], [9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]]
    private let copies = [1, 2, 1]

    /// What a plain session and a batch of the fused decoder have in common: logits [R, V] from tokens.
    private struct Session {
        let advance: ([Int32]) throws -> Tensor
        var start: () throws -> Tensor

        init(_ plain: PlainDecodeSession) {
            (start, advance) = (plain.start, plain.advance)
        }

        init(_ decoder: FusedDecoder, prompts: [[Int32]], copies: [Int], newTokens: Int) throws {
            let rows = copies.reduce(0, +)
            let batch = try ContinuousBatch(
                decoder, slots: rows, capacity: (prompts.map(\.count).max() ?? 0) + newTokens)
            var first = 0
            for (prompt, count) in zip(prompts, copies) {
                try batch.admit(prompt, answers: Array(first..<first + count))
                first += count
            }
            func step() throws -> Tensor {
                let (logits, answers) = try batch.step()
                #expect(answers == Array(0..<rows))
                return logits
            }
            start = step
            advance = { tokens in
                batch.goOn(Dictionary(uniqueKeysWithValues: tokens.enumerated().map { ($0, $1) }), ended: [])
                return try step()
            }
        }
    }

    private func sessions(_ name: String, _ count: Int) throws -> (fused: Session, plain: Session) {
        let model = try FamilyFixtures.model(name)
        let decoder = try #require(try model.decoders.decoder(model))
        return (
            try Session(decoder, prompts: prompts, copies: copies, newTokens: count + 1),
            Session(try PlainDecodeSession(model, prompts: prompts, copies: copies, newTokens: count + 1))
        )
    }

    /// Log-probabilities of every step, [R, V] each, of sessions that are fed the same tokens.
    private func steps(_ session: Session, _ count: Int) throws -> [[Float]] {
        var logits = try session.start()
        var all: [[Float]] = []
        for step in 0..<count {
            all.append(try logits.logSoftmax(-1).floats())
            logits = try session.advance((0..<4).map { Int32(3 + ($0 * 7 + step * 5) % 40) })
        }
        return all
    }

    @Test(arguments: FamilyFixtures.names)
    func logProbabilitiesEqualThoseOfThePlainSession(_ name: String) throws {
        let model = try FamilyFixtures.model(name)
        let count = min(40, model.configuration.contextLength - 12)
        try noGrad {
            let sessions = try sessions(name, count)
            let (fused, plain) = (try steps(sessions.fused, count), try steps(sessions.plain, count))
            // Of all the vocabulary, so also of tokens with small probabilities, whose logarithms are large.
            for (a, b) in zip(fused, plain) {
                let worst = zip(a, b).max { abs($0.0 - $0.1) < abs($1.0 - $1.1) }
                #expect(zip(a, b).allSatisfy { abs($0 - $1) < 1e-4 + 1e-5 * abs($1) }, "\(worst as Any)")
            }
        }
    }

    @Test(arguments: FamilyFixtures.some)
    func greedyAnswersEqualThoseOfThePlainSession(_ name: String) throws {
        let model = try FamilyFixtures.model(name)
        let count = min(64, model.configuration.contextLength - 12)
        let rows = copies.reduce(0, +)
        func greedy(_ session: Session) throws -> [[Int32]] {
            let sampler = Sampler(options: SamplingOptions(temperature: 0, maxNewTokens: count))
            var logits = try session.start()
            return try (0..<count).map { _ in
                let tokens = try sampler.draw(logits, uniforms: [Double](repeating: 0, count: rows)).map(\.token)
                logits = try session.advance(tokens)
                return tokens
            }
        }
        try noGrad {
            let sessions = try sessions(name, count)
            #expect(try greedy(sessions.fused) == greedy(sessions.plain))
        }
    }

    /// Neither on the rows beside it nor on how many threads share the work.
    @Test(arguments: FamilyFixtures.names)
    func aRowDependsOnItselfAlone(_ name: String) throws {
        let model = try FamilyFixtures.model(name)
        func logits(_ decoder: FusedDecoder, _ count: Int) throws -> [Float] {
            let cache = try FusedDecoder.Cache(decoder, slots: count, capacity: 16)
            var last: [Float] = []
            for position in 0..<12 {
                let rows = 0..<count
                last = try decoder.step(
                    cache, tokens: rows.map { Int32(($0 * 3 + position * 11) % 40) },
                    positions: rows.map { _ in Int32(position) }, slots: rows.map(Int32.init)
                ).values(as: Float.self)
            }
            return Array(last.prefix(model.configuration.vocabularySize))
        }
        func decoder(threads: Int) throws -> FusedDecoder {
            try model.trunk.family.decoder(DecoderOptions(head: model.head, threads: threads))
        }
        let one = try decoder(threads: 1)
        let alone = try logits(one, 1)
        for count in [2, 12, 13, 32] { #expect(try logits(one, count) == alone) }
        for threads in [2, 3] { #expect(try logits(decoder(threads: threads), 7) == alone) }
    }
}
