import Foundation

/// What the kernel knows of this process, under the names that Prometheus's own clients use. Read when it is asked for.
package enum ProcessMetrics {
    package static func write(to text: inout Exposition) {
        var time = timespec()
        if clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 {
            text.metric(
                "process_cpu_seconds_total", .counter, "User and system CPU time in seconds.",
                [([:], Double(time.tv_sec) + Double(time.tv_nsec) / 1e9)])
        }
        if let bytes = residentBytes() {
            text.metric("process_resident_memory_bytes", .gauge, "Resident memory in bytes.", [([:], bytes)])
        }
        if let files = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
            // One of them is the folder, while it is read.
            text.metric("process_open_fds", .gauge, "Open file descriptors.", [([:], Double(files.count - 1))])
        }
        if let start {
            text.metric(
                "process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.",
                [([:], start)])
        }
    }

    private static func words(_ path: String) -> [Substring] {
        ((try? String(contentsOfFile: path, encoding: .utf8)) ?? "").split(separator: " ")
    }

    private static func residentBytes() -> Double? {
        let fields = words("/proc/self/statm")
        guard fields.count > 1, let pages = Double(fields[1]) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Read once, because two readings of two clocks differ by a hundredth.
    private static let start: Double? = {
        // The second field is the name in parentheses, which may have anything in it.
        let text = (try? String(contentsOfFile: "/proc/self/stat", encoding: .utf8)) ?? ""
        guard let name = text.lastIndex(of: ")"), let uptime = words("/proc/uptime").first.flatMap({ Double($0) })
        else { return nil }
        let fields = text[text.index(after: name)...].split(separator: " ")
        guard fields.count > 19, let ticks = Double(fields[19]) else { return nil }
        let started = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        return ((Date().timeIntervalSince1970 - uptime + started) * 100).rounded() / 100
    }()
}
