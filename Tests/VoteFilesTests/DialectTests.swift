import Foundation
import Preferences
import Testing

@testable import VoteFiles

/// Every label of every dialect: counts in are counts used.
@Suite struct DialectTests {
    private func options(_ set: (inout ImportOptions) -> Void) -> ImportOptions {
        var options = ImportOptions()
        set(&options)
        return options
    }

    /// The text that a vote prefers.
    private func better(_ vote: Vote) -> String? {
        vote.verdict == .left ? vote.left.text : vote.verdict == .right ? vote.right.text : nil
    }

    @Test func ownRowsHaveFiveVerdicts() throws {
        let rows = Verdict.allCases.enumerated().map { index, verdict in
            #"{"prompt_id":"\#(index)","left":{"id":"a"},"right":{"id":"b"},"annotator":"w","verdict":"\#(verdict.rawValue)"}"#
        }
        let result = try imported("votes", rows.joined(separator: "\n"))
        for verdict in Verdict.allCases { #expect(result.outcomes[verdict.rawValue] == [verdict.rawValue: 1]) }
    }

    /// Ranks in another order than 1, 2, 3, with two answers that are equal; and rows that compare nothing.
    @Test func ownRankings() throws {
        let answers = ["x", "y", "z"].map { #"{"id":"\#($0)","source":"s\#($0)","text":"text \#($0)"}"# }
        let head = #""task":"t","prompt_id":"p","annotator":"w","seconds":30,"#
        let ranking =
            #"{"kind":"ranking",\#(head)"answers":[\#(answers.joined(separator: ","))],"ranking":[["z"],["x","y"]]}"#
        let skip = #"{"kind":"ranking",\#(head)"answers":[],"verdict":"skip"}"#
        let rating = #"{"kind":"rating",\#(head)"answers":[],"ratings":{}}"#
        let result = try imported("votes", [ranking, skip, rating].joined(separator: "\n"))
        #expect(
            result.outcomes == [
                "ranking of 3": ["right": 2, "tie": 1], "ranking": ["unused: the ranking was skipped": 1],
                "rating": ["unused: a row of this kind compares nothing": 1],
            ])
        #expect(result.votes.map(better) == [nil, "text z", "text z"])
        #expect(result.votes.allSatisfy { abs($0.weight - 1.0 / 3) < 1e-12 && $0.ranking == "t:w" })
        #expect(AnnotatorFacts.all(result.votes).first?.payableSeconds == 30, "the time was spent once")
        #expect(problem("votes", ranking.replacing(#"["z"]"#, with: #"["q"]"#)).contains("names 'q'"))
        #expect(problem("votes", ranking.replacing(#"["z"]"#, with: #"["x"]"#)).contains("each id once"))
    }

    @Test func transcriptsOfHH() throws {
        let result = try imported(
            "hh",
            #"""
            {"chosen":"\n\nHuman: Hi\n\nAssistant: Hello.","rejected":"\n\nHuman: Hi\n\nAssistant: Go away."}
            {"chosen":"\n\nHuman: Hi\n\nAssistant: Same.","rejected":"\n\nHuman: Hi\n\nAssistant: Same."}
            """#)
        #expect(
            result.outcomes == [
                "chosen": [
                    result.votes[0].verdict.rawValue: 1, "unused: both answers are the same": 1,
                ]
            ])
        let vote = result.votes[0]
        #expect(better(vote) == " Hello." && vote.prompt.hasSuffix("Assistant:") && !vote.isOrderKnown)
        #expect(vote.annotator == "hh")
        #expect(problem("hh", #"{"chosen":"a","rejected":"b"}"#).contains("no turn of 'Assistant:'"))
    }

    @Test(arguments: [
        (#"{"prompt":"q","chosen":"good","rejected":"bad"}"#, "chosen"),
        (#"{"question":"q","chosen":"good","rejected":"bad","p_chosen":0.9}"#, "chosen"),
        (
            #"{"chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"bad"}]}"#,
            "chosen"
        ),
        (#"{"instruction":"q","input":"","output_1":"good","output_2":"bad","preference":1}"#, "1"),
        (#"{"instruction":"q","output_1":"bad","output_2":"good","preference":1.8}"#, "1.8"),
        (#"{"prompt":"q","response_0":"bad","response_1":"good","better_response_id":1}"#, "1"),
        (#"{"history":"q","human_ref_A":"good","human_ref_B":"bad","labels":1}"#, "1"),
        (#"{"prompt":"q","response_a":"bad","response_b":"good","winner":"model_b"}"#, #""model_b""#),
        (#"{"prompt":"q","answer_a":"good","answer_b":"bad","preference":"A"}"#, #""A""#),
    ])
    func pairsInTheCommonShapes(_ row: String, _ label: String) throws {
        let result = try imported("pairs", row)
        #expect(result.outcomes.keys.sorted() == [label])
        let vote = try #require(result.votes.first)
        #expect(better(vote) == "good" && vote.prompt.contains("q"), "\(vote)")
        if row.contains("p_chosen") { #expect(max(vote.score ?? 0, 1 - (vote.score ?? 0)) == 0.9) }
    }

    @Test(arguments: [
        (#"{"prompt":"q","output_1":"a","output_2":"b","preference":0}"#, "0"),
        (#"{"prompt":"q","output_1":"a","output_2":"b","preference":1.5}"#, "1.5"),
        (#"{"prompt":"q","response_a":"a","response_b":"b","winner":"tie"}"#, #""tie""#),
    ])
    func tiesOfPairs(_ row: String, _ label: String) throws {
        #expect(try imported("pairs", row).outcomes == [label: ["tie": 1]])
    }

    @Test(arguments: [
        (#"{"prompt":"q","output_1":"a","output_2":"b","preference":3}"#, "'preference' is 3"),
        (#"{"prompt":"q","response_0":"a","response_1":"b","better_response_id":2}"#, "use 0 or 1"),
        (#"{"prompt":"q","response_a":"a","response_b":"b","winner":"neither"}"#, "model_a, model_b or tie"),
        (#"{"prompt":"q","chosen":"a","rejected":"b","p_chosen":0.2}"#, "less than one half"),
        (#"{"output_1":"a","output_2":"b","preference":1}"#, "'prompt' is missing"),
        (#"{"prompt":"q"}"#, "no two answers"),
    ])
    func pairsThatMeanNothingAreRefused(_ row: String, _ message: String) {
        #expect(problem("pairs", row).contains(message), "\(problem("pairs", row))")
    }

    @Test func oneAnswerWithALabelIsNoPair() throws {
        let rows =
            #"{"prompt":"q","completion":"a","label":true}"# + "\n" + #"{"prompt":"q","chosen":"a","rejected":"b"}"#
        let result = try imported("pairs", rows)
        #expect(result.outcomes["label"] == ["unused: one answer with a label is no pair": 1])
    }

    /// The sides of such files mean nothing, so they are drawn; always chosen left would look like a habit.
    @Test func sidesOfChosenAndRejectedAreBalanced() throws {
        let rows = (0..<200).map { #"{"prompt":"q\#($0)","chosen":"good \#($0)","rejected":"bad \#($0)"}"# }
        let votes = try imported("pairs", rows.joined(separator: "\n")).votes
        let left = votes.count { $0.verdict == .left }
        #expect((60...140).contains(left) && votes.allSatisfy { better($0)?.hasPrefix("good") == true })
        #expect(AnnotatorFacts.all(votes).first?.leftShare == nil)
    }

    @Test func ultraFeedback() throws {
        func row(_ chosen: String, _ rejected: String, _ text: String = "bad") -> String {
            #"{"prompt":"q","prompt_id":"1","chosen":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"#
                + #""rejected":[{"role":"user","content":"q"},{"role":"assistant","content":"\#(text)"}],"#
                + #""messages":[{"role":"user","content":"q"},{"role":"assistant","content":"good"}],"#
                + #""score_chosen":\#(chosen),"score_rejected":\#(rejected)}"#
        }
        let argilla =
            #"{"instruction":"q","chosen_response":"good","rejected_response":"bad","chosen_avg_rating":4.5,"#
            + #""rejected_avg_rating":2,"chosen_model":"m1","rejected_model":"m2","source":"x"}"#
        let rows = [row("8", "3"), row("5", "5"), row("1", "9"), row("8", "3", "good"), argilla]
        let result = try imported("ultrafeedback", rows.joined(separator: "\n"))
        #expect(result.outcomes["equal scores"] == ["tie": 1])
        let chosen = try #require(result.outcomes["chosen"])
        #expect(chosen["unused: the chosen answer has the lower score"] == 1)
        #expect(chosen["unused: both answers are the same"] == 1)
        #expect(
            result.votes.count == 3 && result.votes.filter { $0.verdict != .tie }.allSatisfy { better($0) == "good" })
        #expect(Set([result.votes[2].left.source, result.votes[2].right.source]) == ["m1", "m2"])
        #expect(problem("ultrafeedback", row("11", "3")).contains("outside of 0 to 10"))
    }

    @Test func helpSteer() throws {
        let third =
            #"{"domain":"code","language":"python","context":[{"role":"user","content":"q"}],"response1":"one","#
            + #""response2":"two","overall_preference":-2,"#
            + #""individual_preference":[{"score":-3,"reasoning":"r"},{"score":-1},{"score":0},{"score":2}]}"#
        let second = #"{"prompt":"q","response_1":"one","response_2":"two","preference_strength":1}"#
        let result = try imported("helpsteer", third + "\n" + second)
        #expect(
            result.outcomes == [
                "-3": ["left": 1], "-1": ["left": 1], "0": ["tie": 1], "2": ["right": 1], "1": ["right": 1],
            ])
        #expect(result.votes.map(\.strength) == [3, 1, nil, 2, 1] && result.votes.allSatisfy(\.isOrderKnown))
        #expect(Set(result.votes.map(\.annotator)).count == 5)
        #expect(problem("helpsteer", second.replacing(":1}", with: ":4}")).contains("from -3 to 3"))
    }

    @Test func arena() throws {
        func row(_ winner: String, _ order: Int, _ session: String) -> String {
            let talk = { (text: String) in
                #"[{"role":"user","content":"q"},{"role":"assistant","content":"\#(text)"}]"#
            }
            return #"{"id":"\#(session)\#(order)","model_a":"m1","model_b":"m2","winner":"\#(winner)","#
                + #""evaluation_session_id":"\#(session)","evaluation_order":\#(order),"conversation_a":\#(talk("one")),"#
                + #""conversation_b":\#(talk("two")),"language":"en","conv_metadata":{"sum_assistant_a_tokens":300,"#
                + #""sum_assistant_b_tokens":100,"header_count_a":{"h1":1,"h2":2},"header_count_b":{},"list_count_a":4,"#
                + #""list_count_b":0,"bold_count_a":{"**":5},"bold_count_b":{"**":0}},"tstamp":1700000000.5}"#
        }
        let labels = ["model_a", "model_b", "tie", "both_bad", "tie (bothbad)"]
        let rows = labels.enumerated().map { row($1, $0 + 1, "s\($0 / 2)") }
        let result = try imported("arena", rows.joined(separator: "\n"))
        #expect(
            result.outcomes == [
                "model_a": ["left": 1], "model_b": ["right": 1], "tie": ["tie": 1], "both_bad": ["both_bad": 1],
                "tie (bothbad)": ["both_bad": 1],
            ])
        let vote = result.votes[0]
        #expect(vote.left.text == "one" && vote.left.source == "m1" && vote.session == "s0" && vote.prompt == "user: q")
        #expect(vote.left.style == StyleCounts(length: 300, headers: 3, lists: 4, bold: 5))
        #expect(vote.votedAt == Date(timeIntervalSince1970: 1_700_000_000.5))
        var votes = result.votes
        HoldOut.assign(&votes, share: 0.5)
        #expect(Leakage(votes).sessions.isEmpty, "sessions are not divided")
        #expect(problem("arena", row("A", 1, "s")).contains("--label 'A=VERDICT'"))
        let mapped = try imported("arena", row("A", 1, "s"), options { $0.labels = ["A": .left] })
        #expect(mapped.outcomes == ["A": ["left": 1]])
    }

    @Test func battlesByName() throws {
        let rows = [(0.9, "x"), (0.2, "x"), (0.5, "x"), (1, "base")].map { p, model in
            #"{"prompt":256,"a":"base","b":"\#(model)","p_b":\#(p),"annotator":"judge"}"#
        }
        let result = try imported("battles", rows.joined(separator: "\n"))
        #expect(result.outcomes == ["p_b > 0.5": ["right": 2], "p_b < 0.5": ["left": 1], "p_b = 0.5": ["tie": 1]])
        #expect(abs((result.votes[0].score ?? 0) - 0.1) < 1e-12 && result.votes[0].promptID == "256")
        #expect(problem("battles", rows[0].replacing("0.9", with: "1.9")).contains("outside of 0 to 1"))
    }

    private static let studio = #"""
        [{"id": 7, "data": {"prompt": "q", "answer1": "one", "answer2": "two"}, "annotations": [
          {"completed_by": {"id": 3, "email": "a@b.c"}, "lead_time": 12.5, "created_at": "2021-03-09T21:52:49.513742Z",
           "was_cancelled": false, "ground_truth": false,
           "result": [{"from_name": "pw", "to_name": "x", "type": "pairwise", "value": {"selected": "left"}}]},
          {"completed_by": {"email": "b@b.c"}, "result": [{"from_name": "pw", "type": "pairwise", "value": {"selected": "right"}}]},
          {"completed_by": 5, "was_cancelled": true, "result": []},
          {"completed_by": 6, "result": []},
          {"completed_by": 8, "result": [{"from_name": "c", "type": "choices", "value": {"choices": ["same"]}}]},
          {"completed_by": 9, "ground_truth": true,
           "result": [{"from_name": "pw", "type": "pairwise", "value": {"selected": "left"}}]}]}]
        """#

    @Test func labelStudio() throws {
        let sides = options {
            ($0.left, $0.right) = ("answer1", "answer2")
            $0.labels = ["same": .tie]
        }
        let result = try imported("label-studio", Self.studio, sides)
        #expect(
            result.outcomes == [
                "left": ["left": 1], "right": ["right": 1], "skipped": ["skip": 1], "same": ["tie": 1],
                "empty": ["unused: the annotation has no result": 1],
                "ground truth": ["unused: it says what is right and is no vote": 1],
            ])
        #expect(result.pseudonyms == 1 && result.votes.map(\.annotator) == ["3", "annotator-1", "5", "8"])
        #expect(result.votes.allSatisfy { $0.isGold && $0.expected == .left && $0.left.text == "one" })
        #expect(result.votes[0].seconds == 12.5)
        #expect(problem("label-studio", Self.studio).contains("there are: prompt, answer1, answer2"))
        let unknown = Self.studio.replacing(#""selected": "right""#, with: #""selected": "middle""#)
        #expect(problem("label-studio", unknown, sides).contains("--label 'middle=VERDICT'"))
    }

    @Test func labelStudioMin() throws {
        let sides = options { ($0.left, $0.right) = ("answer1", "answer2") }
        let rows = ["left", "right", "left"].enumerated().map { index, side in
            #"{"id":\#(index),"prompt":"q","answer1":"one","answer2":"two","pw":"\#(side)","annotator":1,"annotation_id":4,"created_at":"2021-03-09T21:52:49Z","lead_time":3}"#
        }
        let result = try imported("label-studio", "[\(rows.joined(separator: ",\n"))]", sides)
        #expect(result.outcomes == ["left": ["left": 2], "right": ["right": 1]])
    }

    @Test func argillaLabels() throws {
        let sides = options { ($0.left, $0.right) = ("response-1", "response-2") }
        let fields = #""fields":{"prompt":"q","response-1":"one","response-2":"two"}"#
        let nested =
            #"{"id":"r",\#(fields),"responses":{"better":[{"value":"response-1","user_id":"u1"},"#
            + #"{"value":"response-2","user_id":"u2"},{"value":"tie","user_id":"u3"}]},"status":"completed"}"#
        let first =
            #"{\#(fields),"responses":[{"user_id":"u1","values":{"better":{"value":"response-2"}},"status":"submitted"},"#
            + #"{"user_id":"u2","values":{},"status":"discarded"},{"user_id":"u4","values":{"better":{"value":"response-1"}},"status":"draft"}]}"#
        let flat =
            #"{"prompt":"q","response-1":"one","response-2":"two","better.responses":["response-1"],"#
            + #""better.responses.users":["u9"],"better.responses.status":["submitted"]}"#
        let result = try imported("argilla", [nested, first, flat].joined(separator: "\n"), sides)
        #expect(
            result.outcomes == [
                "response-1": ["left": 2], "response-2": ["right": 2], "tie": ["tie": 1], "discarded": ["skip": 1],
                "draft": ["unused: the response is not submitted": 1],
            ])
        #expect(problem("argilla", nested).contains("--left KEY --right KEY"))
        #expect(
            problem("argilla", nested.replacing(#""tie""#, with: #""same""#), sides).contains("--label 'same=VERDICT'"))
    }

    /// Ranks other than 1, 2, 3 in the order of the list are read as they are.
    @Test func argillaRankings() throws {
        let row =
            #"{"id":"r","fields":{"prompt":"q","a":"one","b":"two","c":"three"},"responses":{"order":[{"user_id":"u1","#
            + #""value":[{"value":"a","rank":3},{"value":"b","rank":1},{"value":"c","rank":3}]}]}}"#
        let result = try imported("argilla", row)
        #expect(result.outcomes["ranking of 3"]?.values.reduce(0, +) == 3)
        let votes = result.votes
        #expect(votes.map(better) == ["two", nil, "two"] && votes[1].verdict == .tie)
        #expect(votes.allSatisfy { abs($0.weight - 1.0 / 3) < 1e-12 && $0.ranking == "r:u1" })
    }

    @Test func brokenArraysAreRefusedWithTheirLine() {
        #expect(problem("votes", "[{},\n{]").contains("votes.jsonl:2: the file is not valid JSON"))
        #expect(problem("votes", "[1]").contains("an integer, not an object"))
    }
}
