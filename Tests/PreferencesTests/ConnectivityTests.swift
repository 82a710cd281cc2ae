import Preferences
import Testing

@Suite struct ConnectivityTests {
    @Test func setsAreThoseWithChainsOfWinsBothWays() {
        // A, B, C beat one another round; D lost to C alone; E and F tied; G beat E.
        let connectivity = Connectivity(beats: [[1], [2], [0, 3], [], [5], [4], [4]])
        #expect(connectivity.strong == [[0, 1, 2], [4, 5], [3], [6]])
        #expect(connectivity.linked == [[0, 1, 2, 3], [4, 5, 6]])
        #expect(connectivity.rated == [[0, 1, 2], [4, 5]])
    }

    /// Recursion would overflow the stack.
    @Test func aLongChainIsNoProblem() {
        let count = 200_000
        let chain = (0..<count).map { $0 + 1 < count ? [$0 + 1] : [] }
        #expect(Connectivity(beats: chain).strong.count == count)
        #expect(Connectivity(beats: chain.dropLast() + [[0]]).strong.count == 1)
    }

    /// Random graphs against the definition: two items are of one set when each reaches the other.
    @Test func randomGraphsAgreeWithTheDefinition() {
        let seed = UInt64(7)
        var random = SplitMix(seed)
        for _ in 0..<200 {
            let count = 2 + random.below(9)
            let beats = (0..<count).map { item in (0..<count).filter { $0 != item && random.uniform() < 0.15 } }
            func reached(_ start: Int) -> Set<Int> {
                var seen: Set = [start]
                var open = [start]
                while let item = open.popLast() {
                    for next in beats[item] where seen.insert(next).inserted { open.append(next) }
                }
                return seen
            }
            let reach = (0..<count).map(reached)
            for set in Connectivity(beats: beats).strong {
                for item in 0..<count {
                    let isTogether = set.allSatisfy { reach[$0].contains(item) && reach[item].contains($0) }
                    #expect(set.contains(item) == isTogether, "seed \(seed)")
                }
            }
        }
    }

    @Test func leaderboardsRateEachSetApartAndSayWhyThereIsNoNumber() throws {
        let table = BattleTable(
            ["A", "B", "C", "D", "winner", "loser"],
            counts: [(0, 1, 2, 1, 0), (2, 3, 1, 3, 0), (4, 0, 3, 0, 0), (1, 5, 4, 0, 0)])
        let board = Leaderboard(table, votes: [])
        let rows = Dictionary(uniqueKeysWithValues: board.rows.map { ($0.name, $0) })
        #expect(
            rows["A"]?.set == rows["B"]?.set && rows["C"]?.set == rows["D"]?.set && rows["A"]?.set != rows["C"]?.set)
        #expect(rows["winner"]?.rating == nil && rows["winner"]?.unrated == "won all of its 3 battles")
        #expect(rows["loser"]?.rating == nil && rows["loser"]?.unrated == "lost all of its 4 battles")
        let pair = try #require(rows["A"]?.rating?.value) + #require(rows["B"]?.rating?.value)
        #expect(abs(pair - 2000) < 1e-9, "the mean of each set is 1000")
        #expect(board.rows.suffix(2).allSatisfy { $0.rating == nil }, "who has no rating stands last")
        #expect(board.matrix[0, 1].score == 2 && board.matrix[1, 0].rate == 1.0 / 3)
    }
}
