import Foundation
import Testing

@testable import RunInputs

@Suite struct RunClockTests {
    @Test func theFirstTimeIsKept() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-clock-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        #expect(try RunClock.time(keptIn: root.path, isPrinted: true, now: 1_700_000_000) == 1_700_000_000)
        #expect(try RunClock.time(keptIn: root.path, isPrinted: true, now: 1_800_000_000) == 1_700_000_000)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root.path) == ["clock.json"])
        #expect(try RunClock.ahead(keptIn: root.path, now: 1_800_000_000) == 1_700_000_000)
        try "{}".write(to: root.appending(path: "clock.json"), atomically: true, encoding: .utf8)
        #expect(throws: (any Error).self) { try RunClock.time(keptIn: root.path, isPrinted: true, now: 1) }
    }

    /// A check of a run file leaves no directory behind.
    @Test func aLookAheadWritesNothing() throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "skein-clock-\(UUID().uuidString)").path
        #expect(try RunClock.ahead(keptIn: path, now: 1_700_000_000) == 1_700_000_000)
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    /// Processes of a run may start at the same moment; all of them get the time that is kept.
    @Test func oneOfManyIsKept() async throws {
        let root = FileManager.default.temporaryDirectory.appending(path: "skein-clock-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: root) }
        let times = try await withThrowingTaskGroup(of: Double?.self) { group in
            for index in 0..<64 {
                group.addTask { try RunClock.time(keptIn: root.path, isPrinted: true, now: Double(index)) }
            }
            return try await group.reduce(into: Set<Double?>()) { $0.insert($1) }
        }
        #expect(times.count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: root.path) == ["clock.json"])
    }
}
