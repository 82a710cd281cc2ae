import Datasets
import Foundation
import Testing
import Tokenizers

/// Prompts with several answers, as the labelling server reads them.
@Suite struct AnswersRowTests {
    private func read(_ line: String) throws -> AnswersRow { try AnswersRow(RowObject(line: Data(line.utf8))) }

    private func problem(_ keys: String) -> String {
        let answers = #"[{"source":"a","text":"1"},{"source":"b","text":"2"}]"#
        do {
            _ = try read(#"{"prompt":"p","answers":\#(answers),\#(keys)}"#)
            return ""
        } catch {
            return (error as? RowProblem)?.message ?? "\(error)"
        }
    }

    @Test func allKeysAreRead() throws {
        let row = try read(
            #"""
            {"messages":[{"role":"user","content":"hi"}],"prompt_id":"x","mode":"pair","overlap":3,"gold":1,
             "entry_test":true,"people":["Ann"],"answers":[{"source":"a","text":"1","extra":0},{"source":"a","text":"2"}]}
            """#)
        #expect(row.prompt.turns.map(\.text) == ["hi"] && row.promptID == "x" && row.mode == .pair && row.overlap == 3)
        #expect(row.gold == .better(1) && row.isEntryTest && row.people == ["Ann"])
        #expect(row.answers == [.init(source: "a", text: "1"), .init(source: "a", text: "2")])
        #expect(try read(#"{"prompt":"p","answers":[],"gold":null}"#).gold == nil)
    }

    @Test(arguments: [
        (#""overlap":0"#, "'overlap'"), (#""overlap":"2""#, "'overlap'"), (#""mode":"duel""#, "'mode'"),
        (#""gold":2"#, "'gold'"), (#""gold":true"#, "'gold'"), (#""gold":"left""#, "'gold'"),
        (#""entry_test":true"#, "needs 'gold'"), (#""entry_test":1"#, "'entry_test'"), (#""people":[]"#, "'people'"),
        (#""people":["a",1]"#, "'people'"), (#""prompt_id":7"#, "'prompt_id'"),
        (#""answers":[{"text":"1"}]"#, "needs a 'source'"), (#""answers":[{"source":"a"}]"#, "needs a 'text'"),
        (#""answers":["1","2"]"#, "needs a 'text'"), (#""answers":{}"#, "'answers' must be a list"),
        (#""answers":[{"source":"a","text":"1"},{"source":"a","text":"1"}]"#, "twice"),
    ])
    func whatCannotBeIsNamed(_ keys: String, _ words: String) {
        #expect(problem(keys).contains(words), "\(problem(keys))")
    }

    @Test func modesNeedTheirAnswers() throws {
        func row(_ count: Int) throws -> AnswersRow {
            let answers = (0..<count).map { #"{"source":"\#($0)","text":"\#($0)"}"# }.joined(separator: ",")
            return try read(#"{"prompt":"p","answers":[\#(answers)]}"#)
        }
        #expect(try row(1).problem(in: .pair) != nil && row(9).problem(in: .pair) == nil)
        #expect(try row(1).problem(in: .ranking) != nil && row(6).problem(in: .ranking) == nil)
        #expect(try row(7).problem(in: .ranking) != nil && row(0).problem(in: .rating) != nil)
        #expect(try row(0).problem(in: .writing) == nil && row(7).problem(in: .writing) != nil)
    }
}
