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

    /// Answers come from a server that fails now and then; what it does not answer is counted and left out.
    @Test func answersAreGatheredFromAServer() async throws {
        let script = try #require(
            Bundle.module.url(forResource: "chat_server", withExtension: "py", subdirectory: "Fixtures"))
        let server = try Running(Self.python, [script.path])
        let port = try #require(
            try await eventually { server.output.split(separator: "\n").first.flatMap { Int($0) } }, "\(server.error)")
        let folder = try Skein.Folder()
        try folder.write("prompts.jsonl", (0..<20).map { #"{"prompt":"question \#($0)"}"# }.joined(separator: "\n"))
        func gather(_ more: String...) async throws -> Skein.Result {
            try await Skein.run(
                [
                    "feedback", "gather", "--prompts", folder.path + "/prompts.jsonl", "--output",
                    folder.path + "/tasks.jsonl",
                ] + more)
        }
        let url = "http://127.0.0.1:\(port)/v1"
        let result = try await gather("--endpoint", url, "--model", "a", "--model", "b", "--answers", "1")
        #expect(result.status == 0 && result.error.contains("20 of 20 prompts"), "\(result.error)")
        let lines = try String(contentsOfFile: folder.path + "/tasks.jsonl", encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 20)
        #expect(
            lines[3]
                == #"{"prompt": "question 3", "answers": [{"source": "a", "text": "a on question 3"}, {"source": "b", "text": "b on question 3"}]}"#
        )
        let same = try await gather("--endpoint", url, "--model", "a")
        #expect(same.status == 75 && same.error.contains("two different answers"), "\(same.error)")
        let none = try await gather("--endpoint", url, "--model", "unknown")
        #expect(none.status == 78 && none.error.contains("no such model"), "\(none.error)")
        let far = try await gather("--endpoint", "http://example.com/v1", "--model", "a")
        #expect(far.status == 78 && far.error.contains("not this machine"), "\(far.error)")
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
