import Foundation
import Preferences
import Testing

@testable import VoteFiles

/// A folder of its own, which goes away with the test.
final class Folder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "votes-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ text: String, _ name: String = "votes.jsonl") throws -> String {
        let file = url.appending(path: name)
        try Data(text.utf8).write(to: file)
        return file.path
    }
}

/// Imports a text, and checks what holds for every dialect: each label is one vote or is unused with a reason.
func imported(
    _ kind: String, _ text: String, _ options: ImportOptions = ImportOptions(), skipsBadRows: Bool = false
) throws -> VoteImport {
    let folder = try Folder()
    let dialect = try #require(VoteDialects.named(kind))
    let result = try VoteImport.read([folder.file(text)], dialect, options, skipsBadRows: skipsBadRows)
    let unused = result.tally.lines.filter { $0.outcome.hasPrefix("unused: ") }.reduce(0) { $0 + $1.count }
    #expect(result.tally.read == result.votes.count + unused)
    // What was made of it is read back as it was written.
    for vote in result.votes {
        let line = VoteLine.text(vote)
        // Times are written with milliseconds.
        #expect(try imported(rows: line).map { VoteLine.text($0) } == [line])
    }
    return result
}

func imported(rows text: String) throws -> [Vote] {
    let folder = try Folder()
    return try VoteImport.read([folder.file(text)], VoteDialects.own).votes
}

/// The message of an import that fails.
func problem(_ kind: String, _ text: String, _ options: ImportOptions = ImportOptions()) -> String {
    do {
        _ = try imported(kind, text, options)
        return "no error"
    } catch {
        return "\(error)"
    }
}

extension VoteImport {
    /// For each label, what it became.
    var outcomes: [String: [String: Int]] { tally.labels }
}
