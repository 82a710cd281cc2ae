import Foundation
import Testing

/// People who label in a real browser, against the real server.
@Suite(.serialized, .onItsOwnThread) struct LabellingTests {
    private static let python = ProcessInfo.processInfo.environment["SKEIN_PYTHON"] ?? "/usr/bin/python3"

    /// Two people label 50 pairs each by keyboard while the server is killed between and during votes; others rank, rate, write
    /// and review. What is exported is what they pressed.
    @Test func noVoteIsLostOrDoubledWhileTheServerIsKilled() async throws {
        let script = try #require(
            Bundle.module.url(forResource: "labelling", withExtension: "py", subdirectory: "Fixtures"))
        let folder = try Skein.Folder()
        let result = try await Running(Self.python, [script.path, Skein.executable.path, folder.path])
            .result(within: 900)
        #expect(result.status == 0, "\(result.output)\n\(result.error)")
        #expect(result.output.contains("pairs: 50 votes each"))
    }

    @Test func mistakesOfTheCommandLineAreNamed() async throws {
        let folder = try Skein.Folder()
        let store = folder.path + "/f.sqlite"
        func feedback(_ words: String...) async throws -> Skein.Result {
            try await Skein.run(["feedback"] + words + ["--store", store])
        }
        let none = try await feedback("status")
        #expect(none.status == 78 && none.error.contains("skein feedback serve --store \(store)"), "\(none.error)")
        try folder.write(
            "tasks.jsonl",
            #"""
            {"prompt":"a","answers":[{"source":"x","text":"1"},{"source":"y","text":"2"}]}
            {"prompt":"b","answers":[{"source":"x","text":"1"}]}
            """#)
        let tasks = folder.path + "/tasks.jsonl"
        let bad = try await feedback("serve", "--tasks", tasks)
        #expect(bad.status == 78 && bad.error.contains("tasks.jsonl:2: a comparison needs two answers"), "\(bad.error)")
        let far = try await feedback("serve", "--listen", "0.0.0.0:80")
        #expect(far.status == 78 && far.error.contains("proxy"), "\(far.error)")
        for words in [["--mode", "duel"], ["--public-url", "label.example.com"], ["--pairs-per-prompt", "0"]] {
            #expect(try await Skein.run(["feedback", "serve", "--store", store] + words).status == 2, "\(words)")
        }
        let overlap = try await feedback("serve", "--overlap", "0")
        #expect(overlap.status == 78 && overlap.error.contains("overlap"), "\(overlap.error)")
        let nobody = try await feedback("erase", "Ann")
        #expect(nobody.status == 78 && nobody.error.contains("nobody was invited yet"), "\(nobody.error)")
    }
}
