import Foundation

/// What is printed of one disturbed run.
struct Report {
    let seed: UInt64
    let undisturbed: Outcome
    let steps: Int
    let result: Trial.Disturbed
    let violations: [String]
    let detection: Detection
    /// Per cent.
    let target: Double

    /// Per cent; nil when the run did not end.
    var goodput: Double? { result.outcome.map { undisturbed.seconds / $0.seconds * 100 } }
    var isEqual: Bool { result.outcome?.hash == undisturbed.hash }
    var holds: Bool { isEqual && violations.isEmpty && (goodput ?? 0) >= target }

    func show() {
        say("\nseed \(seed), \(steps) steps")
        row("faults", "\(result.done.count)")
        for kind in FaultKind.allCases {
            let of = result.done.filter { $0.fault.kind == kind }
            guard !of.isEmpty else { continue }
            let targets = Dictionary(grouping: of, by: \.fault.target).map { ($0.key, $0.value.count) }.sorted {
                $0 < $1
            }
            row("  " + kind.rawValue, "\(of.count): " + targets.map { "\($0.0) \($0.1)" }.joined(separator: ", "))
        }
        row("processes started again", "\(result.restarts)")
        row("runs gone on with after a full disk", "\(result.resumed)")
        row("killed, until another one runs", Self.spread(detection.restarted))
        row("killed, until the journal says so", Self.spread(detection.noticed))
        row(
            "frozen workers, until they are doubted",
            Self.spread(detection.doubted) + "; \(detection.short) were back before")
        let idle = result.state.longestIdle
        row("longest idle worker beside waiting jobs", String(format: "%.1f s, ", idle.seconds) + idle.name)
        row("undisturbed", String(format: "%.1f s", undisturbed.seconds))
        if let outcome = result.outcome, let goodput {
            row("disturbed", String(format: "%.1f s", outcome.seconds))
            row("goodput", String(format: "%.0f %% (target: %.0f %%)", goodput, target))
            row("final weights", isEqual ? "equal, \(outcome.hash.prefix(16))" : "DIFFERENT")
        }
        row("invariants", violations.isEmpty ? "hold" : "BROKEN")
        for violation in violations { say("    \(violation)") }
    }

    private func row(_ name: String, _ value: String) {
        say("  " + name.padding(toLength: 42, withPad: " ", startingAt: 0) + value)
    }

    private static func spread(_ values: [Double]) -> String {
        guard let largest = values.max() else { return "none" }
        let middle = values.sorted()[values.count / 2]
        return String(format: "%d times, median %.2f s, at most %.2f s", values.count, middle, largest)
    }
}
