import Foundation
import Testing
import Tokenizers

@testable import Datasets

/// Conversations and preferences as published sets have them.
@Suite struct ConversationRowTests {
    private static let q1 = #"{"role":"user","content":"Q1"}"#
    private static let a1 = #"{"role":"assistant","content":"A1"}"#
    private static let q2 = #"{"role":"user","content":"Q2"}"#
    private static let yes = #"{"role":"assistant","content":"yes"}"#
    private static let no = #"{"role":"assistant","content":"no"}"#
    private static let whole =
        #""chosen":[\#(q1),\#(a1),\#(q2),\#(yes)],"rejected":[\#(q1),\#(a1),\#(q2),\#(no)]"#

    private func turn(_ role: String, _ text: String) -> ChatMessage { ChatMessage(role: role, content: text) }

    private func pair(_ line: String) throws -> PreferenceRow {
        let file = try TemporaryFile(line)
        return try #require(try LoadedRows<PreferenceRow>.read(path: file.path).rows.first)
    }

    private func refuses<Row: DatasetRow>(_ row: Row.Type, _ line: String, _ part: String) throws {
        let file = try TemporaryFile(line)
        #expect { try LoadedRows<Row>.read(path: file.path) } throws: { error in
            "\(error)".contains(part) && "\(error)".contains("\(file.path):1: ")
        }
    }

    /// A sentence of a language without blanks is a prompt as much as one of several words; `messages` holds the context.
    @Test func repeatedPromptsAndContextsAreSeen() throws {
        let chinese = try pair(#"{"prompt":"河边有什么？","chosen":"河边有什么？一只鹅","rejected":"河边有什么？没有"}"#)
        #expect(chinese.prompt == .text("河边有什么？") && chinese.chosen == .text("一只鹅"))
        let long = try pair(
            #"{"messages":[\#(Self.q1)],"chosen":[\#(Self.a1),\#(Self.q2),\#(Self.yes)],"#
                + #""rejected":[\#(Self.a1),\#(Self.q2),\#(Self.no)]}"#)
        #expect(long.prompt == .turns([turn("user", "Q1")]) && long.chosen.turns.count == 3)
        let file = try TemporaryFile(#"{"prompt":"a","response":"b","tools":[{}],"chat_template_kwargs":{"x":1}}"#)
        let scored = try #require(try LoadedRows<ScoreRow>.read(path: file.path).rows.first)
        #expect(scored.inputs.tools == .array([.object([])]) && scored.inputs.arguments.map(\.key) == ["x"])
    }

    @Test(arguments: [
        "{\(whole)}", #"{"prompt":"Q2",\#(whole)}"#, #"{"prompt":" Q1\n",\#(whole)}"#,
        #"{"prompt":[\#(q1),\#(a1),\#(q2)],\#(whole)}"#,
        #"{"prompt":[\#(q1),\#(a1),\#(q2)],"chosen":[\#(yes)],"rejected":[\#(no)]}"#,
        #"{"prompt":"Q2","messages":[\#(q1),\#(a1),\#(q2),\#(yes)],\#(whole),"score_chosen":8.5,"prompt_id":"x"}"#,
        #"{"prompt":[\#(q1),\#(a1),\#(q2)],"chosen":\#(yes),"rejected":\#(no)}"#,
        #"{"messages":[\#(q1),\#(a1),\#(q2)],"chosen":[\#(yes)],"rejected":[\#(no)]}"#,
    ])
    func turnsBeforeTheAnswersAreThePrompt(_ line: String) throws {
        let row = try pair(line)
        #expect(row.prompt == .turns([turn("user", "Q1"), turn("assistant", "A1"), turn("user", "Q2")]))
        #expect(row.chosen == .turns([turn("assistant", "yes")]))
        #expect(row.rejected == .turns([turn("assistant", "no")]))
    }

    @Test func historiesMayDiffer() throws {
        let row = try pair(
            #"{"chosen":[\#(Self.q1),\#(Self.a1),\#(Self.q2),\#(Self.yes)],"rejected":[\#(Self.q1),\#(Self.no)]}"#)
        #expect(row.prompt == .turns([turn("user", "Q1")]))
        #expect(row.rejected == .turns([turn("assistant", "no")]))
        // One conversation goes on from the other.
        let longer = try pair(
            #"{"chosen":[\#(Self.q1),\#(Self.a1),\#(Self.q2),\#(Self.yes)],"rejected":[\#(Self.q1),\#(Self.a1)]}"#)
        #expect(longer.prompt == .turns([turn("user", "Q1")]) && longer.rejected == .turns([turn("assistant", "A1")]))
    }

    @Test func contradictionsAreRefused() throws {
        try refuses(PreferenceRow.self, #"{"prompt":"Q3",\#(Self.whole)}"#, "'prompt' is not in the conversation")
        try refuses(PreferenceRow.self, #"{"prompt":"A1",\#(Self.whole)}"#, "'prompt' is not in the conversation")
        try refuses(
            PreferenceRow.self, #"{"prompt":[\#(Self.q2)],\#(Self.whole)}"#, "'prompt' is not in the conversation")
        try refuses(
            PreferenceRow.self, #"{"chosen":[\#(Self.q1),\#(Self.yes)],"rejected":[\#(Self.q2),\#(Self.no)]}"#,
            "answer different conversations")
        try refuses(PreferenceRow.self, #"{"chosen":[\#(Self.yes)],"rejected":[\#(Self.no)]}"#, "'prompt' is missing")
        try refuses(
            PreferenceRow.self, #"{"prompt":"Q1","chosen":[\#(Self.yes)],"rejected":[\#(Self.q1),\#(Self.no)]}"#,
            "only one of 'chosen' and 'rejected'")
        try refuses(PreferenceRow.self, #"{"prompt":"Q1","chosen":[\#(Self.yes)],"rejected":"no"}"#, "must both be")
        try refuses(
            DemonstrationRow.self, #"{"prompt":"Q3","messages":[\#(Self.q1),\#(Self.a1)]}"#,
            "'prompt' is not in the conversation of 'messages'")
    }

    @Test(arguments: [
        ("\n\nHuman: Hi?\n\nAssistant:", " I see.", " I do not."),
        ("\n\nHuman: Hi?\n\nAssistant: Yes.\n\nHuman: So?\n\nAssistant:", " A", " B"),
        ("The sky is", " blue.", " black."), ("Q: 1+1?\n", "2", "3"), ("Größe:", " groß", " größer"),
    ])
    func textsHoldTheirPrompt(_ prompt: String, _ chosen: String, _ rejected: String) throws {
        func line(_ row: [String: String]) throws -> String {
            String(decoding: try JSONEncoder().encode(row), as: UTF8.self)
        }
        let within = try pair(line(["chosen": prompt + chosen, "rejected": prompt + rejected]))
        #expect(within.prompt == .text(prompt) && within.chosen == .text(chosen) && within.rejected == .text(rejected))
        // The same as the three apart, and as whole texts beside the prompt.
        #expect(try pair(line(["prompt": prompt, "chosen": chosen, "rejected": rejected])) == within)
        if prompt.contains(" ") {
            #expect(
                try pair(line(["prompt": prompt, "chosen": prompt + chosen, "rejected": prompt + rejected])) == within)
        }
    }

    @Test func aPromptOfAnotherNameIsNotGuessed() throws {
        try refuses(
            PreferenceRow.self, #"{"question":"Q?","chosen":"It is 5.","rejected":"It is 6."}"#, "rename 'question'")
        try refuses(
            DemonstrationRow.self, #"{"prompt":"Q?","completion":"5.","label":false}"#, "'label' is false")
    }

    @Test func aPromptBesideMessagesKeepsItsHistory() throws {
        func prompt(_ line: String) throws -> PromptText {
            let file = try TemporaryFile(line)
            return try #require(try LoadedRows<PromptRow>.read(path: file.path).rows.first).prompt
        }
        let history = "\"messages\":[\(Self.q1),\(Self.a1),\(Self.q2),\(Self.yes)]"
        #expect(try prompt(#"{"prompt":"Q1",\#(history)}"#) == .turns([turn("user", "Q1")]))
        let whole: PromptText = .turns([turn("user", "Q1"), turn("assistant", "A1"), turn("user", "Q2")])
        #expect(try prompt(#"{"prompt":"Q2",\#(history)}"#) == whole)
        #expect(try prompt(#"{"prompt":[\#(Self.q1),\#(Self.a1),\#(Self.q2)],\#(history)}"#) == whole)
        try refuses(
            PromptRow.self, #"{"prompt":"Q3",\#(history)}"#, "'prompt' is not in the conversation of 'messages'")
    }

    @Test func otherColumnsStayWithThePrompt() throws {
        let file = try TemporaryFile(
            #"{"messages":[\#(Self.q1)],"label":3,"tools":[{"name":"f"}],"chat_template_kwargs":{"a":true},"n":null}"#)
        let row = try #require(try LoadedRows<PromptRow>.read(path: file.path).rows.first)
        #expect(row.extra == [.init("label", .integer(3)), .init("n", .null)])
    }

    @Test func aWordThatIsAlsoThePromptIsPartOfTheAnswers() throws {
        let row = try pair(#"{"prompt":"Yes","chosen":"Yes, sir","rejected":"Yes?"}"#)
        #expect(row.chosen == .text("Yes, sir"))
    }

    @Test func wholeMessagesAreKept() throws {
        let call = #"{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":{}}}]}"#
        let file = try TemporaryFile(
            #"""
            {"messages":[{"role":"user","content":[{"type":"text","text":"Q"},{"type":"text","text":"1"}]},\#(call),{"role":"tool","name":"f","content":"x"},\#(Self.yes)],"tools":[{"name":"f"}],"chat_template_kwargs":{"a":1}}
            {"messages":[\#(Self.q1),\#(Self.a1)],"tools":"[{\"name\": \"f\"}]","chat_template_kwargs":null}
            {"messages":[\#(Self.q1),\#(Self.a1)],"tools":[]}
            """#)
        let rows = try LoadedRows<DemonstrationRow>.read(path: file.path).rows
        guard case .turns(let turns) = rows[0].completion else {
            Issue.record("no turns")
            return
        }
        #expect(turns[0].text == "Q1" && turns[1].json["tool_calls"] != nil && turns[2].json["name"]?.string == "f")
        let tools = JSONValue.array([.object([.init("name", .string("f"))])])
        #expect(rows[0].inputs == TemplateInputs(tools: tools, arguments: [.init("a", .integer(1))]))
        #expect(rows[1].inputs == TemplateInputs(tools: tools) && rows[2].inputs == TemplateInputs())
    }

    @Test(arguments: [
        (
            #"{"messages":[{"role":"user","content":null},{"role":"assistant","content":"x"}]}"#,
            "a turn of 'user' has no content"
        ),
        (#"{"messages":[{"role":"user","content":"q"},{"role":"assistant"}]}"#, "a turn of 'assistant' has no content"),
        (
            #"{"messages":[{"role":"user","content":[{"type":"image_url"}]},{"role":"assistant","content":"x"}]}"#,
            "a part of type 'image_url'"
        ),
        (#"{"messages":[{"from":"human","value":"q"}]}"#, #"must be a list of {"role","content"}"#),
        (
            #"{"messages":[{"role":"user","content":"q"},{"role":"user","content":"q"}]}"#,
            "none of 'messages' is the assistant's"
        ),
        (
            #"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"tools":{"a":1}}"#,
            "'tools' must be a list"
        ),
        (#"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"tools":"x"}"#, "not JSON"),
        (
            #"{"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a"}],"chat_template_kwargs":[]}"#,
            "must be an object"
        ),
    ])
    func badConversationsAreNamed(_ line: String, _ part: String) throws {
        try refuses(DemonstrationRow.self, line, part)
    }

    @Test func rowsThatCannotBeEncodedObeyTheRules() throws {
        let file = try TemporaryFile((1...6).map { #"{"text":"\#($0)"}"# }.joined(separator: "\n"))
        func read(_ onBadLine: BadLine, _ rule: LengthLimit.Rule) throws -> EncodedRows<String> {
            try EncodedRows(TextRow.self, path: file.path, onBadLine: onBadLine, rule: rule) { row in
                switch row.text {
                case "2": throw TokenizerError(.template, "roles must alternate")
                case "4": throw RowProblem("nothing to learn")
                case "5": return rule == .truncate ? .cut("five", "too many") : .tooLong("too many")
                default: return .row(row.text)
                }
            }
        }
        #expect { try read(.stop, .skip) } throws: { "\($0)".contains("\(file.path):2: roles must alternate") }
        let skipping = try read(.skip, .skip)
        #expect(skipping.values == ["1", "3", "6"] && skipping.lines == [1, 3, 6])
        #expect(skipping.skipped == 2 && skipping.tooLong == 1 && skipping.cut == 0)
        #expect(skipping.summary?.contains("of 6 rows 2 bad, 1 too long") == true)
        #expect(skipping.problems.contains("\(file.path):5: too many"))
        let bad = try read(.skip, .error)
        #expect(bad.skipped == 3 && bad.tooLong == 0 && bad.problems.contains { $0.contains(":5: too many") })
        let cut = try read(.skip, .truncate)
        #expect(cut.values == ["1", "3", "five", "6"] && cut.cut == 1 && cut.figures["truncated"] == 1)
        let long = try TemporaryFile(#"{"text":"5"}"#)
        #expect {
            try EncodedRows<String>(TextRow.self, path: long.path, onBadLine: .stop, rule: .error) { _ in
                .tooLong("big")
            }
        } throws: { "\($0)".contains(":1: big; data.too_long") }
        #expect {
            try EncodedRows<String>(TextRow.self, path: long.path, onBadLine: .stop, rule: .skip) { _ in .tooLong("big")
            }
        } throws: { "\($0)".contains("none of its 1 lines is good") }
    }

    @Test func whatIsNotToBeLearnedIsHonouredOrRefused() throws {
        func answer(_ more: String) -> String { #"{"role":"assistant","content":"A1",\#(more)}"# }
        func learned(_ turn: String) throws -> [Bool] {
            let file = try TemporaryFile(#"{"messages":[\#(Self.q1),\#(turn),\#(Self.q2),\#(Self.yes)]}"#)
            let row = try #require(try LoadedRows<DemonstrationRow>.read(path: file.path).rows.first)
            return row.completion.turns.filter { $0.role == "assistant" }.map(\.isLearned)
        }
        for (more, isLearned) in [
            (#""weight":0"#, false), (#""weight":0.0"#, false), (#""train":false"#, false), (#""weight":1"#, true),
            (#""weight":1.0,"train":true"#, true), (#""weight":null,"train":null"#, true),
        ] { #expect(try learned(answer(more)) == [isLearned, true], "\(more)") }
        for (more, name) in [
            (#""weight":0.5"#, "'weight' of turn 2 in 'messages' is 0.5"), (#""weight":"0""#, "'weight' of turn 2"),
            (#""weight":-1"#, "'weight' of turn 2"), (#""train":0"#, "'train' of turn 2"),
        ] {
            try refuses(
                DemonstrationRow.self, #"{"messages":[\#(Self.q1),\#(answer(more)),\#(Self.q2),\#(Self.yes)]}"#, name)
        }
        for more in [#""weight":0"#, #""train":false"#] {
            try refuses(DemonstrationRow.self, #"{"messages":[\#(Self.q1),\#(answer(more))]}"#, "leaves no turn")
            try refuses(DemonstrationRow.self, #"{"prompt":"q","completion":[\#(answer(more))]}"#, "leaves no turn")
        }
        try refuses(
            DemonstrationRow.self,
            #"{"messages":[{"role":"user","content":"Q1","train":true},\#(Self.a1)]}"#, "only turns of the assistant")
        let row = #"{"prompt":"Q?","completion":"5.","#
        for more in [
            #""label":false"#, #""label":0"#, #""label":"false""#, #""label":"False""#, #""label":0.0"#,
            #""train":false"#, #""weight":0"#, #""weight":0.5"#,
        ] { try refuses(DemonstrationRow.self, "\(row)\(more)}", more.split(separator: "\"")[0] + "' is ") }
        for more in [#""label":1"#, #""label":true"#, #""label":"positive""#, #""train":true"#, #""weight":1"#] {
            let file = try TemporaryFile("\(row)\(more)}")
            #expect(throws: Never.self, "\(more)") { try LoadedRows<DemonstrationRow>.read(path: file.path) }
        }
    }

    @Test func marginsAreRead() throws {
        for (more, margin) in [("", 0.0), (#","margin":0.5"#, 0.5), (#","margin":null"#, 0), (#","margin":-2"#, -2)] {
            #expect(try pair(#"{"prompt":"p","chosen":"a","rejected":"b"\#(more)}"#).margin == margin)
        }
        for bad in ["NaN", "Infinity", #""much""#, "[1]"] {
            try refuses(
                PreferenceRow.self, #"{"prompt":"p","chosen":"a","rejected":"b","margin":\#(bad)}"#, "'margin'")
        }
    }

    /// Tables have empty texts where there is nothing.
    @Test func emptyTextsAreNoValues() throws {
        let messages = #""messages":[\#(Self.q1),\#(Self.a1)]"#
        for empty in [#""prompt":"""#, #""tools":"""#, #""chat_template_kwargs":"""#, #""prompt":"","tools":"""#] {
            let file = try TemporaryFile("{\(empty),\(messages)}")
            let row = try #require(try LoadedRows<DemonstrationRow>.read(path: file.path).rows.first)
            #expect(row.completion.turns.count == 2 && row.inputs == TemplateInputs())
        }
        let file = try TemporaryFile(#"{"prompt":"","messages":[\#(Self.q1)]}"#)
        let row = try #require(try LoadedRows<PromptRow>.read(path: file.path).rows.first)
        #expect(row.prompt == .turns([turn("user", "Q1")]))
        try refuses(PromptRow.self, #"{"prompt":""}"#, "the prompt is empty")
        try refuses(DemonstrationRow.self, #"{\#(messages),"chat_template_kwargs":{"tools":[]}}"#, "cannot set 'tools'")
    }
}
