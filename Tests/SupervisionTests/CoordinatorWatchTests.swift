import Supervision
import Testing

@Suite struct CoordinatorWatchTests {
    private static let limit: Duration = .seconds(10)

    @Test func oneThatShowsNothingNewIsSilentAtTheLimit() {
        // Whether it does not answer, or shows the same snapshot again: its loop hangs.
        for shown in [nil, 1000] as [Int64?] {
            let watch = Watch(Self.limit)
            #expect(!watch.look(at: 7, snapshot: 1000, now: .zero))
            for second in 1..<10 { #expect(!watch.look(at: 7, snapshot: shown, now: .seconds(second))) }
            #expect(watch.look(at: 7, snapshot: shown, now: .seconds(10)))
            #expect(!watch.look(at: 7, snapshot: 1001, now: .seconds(11)))
            #expect(!watch.look(at: 7, snapshot: shown, now: .seconds(12)))
        }
    }

    @Test func itsSuccessorBeginsAnew() {
        let watch = Watch(Self.limit)
        for second in 0...10 { _ = watch.look(at: 7, snapshot: nil, now: .seconds(second)) }
        #expect(!watch.look(at: 8, snapshot: nil, now: .seconds(11)))
        #expect(!watch.look(at: 8, snapshot: nil, now: .seconds(20)))
        #expect(watch.look(at: 8, snapshot: nil, now: .seconds(21)))
    }

    /// A suspended machine, or a supervisor that is stopped itself, has not looked.
    @Test func timeWithoutALookIsNoSilence() {
        let watch = Watch(Self.limit)
        #expect(!watch.look(at: 7, snapshot: 1, now: .zero))
        #expect(!watch.look(at: 7, snapshot: nil, now: .seconds(3_600)))
        #expect(!watch.look(at: 7, snapshot: 2, now: .seconds(3_601)))
    }
}

/// `#expect` takes no call that changes a value.
private final class Watch {
    private var watch: CoordinatorWatch
    init(_ limit: Duration) { watch = CoordinatorWatch(limit: limit) }
    func look(at pid: Int32, snapshot: Int64?, now: Duration) -> Bool {
        watch.look(at: pid, snapshot: snapshot, now: now)
    }
}
