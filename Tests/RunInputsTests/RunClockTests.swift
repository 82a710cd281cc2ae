import Foundation
import Testing

@testable import RunInputs

@Suite struct RunClockTests {
    @Test func theFirstTimeIsKept() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-clock-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        #expect(try RunClock.time(keptIn: root.path, isPrinted: true, now: 1_700_000_000) == 1_700_000_000)
        #expect(try RunClock.time(keptIn: root.path, isPrinted: true, now: 1_800_000_000) == 1_700_000_000)
        try "{}".write(to: root.appending(path: "clock.json"), atomically: true, encoding: .utf8)
        #expect(throws: (any Error).self) { try RunClock.time(keptIn: root.path, isPrinted: true, now: 1) }
    }
}
