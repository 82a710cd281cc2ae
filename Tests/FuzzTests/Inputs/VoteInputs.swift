import Datasets
import Foundation
import Preferences
import VoteFiles

enum VoteInputs {
    /// Whatever a file holds, each label is a vote or is unused, a vote is read back as it was written, and the report of
    /// any votes is made.
    static func file(_ bytes: [UInt8]) throws {
        let path = "\(JournalInputs.folder)/votes.jsonl"
        try Data(bytes).write(to: URL(filePath: path))
        var options = ImportOptions()
        (options.left, options.right, options.annotator) = ("a", "b", "w")
        for dialect in VoteDialects.all {
            let result = try Finding.refusing({ $0 is DatasetError }) {
                try VoteImport.read([path], dialect, options, skipsBadRows: true)
            }
            guard let result else { continue }
            let unused = result.tally.lines.filter { $0.outcome.hasPrefix("unused: ") }.reduce(0) { $0 + $1.count }
            try Finding.expect(
                result.tally.read == result.votes.count + unused, "\(dialect.kind): labels are lost or doubled")
            try writtenAndRead(result.votes)
            _ = FeedbackAnalysis(result.votes).uses
            _ = DataCard(name: "votes", votes: result.votes, tally: result.tally).markdown
        }
    }

    private static func writtenAndRead(_ votes: [Vote]) throws {
        let lines = votes.map { VoteLine.text($0) }
        let path = "\(JournalInputs.folder)/written.jsonl"
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path))
        let back = try VoteImport.read([path], VoteDialects.own).votes
        try Finding.expect(back.map { VoteLine.text($0) } == lines, "votes change when they are written and read again")
    }
}
