import Testing

@testable import RunConfiguration

/// `ppo.checkpoint_every`: steps, minutes, or what costs little.
@Suite struct CheckpointEveryTests {
    @Test(
        arguments: [
            ("5", .steps(5)), ("10 min", .minutes(10)), ("0.5 min", .minutes(0.5)), ("auto", .auto),
        ] as [(String, PPOSection.CheckpointEvery)])
    func itIsReadAndWritten(_ text: String, _ value: PPOSection.CheckpointEvery) throws {
        let run = try RunConfiguration.parse("ppo: {checkpoint_every: \(text)}")
        #expect(run.ppo.checkpointEvery == value && value.written == text)
        #expect(try RunConfiguration.parse(run.resolvedYAML()).ppo.checkpointEvery == value)
    }

    @Test(arguments: ["0", "-1", "0 min", "ten", "10 hours", "\"5\"", "min", "1 2 min", "1e9 min"])
    func anythingElseIsRefusedWithWhatMayStandThere(_ text: String) throws {
        let error = #expect(throws: ConfigurationError.self) {
            try RunConfiguration.parse("ppo: {checkpoint_every: \(text)}")
        }
        #expect("\(try #require(error))".contains("checkpoint_every"))
    }
}
