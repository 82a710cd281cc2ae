import Foundation

/// How often the kernel has ended a process of this machine for lack of memory. Such an end looks to a parent like `kill -9`,
/// and means the opposite: the process failed by itself.
enum MemoryKills {
    /// 0 where the kernel does not say.
    static var count: Int { (try? String(contentsOfFile: "/proc/vmstat", encoding: .utf8)).map(count(in:)) ?? 0 }

    static func count(in text: String) -> Int {
        for line in text.split(separator: "\n") where line.hasPrefix("oom_kill ") {
            return Int(line.dropFirst("oom_kill ".count)) ?? 0
        }
        return 0
    }
}
