import Testing

@testable import PolicyOptimization

@Suite struct MicroBatchTests {
    @Test func everyRowOnceAndNoPieceOverBudget() {
        var random = CounterGenerator(3)
        let lengths = (0..<100).map { _ in 1 + Int(random.uniform() * 60) }
        let pieces = MicroBatches.cut(Array(0..<100), lengths: lengths, budget: 128)
        #expect(pieces.flatMap { $0 }.sorted() == Array(0..<100))
        for piece in pieces { #expect(piece.count * (piece.map { lengths[$0] }.max() ?? 0) <= 128) }
    }

    @Test func aRowOverTheBudgetStandsAlone() {
        #expect(MicroBatches.cut([0, 1, 2], lengths: [5, 500, 5], budget: 10) == [[0, 2], [1]])
        #expect(MicroBatches.cut([], lengths: [], budget: 10).isEmpty)
    }

    @Test func splitKeepsTheOrder() {
        #expect(MicroBatches.split([4, 3, 2, 1, 0], into: 2) == [[4, 3], [2, 1, 0]])
        #expect(MicroBatches.split([1, 2], into: 4) == [[1], [2]])
    }
}
