import Foundation
import Testing

@testable import Supervision

@Suite struct MemoryKillsTests {
    @Test func theKernelsCountIsRead() {
        #expect(MemoryKills.count(in: "nr_free_pages 1\noom_kill 12\noom_kill_other 3\n") == 12)
        #expect(MemoryKills.count(in: "nr_free_pages 1\n") == 0)
    }

    /// A run that cannot tell would blame nobody for what takes all memory.
    @Test func thisKernelCounts() throws {
        #expect(try String(contentsOfFile: "/proc/vmstat", encoding: .utf8).contains("\noom_kill "))
    }
}
