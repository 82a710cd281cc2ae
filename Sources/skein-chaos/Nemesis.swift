import Foundation

/// Carries out the faults of a plan on a run, until the run is over.
final class Nemesis {
    struct Done: Sendable {
        var fault: Fault
        /// Milliseconds of the clock that the journal reads.
        var at: Int64
        var moment: ContinuousClock.Instant
        /// The process that was hit.
        var pid: Int32?
    }

    private struct Lasting {
        var fault: Fault
        var until: ContinuousClock.Instant
        var end: () -> String
    }

    private let links: Links
    private let disk: SmallDisk?
    private let observer: Observer
    private var plan: FaultPlan
    private var next: Fault?
    private var due: ContinuousClock.Instant
    private var lasting: [Lasting] = []
    private let began = ContinuousClock.now
    private(set) var done: [Done] = []
    private(set) var skipped = 0
    /// When a disk was last full.
    private(set) var lastFull: ContinuousClock.Instant?

    init(plan: FaultPlan, links: Links, disk: SmallDisk?, observer: Observer) {
        (self.plan, self.links, self.disk, self.observer) = (plan, links, disk, observer)
        next = self.plan.next()
        due = .now + .seconds(next?.pause ?? 0)
    }

    /// To be called often.
    func act(on run: SkeinRun) {
        let now = ContinuousClock.now
        for index in lasting.indices.reversed() where lasting[index].until <= now {
            let over = lasting.remove(at: index)
            let words = over.end()
            note("\(over.fault.kind.rawValue) of \(over.fault.target) is over\(words)")
        }
        observer.set(troubled: Set(lasting.map(\.fault.target)))
        guard let fault = next, now >= due else { return }
        next = plan.next()
        due = now + .seconds(next?.pause ?? 0)
        begin(fault, on: run)
    }

    /// Everything is as it was: nothing is stopped, cut off or full.
    func stop() {
        for over in lasting { _ = over.end() }
        lasting = []
    }

    private func note(_ text: String) {
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        say(String(format: "%7.1f s  ", seconds) + text)
    }

    private func begin(_ fault: Fault, on run: SkeinRun) {
        let busy = lasting.contains {
            $0.fault.target == fault.target || ($0.fault.kind == fault.kind && fault.kind == .link)
        }
        let children = Children.of(run.pid)
        let pid = children[fault.target]
        guard !busy, fault.kind == .disk || pid != nil else {
            skipped += 1
            note(
                "\(fault.kind.rawValue) of \(fault.target) left out: it \(busy ? "has another fault" : "is not running")"
            )
            return
        }
        done.append(
            Done(
                fault: fault, at: Int64(Date.now.timeIntervalSince1970 * 1000), moment: .now, pid: pid))
        let length = fault.lasts > 0 ? String(format: " for %.1f s", fault.lasts) : ""
        note("\(fault.kind.rawValue) \(fault.target)\(pid.map { " (process \($0))" } ?? "")\(length)")
        switch fault.kind {
        case .kill: signal(fault.target, pid, SIGKILL, run)
        case .freeze:
            signal(fault.target, pid, SIGSTOP, run)
            last(fault) { [self] in
                signal(fault.target, pid, SIGCONT, run)
                return ""
            }
        case .delay, .duplicate, .cut, .flip, .partition:
            let proxies = links.proxies[fault.target] ?? []
            for proxy in proxies { proxy.begin(fault.kind, for: fault.lasts) }
            last(fault) { ": \(proxies.reduce(0) { $0 + $1.end() }) segments were touched" }
        case .disk:
            lastFull = .now + .seconds(fault.lasts)
            disk?.fill()
            last(fault) { [disk] in
                disk?.empty()
                return ""
            }
        case .link:
            links.namespace?.setLink(up: false)
            last(fault) { [links] in
                links.namespace?.setLink(up: true)
                return ""
            }
        }
    }

    private func last(_ fault: Fault, end: @escaping () -> String) {
        lasting.append(Lasting(fault: fault, until: .now + .seconds(fault.lasts), end: end))
    }

    /// Only to a process that is still the run's own child of this name: numbers are given again.
    private func signal(_ name: String, _ pid: Int32?, _ number: Int32, _ run: SkeinRun) {
        guard let pid, Children.of(run.pid)[name] == pid else { return }
        kill(pid, number)
    }
}
