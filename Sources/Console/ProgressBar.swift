import Foundation
import Synchronization

/// Progress of a long command: a bar with rate and remaining time on a terminal, a plain line now and then elsewhere.
package final class ProgressBar: Sendable {
    private struct State {
        var started = ContinuousClock.now
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

    /// - Parameter detail: figures worth watching, for example `loss 2.31`.
    package func update(_ done: Int, of total: Int, detail: String = "") {
        let text: String? = state.withLock { state in
            // The end may be told twice, by who saw it and by who knows it.
            if state.isDone { return nil }
            state.isDone = done >= total
            let now = ContinuousClock.now
            let pause: Duration = Console.isTerminal ? .milliseconds(100) : .seconds(10)
            if done < total, let last = state.lastShown, now - last < pause { return nil }
            state.lastShown = now
            state.open = Console.isTerminal && done < total
            return line(done, total, detail, elapsed: now - state.started)
        }
        guard let text else { return }
        if Console.isTerminal {
            let ending = done < total ? "" : "\n"
            try? FileHandle.standardError.write(contentsOf: Data("\r\u{1B}[K\(text)\(ending)".utf8))
        } else {
            Console.error(text)
        }
    }

    private func line(_ done: Int, _ total: Int, _ detail: String, elapsed: Duration) -> String {
        let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
        let rate = seconds > 0 ? Double(done) / seconds : 0
        var parts = ["\(title) \(done)/\(total)"]
        if Console.isTerminal, total > 0 {
            let filled = min(24, max(0, done * 24 / total))
            parts.append("[" + String(repeating: "█", count: filled) + String(repeating: "·", count: 24 - filled) + "]")
        }
        if !detail.isEmpty { parts.append(detail) }
        if rate > 0 {
            parts.append(String(format: "%.1f %@/s", rate, unit))
            let left = Double(max(0, total - done)) / rate
            parts.append(done < total ? "ETA \(Self.clock(left))" : "took \(Self.clock(seconds))")
        }
        return parts.joined(separator: "  ")
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
