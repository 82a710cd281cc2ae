import Testing
import Torch

@testable import LanguageModels

/// Sequences that share a line give what they give alone.
@Suite struct PackingTests {
    @Test func firstFitFillsLinesAndKeepsEverySequenceOnce() {
        let lengths = [3, 9, 4, 1, 6, 10, 2]
        let lines = SequencePacking.lines(lengths, longest: 10)
        #expect(lines == [[5], [1, 3], [4, 2], [0, 6]])
        #expect(SequencePacking.lines([12, 5], longest: 10) == [[0], [1]])
        let places = SequencePacking.places(lengths, lines, width: 10)
        #expect(places.offsets == [30, 10, 26, 19, 20, 0, 33])
        #expect(places.positions[10..<20] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 0])
    }

    @Test(arguments: FamilyFixtures.some)
    func lossAndGradientsAreThoseOfPaddedRows(_ name: String) throws {
        let model = try FamilyFixtures.model(name)
        let rows = try FamilyFixtures.reference(name).rows + [[7, 8, 9], [5, 6]]
        let starts = [3, 1, 4, 1, 1]
        try model.setTrainable(true)
        func step(_ batch: TokenBatch) throws -> (values: [Float], gradients: [Tensor]) {
            try zeroGradients(model.parameters.map(\.tensor))
            let values = try model.tokenLogProbabilities(batch).values
            try values.sum().backward()
            return (
                try values.detach().floats(),
                try model.parameters.map { try #require(try $0.tensor.gradient()).clone() }
            )
        }
        let padded = try step(TokenBatch(rows, scoredFrom: starts))
        let batch = try TokenBatch(packed: rows, scoredFrom: starts, longest: 34)
        #expect(batch.tokens.size(0) == 2 && batch.tokenCount == rows.reduce(0) { $0 + $1.count })
        let packed = try step(batch)
        for (a, b) in zip(packed.values, padded.values) { #expect(abs(a - b) < 1e-5) }
        for (a, b) in zip(packed.gradients, padded.gradients) {
            #expect(try largestDifference(a, b) <= 1e-5 * max(1e-3, b.abs().max().item()) * 10)
        }
        // Another neighbour changes nothing, to the bit.
        var others = rows
        others[4] = [11, 12]
        let again = try step(TokenBatch(packed: others, scoredFrom: starts, longest: 34))
        let changed = 1
        #expect(again.values.dropLast(changed) == packed.values.dropLast(changed))
    }
}
