import Testing

@testable import Training

@Suite struct TextBlockTests {
    @Test(arguments: 1...25) func everyTokenButTheFirstIsLearnedOnce(_ count: Int) {
        let tokens = (0..<Int32(count)).map { $0 + 10 }
        for context in 2...9 {
            let blocks = TextBlocks.cut(tokens, end: 1, context: context)
            #expect(blocks.allSatisfy { (2...context).contains($0.count) })
            #expect(blocks.flatMap { $0.dropFirst() } == Array((tokens + [1]).dropFirst()))
            // Each block goes on from the last token of the one before.
            #expect(zip(blocks, blocks.dropFirst()).allSatisfy { $0.last == $1.first })
            #expect(blocks.first?.first == tokens[0])
        }
    }

    @Test func theEndOfTextStandsOnce() {
        #expect(TextBlocks.cut([5, 6, 1], end: 1, context: 8) == [[5, 6, 1]])
        #expect(TextBlocks.cut([5, 6], end: 1, context: 8) == [[5, 6, 1]])
        #expect(TextBlocks.cut([5, 6], end: nil, context: 8) == [[5, 6]])
        #expect(TextBlocks.cut([1], end: 1, context: 8) == [])
        #expect(TextBlocks.cut([], end: 1, context: 8) == [])
        #expect(TextBlocks.cut([5, 6], end: 1, context: 1) == [])
    }
}

@Suite struct HeldOutTests {
    @Test func aSeededSampleAndNotTheTail() {
        let first = HeldOut(rows: 100, fraction: 0.2, seed: 1)
        #expect(first.held.count == 20 && (first.held + first.learned).sorted() == Array(0..<100))
        #expect(first.held != Array(80..<100) && first.held == first.held.sorted())
        #expect(HeldOut(rows: 100, fraction: 0.2, seed: 1).held == first.held)
        #expect(HeldOut(rows: 100, fraction: 0.2, seed: 2).held != first.held)
    }

    @Test func atLeastOneOfEach() {
        #expect(HeldOut(rows: 1, fraction: 0.5, seed: 1).learned == [0])
        #expect(HeldOut(rows: 2, fraction: 0, seed: 1).held.count == 1)
        #expect(HeldOut(rows: 0, fraction: 0.5, seed: 1).learned.isEmpty)
    }
}
