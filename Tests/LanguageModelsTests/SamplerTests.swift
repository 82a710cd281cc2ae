import Foundation
import Testing
import Torch

@testable import LanguageModels

@Suite struct SamplerTests {
    private func pick(_ probabilities: [Float], _ uniform: Double, topK: Int = 0, topP: Double = 1) throws -> Int {
        try probabilities.withUnsafeBufferPointer {
            try Sampler(options: SamplingOptions(topK: topK, topP: topP, maxNewTokens: 1)).pick($0, uniform)
        }
    }

    /// Random123's kat_vectors, philox4x32 with 10 rounds.
    @Test func philoxGivesThePublishedNumbers() {
        #expect(
            RandomKey.philox(counter: SIMD4(0, 0, 0, 0), key: SIMD2(0, 0))
                == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
        #expect(
            RandomKey.philox(counter: SIMD4(repeating: .max), key: SIMD2(repeating: .max))
                == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
        #expect(
            RandomKey.philox(
                counter: SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: SIMD2(0xa409_3822, 0x299f_31d0)
            )
                == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    }

    @Test func everyPartOfTheKeyCounts() {
        let key = RandomKey(seed: 1, step: 2, row: 3, sample: 4)
        let others = [
            RandomKey(seed: 2, step: 2, row: 3, sample: 4), RandomKey(seed: 1 << 40 | 1, step: 2, row: 3, sample: 4),
            RandomKey(seed: 1, step: 3, row: 3, sample: 4), RandomKey(seed: 1, step: 2, row: 4, sample: 4),
            RandomKey(seed: 1, step: 2, row: 3 << 33, sample: 4), RandomKey(seed: 1, step: 2, row: 3, sample: 5),
            RandomKey(seed: 1, step: 2, row: 3, occurrence: 1, sample: 4),
            RandomKey(seed: 1, step: 2, row: 3, occurrence: 1 << 32, sample: 4),
        ]
        for other in others { #expect(other.uniform(0) != key.uniform(0)) }
        #expect(key.uniform(0) != key.uniform(1))
        #expect(key.uniform(5) == RandomKey(seed: 1, step: 2, row: 3, sample: 4).uniform(5))
        let mean = (0..<10_000).reduce(0.0) { $0 + key.uniform($1) } / 10_000
        #expect(abs(mean - 0.5) < 0.02)
    }

    /// Toy task of 20 rows and 140 answers a step: 140 prompts, or 7 samples of 20, or both; over some steps.
    @Test func noTwoAnswersShareTheirRandomNumbers() {
        var keys: Set<RandomKey> = []
        var count = 0
        for step in 0..<20 {
            for row in 0..<20 {
                for occurrence in 0..<7 {
                    for sample in 0..<7 {
                        keys.insert(RandomKey(seed: 3, step: step, row: row, occurrence: occurrence, sample: sample))
                        count += 1
                    }
                }
            }
        }
        #expect(keys.count == count)
    }

    /// What a first occurrence draws is what it always drew (numbers of the key of seed, step, row and sample alone).
    @Test func aFirstOccurrenceKeepsItsNumbers() {
        let key = RandomKey(seed: 1, step: 2, row: 3, occurrence: 0, sample: 4)
        #expect(key == RandomKey(seed: 1, step: 2, row: 3, sample: 4))
        let first = RandomKey.philox(counter: SIMD4(2, 0, 3, 0), key: SIMD2(1, 0))
        let second = RandomKey.philox(counter: SIMD4(4, 0, first[2], first[3]), key: SIMD2(first[0], first[1]))
        #expect(
            key.bits(7) == RandomKey.philox(counter: SIMD4(7, 0, 0, 0), key: SIMD2(second[0], second[1])))
    }

    @Test func theInverseOfTheDistributionInOrder() throws {
        let p: [Float] = [0.1, 0.4, 0, 0.3, 0.2]
        #expect(try pick(p, 0) == 0)
        #expect(try pick(p, 0.099) == 0)
        #expect(try pick(p, 0.101) == 1)
        #expect(try pick(p, 0.501) == 3)
        #expect(try pick(p, 0.999) == 4)
        #expect(throws: LanguageModelError.self) { try pick([.nan, 1], 0.5) }
    }

    @Test func limitsKeepTheLikely() throws {
        let p: [Float] = [0.1, 0.4, 0.3, 0.2]
        #expect(Set(try (0..<100).map { try pick(p, Double($0) / 100, topK: 2) }) == [1, 2])
        #expect(Set(try (0..<100).map { try pick(p, Double($0) / 100, topP: 0.71) }) == [1, 2, 3])
        #expect(Set(try (0..<100).map { try pick(p, Double($0) / 100, topP: 0.69) }) == [1, 2])
        #expect(Set(try (0..<100).map { try pick(p, Double($0) / 100, topP: 1e-9) }) == [1])
        // 0.4 of 0.7 after top-k is beyond one half.
        #expect(Set(try (0..<100).map { try pick(p, Double($0) / 100, topK: 2, topP: 0.5) }) == [1])
        #expect(Set(try (0..<100).map { try pick([0.25, 0.25, 0.25, 0.25], Double($0) / 100, topK: 2) }) == [0, 1])
    }

    /// The selection against a sort of everything, with many equal ones.
    @Test(arguments: [(1, 1.0), (50, 1.0), (300, 0.9), (0, 0.999), (0, 0.5), (4999, 1.0), (0, 1e-9)])
    func theSelectionIsThatOfASort(_ topK: Int, _ topP: Double) throws {
        let key = RandomKey(seed: 4, step: 0, row: topK, sample: 0)
        // Rising on the whole, the worst case for one pass.
        let raw = (0..<5000).map { Float((key.uniform($0) * 40).rounded() + Double($0 / 500)) }
        let p = raw.map { $0 / raw.reduce(0, +) }
        var order = p.indices.sorted { (p[$1], $0) < (p[$0], $1) }
        if topK > 0 { order = Array(order.prefix(topK)) }
        let total = order.reduce(0.0) { $0 + Double(p[$1]) }
        var kept: Set<Int> = []
        var sum = 0.0
        for token in order where topP == 1 || kept.isEmpty || sum < topP * total {
            kept.insert(token)
            sum += Double(p[token])
        }
        let sampler = Sampler(options: SamplingOptions(topK: topK, topP: topP, maxNewTokens: 1))
        #expect(p.withUnsafeBufferPointer { Set(sampler.kept($0)) } == kept)
        #expect(throws: LanguageModelError.self) {
            try pick([Float](repeating: .nan, count: 8), 0.5, topK: topK, topP: topP)
        }
    }

    @Test func frequenciesAreTheProbabilities() throws {
        let logits = try Tensor.of([1, 0, -1, 2, 0.5] as [Float], shape: [1, 5])
        let sampler = Sampler(options: SamplingOptions(temperature: 1.5, maxNewTokens: 1))
        let expected = try (logits / 1.5).softmax(-1).floats()
        let key = RandomKey(seed: 9, step: 0, row: 0, sample: 0)
        var counts = [Double](repeating: 0, count: 5)
        let rows = try logits.expand([20_000, 5])
        for choice in try sampler.draw(rows, uniforms: (0..<20_000).map { key.uniform($0) }) {
            counts[Int(choice.token)] += 1
            #expect(abs(choice.logProbability - log(expected[Int(choice.token)])) < 1e-5)
        }
        for token in 0..<5 { #expect(abs(counts[token] / 20_000 - Double(expected[token])) < 0.012) }
    }
}
