import Foundation
import Testing

@testable import Supervision

@Suite(.serialized) struct MemoryKillsTests {
    /// A folder with the files of the kernel, removed with the value.
    private final class Files: Sendable {
        let path = FileManager.default.temporaryDirectory.appending(path: "kills-\(UUID().uuidString)").path
        deinit { try? FileManager.default.removeItem(atPath: path) }

        func write(_ name: String, _ text: String) throws {
            let file = URL(filePath: "\(path)/\(name)")
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(text.utf8).write(to: file)
        }

        func kills(_ groups: String) -> MemoryKills {
            MemoryKills(groups: groups, root: "\(path)/cgroup", machine: "\(path)/vmstat")
        }
    }

    @Test func theKernelsCountIsRead() {
        #expect(MemoryKills.count(in: "nr_free_pages 1\noom_kill 12\noom_kill_other 3\n") == 12)
        #expect(MemoryKills.count(in: "nr_free_pages 1\n") == nil)
    }

    /// A run that cannot tell would blame nobody for what takes all memory.
    @Test func thisKernelCounts() throws {
        #expect(try String(contentsOfFile: "/proc/vmstat", encoding: .utf8).contains("\noom_kill "))
    }

    /// What is killed elsewhere on the machine is nobody's here.
    @Test func theOwnGroupCountsWhereTheKernelKeepsOne() throws {
        let files = Files()
        try files.write("vmstat", "oom_kill 9\n")
        #expect(files.kills("0::/a/b\n").count == 9)
        try files.write("cgroup/a/b/memory.events", "low 0\noom 1\noom_kill 2\n")
        #expect(files.kills("0::/a/b\n").count == 2)
        try files.write("cgroup/memory.events", "oom_kill 3\n")
        #expect(files.kills("0::/\n").count == 3)
        try files.write("cgroup/memory/c/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
        #expect(files.kills("3:cpu,memory:/c\n2:cpuset:/\n").count == 4)
        #expect(Files().kills("").count == 0)
    }

    /// Others were killed before, and somebody's kill -9 is what it is.
    @Test func onlyAKillAtTheTimeOfTheEndIsItsCause() {
        var watch = MemoryWatch()
        for tick in 0..<20 { watch.look(at: .milliseconds(250 * tick), count: 1, resident: 1 << 20) }
        #expect(watch.hasRisen(to: 2, at: .milliseconds(5_000)))
        for tick in 20..<40 { watch.look(at: .milliseconds(250 * tick), count: 2, resident: 1 << 20) }
        #expect(!watch.hasRisen(to: 2, at: .milliseconds(10_000)))
        #expect(watch.hasRisen(to: 3, at: .milliseconds(10_000)))
        // A large process takes its time to end.
        for tick in 40..<48 { watch.look(at: .milliseconds(250 * tick), count: 2, resident: 64 << 30) }
        for tick in 48..<60 { watch.look(at: .milliseconds(250 * tick), count: 3, resident: nil) }
        #expect(watch.hasRisen(to: 3, at: .milliseconds(15_000)))
        #expect(!MemoryWatch().hasRisen(to: 1, at: .zero))
    }

    /// An end that is noticed late, because this process had no time to look, is judged by when the child was last alive.
    @Test func anEndThatIsNoticedLateIsJudgedByItsTime() {
        var watch = MemoryWatch()
        for tick in 0..<8 { watch.look(at: .milliseconds(250 * tick), count: 1, resident: 1 << 20) }
        for tick in 8..<80 { watch.look(at: .milliseconds(250 * tick), count: 2, resident: nil) }
        #expect(watch.hasRisen(to: 2, at: .seconds(20)))
    }

    /// The kernel's counter is a file here, and the kernel's kill a `kill -9`.
    @Test(arguments: [true, false]) func aChildIsAskedForItsOwnEnd(isItsOwn: Bool) async throws {
        let files = Files()
        // Somebody was killed for lack of memory before.
        try files.write("vmstat", isItsOwn ? "oom_kill 5\n" : "oom_kill 6\n")
        let child = ChildProcess(
            "/bin/sh", ["-c", "exec sleep 600"], output: .log("\(files.path)/log"), kills: files.kills(""))
        let (started, continuation) = AsyncStream.makeStream(of: RunningChild.self)
        let end = try await withThrowingTaskGroup(of: ChildProcess.End?.self, returning: ChildProcess.End?.self) {
            group in
            group.addTask { try await child.run { continuation.yield($0) } }
            group.addTask {
                for await running in started {
                    try files.write("vmstat", "oom_kill 6\n")
                    running.send(signal: SIGKILL)
                    break
                }
                return nil
            }
            var end: ChildProcess.End?
            for try await result in group { end = end ?? result }
            return end
        }
        #expect(end?.ending == (isItsOwn ? .outOfMemory : .signal(SIGKILL)))
    }
}
