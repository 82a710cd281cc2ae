import Foundation
import Testing

/// `skein feedback import` and `report`, as a person types them.
@Suite(.serialized) struct FeedbackCommandTests {
    private func battles(_ folder: Skein.Folder) throws -> String {
        let rows = (0..<60).map { index in
            let names = [("a", "b"), ("b", "c"), ("a", "c")][index % 3]
            return
                #"{"prompt":\#(index / 3),"a":"\#(names.0)","b":"\#(names.1)","p_b":\#(index % 7 < 3 ? 0.8 : 0.1),"annotator":"judge"}"#
        }
        try folder.write("battles.jsonl", rows.joined(separator: "\n") + "\n")
        return folder.path + "/battles.jsonl"
    }

    @Test func whatIsImportedIsReported() async throws {
        let folder = try Skein.Folder()
        let file = try battles(folder)
        let (votes, card, page) = (folder.path + "/votes.jsonl", folder.path + "/card.md", folder.path + "/page.html")
        let imported = try await Skein.run(
            ["feedback", "import", "battles", file, "--output", votes, "--card", card, "--holdout", "0.3"])
        #expect(imported.status == 0 && imported.output.isEmpty, "\(imported.error)")
        #expect(imported.error.contains("60 rows, 60 labels, 60 votes") && imported.error.contains("splits: "))
        #expect(try String(contentsOfFile: card, encoding: .utf8).contains("# Data card: battles.jsonl"))
        let report = try await Skein.run(["feedback", "report", votes, "--html", page])
        #expect(report.status == 0 && report.output.contains("60 votes were read"), "\(report.error)")
        #expect(report.error.contains("page: \(page)"))
        #expect(try String(contentsOfFile: page, encoding: .utf8).hasPrefix("<!doctype html>"))
        let json = try await Skein.run(["feedback", "report", votes, "--json"])
        #expect(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) is [String: Any])
        let piped = try await Skein.run(["feedback", "import", "battles", file])
        #expect(piped.output.split(separator: "\n").count == 60)
    }

    @Test func mistakesAreNamed() async throws {
        let folder = try Skein.Folder()
        let file = try battles(folder)
        for (words, status, message) in [
            (["import", "nonsense", file], 2, "'nonsense' is no kind"),
            (["import", "arena", file], 78, "battles.jsonl:1: the key 'winner' is missing"),
            (["import", "battles", folder.path + "/gone.jsonl"], 78, "gone.jsonl"),
            (["import", "battles", file, "--label", "x=good"], 2, "--label x=good"),
            (["report", file], 78, "battles.jsonl:1: "),
        ] as [([String], Int32, String)] {
            let result = try await Skein.run(["feedback"] + words)
            #expect(result.status == status && result.error.contains(message), "\(words): \(result.error)")
        }
        let votes = folder.path + "/votes.jsonl"
        _ = try await Skein.run(["feedback", "import", "battles", file, "--output", votes])
        let excluded = try await Skein.run(["feedback", "report", votes, "--exclude", "nobody"])
        #expect(excluded.status == 2 && excluded.error.contains("no vote is by this annotator; there are: judge"))
    }
}
