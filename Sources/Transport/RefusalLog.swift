import Foundation
import Synchronization

/// Who was refused, and why: the last few, for the status. From any thread.
package final class RefusalLog: Sendable {
    package struct Entry: Sendable, Equatable {
        /// A name, or an address where no name is known.
        package var who: String
        package var why: String
        package var count: Int
        /// Milliseconds since 1970.
        package var first: Int64
        package var last: Int64
    }

    private struct State {
        var entries: [Entry] = []
        var total: UInt64 = 0
    }

    /// A flood of names must not fill the memory.
    private static let kept = 32
    private static let longest = 200

    private let state = Mutex(State())

    package init() {}

    /// - Returns: true for the first time, and from then on seldom: when it is worth a line of the log.
    @discardableResult
    package func note(_ who: String, _ why: String) -> Bool {
        let now = Int64(Date().timeIntervalSince1970 * 1000)
        let (who, why) = (String(who.prefix(Self.longest)), String(why.prefix(Self.longest)))
        return state.withLock { state in
            state.total += 1
            guard let index = state.entries.firstIndex(where: { $0.who == who && $0.why == why }) else {
                if state.entries.count >= Self.kept { state.entries.removeFirst() }
                state.entries.append(Entry(who: who, why: why, count: 1, first: now, last: now))
                return true
            }
            var entry = state.entries.remove(at: index)
            entry.count += 1
            entry.last = now
            state.entries.append(entry)
            // At 2, 4, 8, ...
            return entry.count & (entry.count - 1) == 0
        }
    }

    package var total: UInt64 { state.withLock { $0.total } }
    /// The latest last.
    package var entries: [Entry] { state.withLock { $0.entries } }
}
