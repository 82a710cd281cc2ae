import ClusterModel
import Console
import Foundation
import Supervision

/// A supervisor whose processes do what a test says, in a time that a test lets pass.
struct SupervisorBench {
    typealias Effect = SupervisorMachine.Effect

    var machine: SupervisorMachine
    var now: Duration = .zero
    /// Who runs, by process number.
    private(set) var running: [Slot: Int32] = [:]
    /// How often each was started.
    private(set) var starts: [Slot: Int] = [:]
    private(set) var signals: [(slot: Slot, number: Int32, at: Duration)] = []
    private(set) var lost: [Int32] = []
    private(set) var notes: [SupervisorMachine.Note] = []
    private(set) var end: (status: ExitStatus?, message: String)?
    private var nextPid: Int32 = 100
    /// Whether `started` is said at once.
    var saysStarted = true

    init(generators: Int = 2, scorers: Int = 1, skipsPoison: Bool = false) {
        machine = SupervisorMachine(
            .init(
                counts: [.generator: generators, .scorer: scorers], steps: 10, command: "skein run x.yaml",
                skipsPoison: skipsPoison))
    }

    static func generator(_ number: Int) -> Slot { .worker(.generator, number) }

    mutating func begin() {
        take(machine.begin())
        tell(.address("tcp://127.0.0.1:7"))
    }

    @discardableResult
    mutating func tell(_ event: SupervisorMachine.Event) -> [Effect] {
        switch event {
        case .ended(let slot, _, _), .cannotStart(let slot, _): running[slot] = nil
        default: break
        }
        let effects = machine.handle(event, at: now)
        take(effects)
        return effects
    }

    mutating func end(
        _ slot: Slot, _ ending: Ending, words: String = "", step: Int = 0, skipped: Int = 0, isStopped: Bool = false
    ) {
        tell(.journal(steps: step, skipped: skipped, isStopped: isStopped))
        tell(.ended(slot, ending, words: words))
    }

    mutating func pass(_ time: Duration) {
        let until = now + time
        while now < until {
            now += .milliseconds(50)
            tell(.tick)
        }
    }

    private mutating func take(_ effects: [Effect]) {
        for effect in effects {
            switch effect {
            case .start(let slot, _):
                nextPid += 1
                running[slot] = nextPid
                starts[slot, default: 0] += 1
                if saysStarted { take(machine.handle(.started(slot, pid: nextPid), at: now)) }
            case .signal(let slot, let number): signals.append((slot, number, now))
            case .lost(_, let pid, _): lost.append(pid)
            case .note(let note): notes.append(note)
            case .end(let status, let message): end = (status, message)
            }
        }
    }
}
