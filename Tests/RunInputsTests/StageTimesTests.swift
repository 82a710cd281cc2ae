import Console
import Foundation
import Testing

@Suite struct StageTimesTests {
    private func inFolder(_ body: (String) throws -> Void) throws {
        let path = FileManager.default.temporaryDirectory.appending(path: "skein-times-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        try body(path)
    }

    /// Two commands were ended in the middle of it, the third finished it, the fourth found it finished.
    @Test func whatWasDoneBeforeAnInterruptionCounts() throws {
        try inFolder { folder in
            for seconds in [100.0, 20] {
                var times = StageTimes(in: folder)
                try times.interrupted("sft", seconds: seconds)
            }
            #expect(StageTimes(in: folder).seconds == ["sft (unfinished)": 120])
            for seconds in [30.0, 1] {
                var times = StageTimes(in: folder)
                try times.record("sft", seconds: seconds, adds: false)
                #expect(times.seconds == ["sft": 150])
            }
            var times = StageTimes(in: folder)
            try times.record("ppo", seconds: 3, adds: true)
            try times.record("ppo", seconds: 4, adds: true)
            #expect(StageTimes(in: folder).seconds == ["sft": 150, "ppo": 7])
        }
    }
}
