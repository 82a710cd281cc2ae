import Foundation
import Preferences
import Testing
import Tokenizers

@testable import VoteFiles

@Suite struct VoteRowTests {
    private static let full = #"""
        {"task":"t1","prompt_id":"p1","prompt":"Why?","left":{"id":"x","source":"policy","text":"Because."},
        "right":{"id":"y","source":"sft","text":"No."},"annotator":"w1","verdict":"right","strength":2,
        "shown_at":"2026-03-29T02:30:00+02:00","voted_at":1774744205.25,"seconds":4.5,"idle_seconds":1,
        "flags":{"left":["made_up_fact"],"y":{"unsafe":true,"other":false}},"gold":true,"expected":"left",
        "groups":{"country":"KE"},"split":"train","session":"s","language":"en","further":[1]}
        """#.replacing("\n", with: "")

    @Test func everyFieldIsRead() throws {
        let vote = try #require(try imported(rows: Self.full).first)
        #expect(vote.winner == "y" && vote.strength == 2 && vote.isGold && vote.expected == .left)
        #expect(vote.flags == ["x": ["made_up_fact"], "y": ["unsafe"]])
        #expect(vote.groups == ["country": "KE"] && vote.split == "train" && vote.session == "s")
        #expect(vote.seconds == 4.5 && vote.idleSeconds == 1)
        let line = VoteLine.text(vote)
        #expect(line.contains(#""shown_at": "2026-03-29T00:30:00.000Z""#), "\(line)")
        #expect(line.contains(#""voted_at": "2026-03-29T00:30:05.250Z""#), "\(line)")
        #expect(line.contains(#""winner": "y""#) && !line.contains("\n"))
        #expect(try imported(rows: line) == [vote])
    }

    @Test(arguments: [
        (#""verdict":"right""#, #""verdict":"B""#, "must be one of left, right, tie, both_bad, skip"),
        (#""verdict":"right""#, #""verdict":"right","winner":"x""#, "is not what 'verdict' (right) says"),
        (#""strength":2"#, #""strength":4"#, "'strength' must be 1, 2 or 3"),
        (#""id":"y""#, #""id":"x""#, "the same id"),
        (#""annotator":"w1","#, "", "'annotator' is missing"),
        ("+02:00", "+2", "'shown_at' is no time"),
        (#""seconds":4.5"#, #""seconds":-1"#, "'seconds' must be a number of seconds"),
        (#""gold":true"#, #""gold":"left""#, "the right verdict stands in 'expected'"),
        (#""split":"train""#, #""probability_left":1.5"#, "from 0 to 1"),
        (#""split":"train""#, #""weight":-1"#, "'weight' must be"),
    ])
    func wrongRowsAreRefusedWithFileAndLine(_ part: String, _ instead: String, _ message: String) {
        let text = problem("votes", "\n" + Self.full.replacing(part, with: instead))
        #expect(text.contains(message) && text.contains("votes.jsonl:2: "), "\(text)")
    }

    @Test func wrongRowsMayBePassedOverAndAreCounted() throws {
        let result = try imported("votes", "{}\n\(Self.full)\nnot json\n", skipsBadRows: true)
        #expect(result.votes.count == 1 && result.skippedRows == 2 && result.problems.count == 2)
        #expect(problem("votes", "{}\n").contains("--on-error skip"))
        #expect(problem("votes", "\n\n").contains("holds no vote"))
    }

    @Test(arguments: [
        ("2026-11-30T16:00:35.123Z", 1_796_054_435.123), ("2024-02-29 23:59:60", 1_709_251_200),
        ("1969-12-31T23:59:59Z", -1), ("2026-10-25T02:30:00+01:00", 1_792_891_800),
        ("2026-11-30T16:00+0530", 1_796_034_600),
    ])
    func timesAreRead(_ text: String, _ seconds: Double) throws {
        let date = try #require(VoteTime.date(text))
        #expect(abs(date.timeIntervalSince1970 - seconds) < 1e-6)
        #expect(VoteTime.date(VoteTime.text(date)) == date)
    }

    @Test(arguments: [
        "", "2026", "2026-02-30T00:00:00Z", "2026-13-01T00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00Zx",
    ])
    func noTimesAreRefused(_ text: String) { #expect(VoteTime.date(text) == nil) }

    @Test func datesOfAllDaysComeBack() throws {
        for day in stride(from: -200_000, to: 200_000, by: 997) {
            let date = Date(timeIntervalSince1970: Double(day) * 86_400 + 12_345)
            #expect(VoteTime.date(VoteTime.text(date)) == date)
        }
    }

    @Test func dataCardsSayWhatIsKnownAndWhatIsNot() throws {
        let result = try imported("votes", Self.full)
        let card = DataCard(name: "a|b.jsonl", votes: result.votes, tally: result.tally).markdown
        for part in [
            "# Data card: a|b.jsonl", "1 votes of 1 annotators on 1 pairs", "| right | 1 |", "Licence: not stated",
            "2026-03-29T00:30:05.250Z", "Votes by country: KE 1", "pseudonym",
        ] { #expect(card.contains(part), "\(part) in\n\(card)") }
    }
}
