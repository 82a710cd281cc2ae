import Foundation
import Preferences
import Testing

@testable import Reports

@Suite struct FeedbackReportTests {
    private static let hostile = "<script>alert('1')</script>\" onload=\""

    private func votes() -> [Vote] {
        let sources = ["policy", "sft", Self.hostile]
        var votes: [Vote] = []
        for prompt in 0..<60 {
            for (index, annotator) in ["ann", "ben", "<i>cy</i>"].enumerated() {
                let (a, b) = [(0, 1), (1, 2), (0, 2)][prompt % 3]
                let isMirrored = (prompt + index) % 2 == 0
                let answers = [a, b].map {
                    Answer(
                        id: "\($0)", source: sources[$0], text: String(repeating: "word ", count: 3 + $0 + prompt % 4))
                }
                var vote = Vote(
                    task: "\(prompt)", promptID: "\(prompt)", left: answers[isMirrored ? 1 : 0],
                    right: answers[isMirrored ? 0 : 1], annotator: annotator,
                    verdict: prompt % 10 == 9 ? .tie : ((prompt * 7 + index) % 5 < 3) != isMirrored ? .left : .right)
                vote.seconds = 12
                vote.groups["country"] = index == 0 ? "KE" : "DE"
                votes.append(vote)
            }
        }
        votes.append(votes[0])
        return votes
    }

    private func report(_ set: (inout FeedbackAnalysis.Options) -> Void = { _ in }) -> FeedbackReport {
        var options = FeedbackAnalysis.Options()
        set(&options)
        return FeedbackReport(FeedbackAnalysis(votes(), options))
    }

    @Test func theTextHasEveryPartAndItsScale() {
        let text = report { $0.eachAnnotator = true }.text()
        for part in [
            "181 votes were read; the counts below sum to 181.", "What limits these figures", "Leaderboard",
            "odds of ten to one", "Davidson", "depends on the order", "by chance", "time to pay", "12 min",
            "Whose preference: by country", "Leaderboard by ann alone", "Mean share of rows against columns",
            "exact repeat",
        ] { #expect(text.contains(part), "\(part) is missing in\n\(text)") }
    }

    @Test func thePageRunsNothingThatANameHolds() {
        let page = report().html()
        #expect(!page.contains("<script") && !page.contains("<i>cy") && page.contains("&lt;script&gt;"))
        #expect(!page.contains("onload=\"") && page.contains("default-src 'none'"))
        #expect(!page.contains("http://") && !page.contains("https://"), "it needs nothing else")
        #expect(page.contains("<svg class=\"intervals\"") && page.contains("class=\"matrix\""))
    }

    @Test func programsGetEveryFigure() throws {
        let json = try JSONSerialization.jsonObject(with: report().json()) as? [String: Any]
        let uses = try #require(json?["uses"] as? [String: Int])
        #expect(uses.values.reduce(0, +) == 181)
        let board = try #require(json?["leaderboard"] as? [[String: Any]])
        #expect(board.count == 3 && board.allSatisfy { $0["rating"] != nil })
    }

    @Test func longTablesEndWithAHint() {
        #expect(report().text(limit: 1).contains("… and 2 more (--html, --json)"))
    }

    @Test func nobodyIsLeftOutSilently() {
        let without = report { $0.excluded = ["ann"] }.text()
        #expect(without.contains("annotator left out") && without.contains("sum to 181"))
    }
}
