import Supervision
import Testing

@Suite struct CoordinatorWatchTests {
    /// What a watch with a limit of ten seconds says at each look.
    private static func silences(
        _ looks: [(pid: Int32, snapshot: Int64?, second: Int)]
    ) -> [Bool] {
        var watch = CoordinatorWatch(limit: .seconds(10))
        return looks.map { watch.look(at: $0.pid, snapshot: $0.snapshot, now: .seconds($0.second)) }
    }

    @Test func oneThatShowsNothingNewIsSilentAtTheLimit() {
        // Whether it does not answer, or shows the same snapshot again: its loop hangs.
        for shown in [nil, 1000] as [Int64?] {
            let quiet = (1...10).map { (pid: Int32(7), snapshot: shown, second: $0) }
            let said = Self.silences([(7, 1000, 0)] + quiet + [(7, 1001, 11), (7, shown, 12)])
            #expect(said == Array(repeating: false, count: 10) + [true, false, false])
        }
    }

    @Test func itsSuccessorBeginsAnew() {
        let first = (0...10).map { (pid: Int32(7), snapshot: Int64?.none, second: $0) }
        let next = (11...21).map { (pid: Int32(8), snapshot: Int64?.none, second: $0) }
        let said = Self.silences(first + next)
        #expect(said.indices.filter { said[$0] } == [10, 21])
    }

    /// A suspended machine, or a supervisor that is stopped itself, has not looked.
    @Test func timeWithoutALookIsNoSilence() {
        #expect(Self.silences([(7, 1, 0), (7, nil, 3_600), (7, 2, 3_601)]) == [false, false, false])
    }
}
