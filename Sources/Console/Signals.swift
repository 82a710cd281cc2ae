@preconcurrency import Dispatch
import Foundation
import Synchronization

/// Signals as an asynchronous sequence of their numbers.
///
/// Each signal has one source as long as the process lives: a second one, made after the first was cancelled, would never
/// fire on Linux. A signal that comes while nobody listens is told to the next one who does.
package enum Signals {
    private struct State {
        var sources: [Int32: any DispatchSourceSignal] = [:]
        var listeners: [Int: (numbers: Set<Int32>, continuation: AsyncStream<Int32>.Continuation)] = [:]
        var next = 0
        var unheard: [Int32] = []
    }

    private static let state = Mutex(State())

    /// SIGTERM, and SIGHUP when the terminal goes away, unless whoever started this process wants that ignored (`nohup`).
    package static let ending: [Int32] = {
        // Asked for once, before anything here listens to it.
        let before = signal(SIGHUP, SIG_IGN)
        let isIgnored = unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
        return isIgnored ? [SIGTERM] : [SIGTERM, SIGHUP]
    }()
    /// The same, and Ctrl-C.
    package static var endingOrInterrupt: [Int32] { ending + [SIGINT] }

    /// To be called first of all: a write to a pipe whose reader is gone is an error then, and not the end of the process.
    /// Processes that this one starts get the default back.
    package static func ignoreClosedPipes() { signal(SIGPIPE, SIG_IGN) }

    package static func stream(_ numbers: [Int32]) -> AsyncStream<Int32> {
        AsyncStream { continuation in
            let id = state.withLock { state in
                for number in numbers where state.sources[number] == nil { state.sources[number] = source(number) }
                for number in state.unheard where numbers.contains(number) { continuation.yield(number) }
                state.unheard.removeAll { numbers.contains($0) }
                state.next += 1
                state.listeners[state.next] = (Set(numbers), continuation)
                return state.next
            }
            continuation.onTermination = { _ in state.withLock { $0.listeners[id] = nil } }
        }
    }

    private static func source(_ number: Int32) -> any DispatchSourceSignal {
        // The default action would end the process before the source sees the signal.
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number)
        source.setEventHandler { heard(number) }
        source.resume()
        return source
    }

    private static func heard(_ number: Int32) {
        state.withLock { state in
            let listeners = state.listeners.values.filter { $0.numbers.contains(number) }
            for listener in listeners { listener.continuation.yield(number) }
            if listeners.isEmpty { state.unheard.append(number) }
        }
    }
}
