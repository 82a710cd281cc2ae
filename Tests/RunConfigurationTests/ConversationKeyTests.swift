import Testing

@testable import RunConfiguration

@Suite struct ConversationKeyTests {
    private func parse(_ text: String, _ overrides: [String] = []) throws -> RunConfiguration {
        try RunConfiguration.parse(text, overrides: overrides)
    }

    @Test func templateArgumentsAreJSON() throws {
        let text = """
            data:
              template_arguments:
                enable_thinking: false
                level: 2
                share: 0.5
                names: [a, "true", null, {b: "x\\"y"}]
            """
        let run = try parse(text)
        #expect(
            run.data.templateArguments
                == #"{"enable_thinking": false, "level": 2, "share": 0.5, "names": ["a", "true", null, {"b": "x\"y"}]}"#
        )
        // What is written reads back the same.
        #expect(try parse(run.resolvedYAML()).data == run.data)
        #expect(
            try parse(text, ["data.template_arguments.level=high"]).data.templateArguments?.contains(
                #""level": "high""#) == true)
        #expect(try parse("data: {template_arguments: off}").data.templateArguments == nil)
        #expect(try parse("data: {template_arguments: {}}").data.templateArguments == nil)
        #expect { try parse("data: {template_arguments: [a]}") } throws: { "\($0)".contains("must be a mapping") }
    }

    @Test func lengthsAndTurnsHaveDefaults() throws {
        let run = try parse("stages: [sft]")
        #expect(run.data.tooLong == .error && run.data.truncate == nil && run.sft.loss == .all)
        let other = try parse("data: {too_long: truncate, truncate: right}\nsft: {loss: last}")
        #expect(other.data.tooLong == .truncate && other.data.truncate == .right && other.sft.loss == .last)
        #expect { try parse("data: {too_long: cut}") } throws: { "\($0)".contains("data.too_long") }
        // Only demonstrations have turns that are learned.
        for section in ["pretrain", "reward_model"] {
            #expect { try parse("\(section): {loss: last}") } throws: { "\($0)".contains("unknown key") }
        }
    }
}
