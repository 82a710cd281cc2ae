import ClusterModel
import Console
import Foundation
import Supervision
import Testing

/// The supervisor's rules under events in random order.
@Suite struct SupervisorOrderTests {
    /// Whatever happens in whatever order: one process in a slot, no signal to nobody, one end, and nothing after it.
    @Test(arguments: 0..<200) func anyOrderOfEventsIsSurvived(seed: Int) {
        var random = Numbers(state: UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1)
        var bench = SupervisorBench(generators: 3, scorers: 2)
        bench.begin()
        var signalled = 0
        for turn in 0..<400 where bench.end == nil {
            let slots = bench.running.keys.sorted()
            switch random.next() % 12 {
            case 0...3: bench.pass(.milliseconds(Int64(50 * (random.next() % 30))))
            case 4...6:
                guard let slot = slots.randomElement(using: &random), slot != .coordinator || turn > 300 else { break }
                let endings: [Ending] = [.exit(0), .exit(1), .exit(75), .signal(SIGKILL), .signal(SIGSEGV)]
                let ending = endings.randomElement(using: &random) ?? .exit(0)
                bench.end(slot, ending, words: "w\(random.next() % 3)", step: turn)
            case 7...9:
                let role = random.next() % 2 == 0 ? Role.generator : .scorer
                bench.tell(.wish(role, Int(random.next() % 6)))
            case 10 where turn > 350: bench.tell(.interrupt)
            case 11:
                guard let slot = slots.randomElement(using: &random), let pid = bench.running[slot] else { break }
                bench.tell(.silent(slot, pid: pid))
            default: bench.tell(.tick)
            }
            for signal in bench.signals[signalled...] where signal.at == bench.now {
                #expect(bench.starts[signal.slot] != nil, "seed \(seed)")
            }
            signalled = bench.signals.count
        }
        bench.tell(.interrupt)
        bench.pass(.seconds(120))
        for slot in bench.running.keys.sorted() { bench.end(slot, .signal(SIGKILL)) }
        #expect(bench.end != nil && bench.running.isEmpty, "seed \(seed)")
        let after = bench.tell(.tick) + bench.tell(.wish(.generator, 9))
        #expect(after.isEmpty, "seed \(seed)")
    }

    private struct Numbers: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state &* 0x2545_F491_4F6C_DD1D
        }
    }
}
