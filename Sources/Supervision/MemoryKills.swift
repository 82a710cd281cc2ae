import Foundation
import Synchronization

/// How often the kernel has ended a process for lack of memory. Such an end looks to a parent like `kill -9`, and means the
/// opposite: the process failed by itself.
///
/// The counter of this process's own memory group counts no others' processes; the machine's counts all, and is taken where
/// the kernel keeps no other.
struct MemoryKills: Sendable {
    /// nil where the kernel does not say.
    private let path: String?

    /// - Parameters:
    ///   - groups: what `/proc/self/cgroup` says.
    ///   - root: where the groups' files are.
    ///   - machine: the kernel's own counter.
    init(groups: String, root: String = "/sys/fs/cgroup", machine: String = "/proc/vmstat") {
        let candidates = Self.files(groups, root) + [machine]
        path = candidates.first { Self.count(inFile: $0) != nil }
    }

    /// Of this process, and so of its children.
    static let own = MemoryKills(groups: (try? String(contentsOfFile: "/proc/self/cgroup", encoding: .utf8)) ?? "")

    /// 0 where the kernel does not say.
    var count: Int { path.flatMap(Self.count(inFile:)) ?? 0 }

    /// The files of the memory group, of either version of control groups.
    private static func files(_ groups: String, _ root: String) -> [String] {
        var files: [String] = []
        for line in groups.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let group = parts[2] == "/" ? "" : String(parts[2])
            if parts[1].isEmpty { files.append("\(root)\(group)/memory.events") }
            if parts[1].split(separator: ",").contains("memory") {
                files.append("\(root)/memory\(group)/memory.oom_control")
            }
        }
        return files
    }

    private static func count(inFile path: String) -> Int? {
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap(count(in:))
    }

    /// nil when the text has no such counter.
    static func count(in text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
            return Int(line.dropFirst("oom_kill ".count))
        }
        return nil
    }
}

/// Looks at the counter while a child lives, so that only a kill at the time of its end is taken for the cause of that: others
/// may have been killed before. Owned by the task that follows the child.
struct MemoryWatch: Sendable {
    /// Between two looks.
    static let period: Duration = .milliseconds(250)
    /// Before an end, for what the kernel takes from the kill to the end: its memory is given back in between.
    private static let window: Duration = .seconds(1)
    private static let givenBackASecond = 4.0 * 1_073_741_824

    private var looks: [(at: Duration, count: Int)] = []
    /// Bytes that the child was last seen to have, and when: its end may be noticed late.
    private var resident = 0
    private var lastAlive: Duration?

    /// Takes note of a look.
    ///
    /// - Parameter resident: bytes that the child has; nil when that cannot be seen any more.
    mutating func look(at now: Duration, count: Int, resident: Int?) {
        if let resident { (self.resident, lastAlive) = (resident, now) }
        looks.append((now, count))
        let oldest = begin(of: now)
        // One at the begin of the window or before it.
        while looks.count > 1, looks[1].at <= oldest { looks.removeFirst() }
    }

    /// Of the window for an end that is noticed then.
    private func begin(of end: Duration) -> Duration {
        min(end, lastAlive ?? end) - Self.window - .seconds(Double(resident) / Self.givenBackASecond)
    }

    /// Whether the counter has risen within the window before the child's end.
    func hasRisen(to count: Int, at end: Duration) -> Bool {
        let begin = begin(of: end)
        guard let before = looks.last(where: { $0.at <= begin }) ?? looks.first else { return false }
        return count > before.count
    }
}

/// Looks at a child's memory, and at the kernel's counter, for as long as the child lives.
final class MemoryObserver: Sendable {
    private let kills: MemoryKills
    private let began = ContinuousClock.now
    private let watch = Mutex(MemoryWatch())
    private let pid = Mutex<Int32?>(nil)

    init(_ kills: MemoryKills) {
        self.kills = kills
        look()
    }

    func follow(_ pid: Int32) {
        self.pid.withLock { $0 = pid }
        // It may live for less than a period.
        look()
    }

    /// Until its task is cancelled.
    func observe() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: MemoryWatch.period)
            if !Task.isCancelled { look() }
        }
    }

    /// Whether the child, which has just ended, was ended by the kernel for lack of memory.
    var hasKilled: Bool {
        let count = kills.count
        let now = ContinuousClock.now - began
        return watch.withLock { $0.hasRisen(to: count, at: now) }
    }

    private func look() {
        let resident = pid.withLock { $0 }.flatMap(Self.residentBytes)
        let count = kills.count
        let now = ContinuousClock.now - began
        watch.withLock { $0.look(at: now, count: count, resident: resident) }
    }

    private static func residentBytes(_ pid: Int32) -> Int? {
        guard let text = try? String(contentsOfFile: "/proc/\(pid)/statm", encoding: .utf8) else { return nil }
        let fields = text.split(separator: " ")
        // A process that has ended and is not waited for yet has none.
        guard fields.count > 1, let pages = Int(fields[1]), pages > 0 else { return nil }
        return pages.multipliedReportingOverflow(by: Int(sysconf(Int32(_SC_PAGESIZE)))).partialValue
    }
}
