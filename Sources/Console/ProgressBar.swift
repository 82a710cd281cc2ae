import Foundation
import Synchronization

/// Progress of a long command: a bar with rate and remaining time on a terminal, a plain line now and then elsewhere.
package final class ProgressBar: Sendable {
    private struct State {
        let started = ContinuousClock.now
        /// The first count that was told, and when: what went on before, in an earlier process, says nothing of this
        /// one's pace.
        var first: (done: Int, at: ContinuousClock.Instant)?
        var lastShown: ContinuousClock.Instant?
        var open = false
        var isDone = false
    }

    private let title: String
    private let unit: String
    private let state = Mutex(State())

    package init(_ title: String, unit: String = "step") {
        self.title = title
        self.unit = unit
    }

    /// - Parameters:
    ///   - detail: figures worth watching, for example `loss 2.31`.
    ///   - isMoving: false while nobody works, so that nobody knows when the end is.
    package func update(_ done: Int, of total: Int, detail: String = "", isMoving: Bool = true) {
        let text: String? = state.withLock { state in
            // The end may be told twice, by who saw it and by who knows it.
            if state.isDone { return nil }
            state.isDone = done >= total
            let now = ContinuousClock.now
            let rate = Self.rate(done, now, since: state.first)
            if state.first == nil { state.first = (done, now) }
            let pause: Duration = Console.isTerminal ? .milliseconds(100) : .seconds(10)
            if done < total, let last = state.lastShown, now - last < pause { return nil }
            state.lastShown = now
            state.open = Console.isTerminal && done < total
            return line(done, total, detail, elapsed: now - state.started, rate: isMoving ? rate : 0)
        }
        guard let text else { return }
        if Console.isTerminal {
            let ending = done < total ? "" : "\n"
            try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K\(text)\(ending)".utf8))
        } else {
            Console.error(text)
        }
    }

    /// Says something between two lines of progress.
    package func note(_ text: String) {
        let isOpen = state.withLock { state in
            defer { state.open = false }
            return state.open
        }
        if isOpen { try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K".utf8)) }
        Console.error(text)
    }

    /// Steps a second since the first that was told; 0 when that cannot be said yet.
    package static func rate(
        _ done: Int, _ now: ContinuousClock.Instant, since first: (done: Int, at: ContinuousClock.Instant)?
    ) -> Double {
        guard let first, done > first.done, now > first.at else { return 0 }
        return Double(done - first.done) / ((now - first.at) / .seconds(1))
    }

    private func line(_ done: Int, _ total: Int, _ detail: String, elapsed: Duration, rate: Double) -> String {
        let seconds = elapsed / .seconds(1)
        var parts = ["\(title) \(done)/\(total)"]
        if Console.isTerminal, total > 0 {
            let filled = min(24, max(0, done * 24 / total))
            parts.append("[" + String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled) + "]")
        }
        if !detail.isEmpty { parts.append(detail) }
        if rate > 0 { parts.append(Self.pace(rate, unit)) }
        if done >= total {
            parts.append("took \(Self.clock(seconds))")
        } else if rate > 0 {
            parts.append("ETA \(Self.clock(Double(total - done) / rate))")
        }
        return parts.joined(separator: "  ")
    }

    /// `12.3 step/s`, and `41.0 s/step` where that says more.
    private static func pace(_ rate: Double, _ unit: String) -> String {
        rate < 0.5 ? String(format: "%.1f s/%@", 1 / rate, unit) : String(format: "%.1f %@/s", rate, unit)
    }

    /// `1:05` or `2:03:04`.
    package static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e7 else { return "?" }
        let whole = Int(seconds.rounded())
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0
            ? String(format: "%d:%02d:%02d", hours, minutes, rest) : String(format: "%d:%02d", minutes, rest)
    }
}
