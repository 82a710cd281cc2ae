import Foundation
import Testing

/// A run directory belongs to one command at a time, and goes on only with the inputs it was started with.
@Suite(.serialized, .onItsOwnThread) struct RunDirectoryTests {
    private func inode(_ path: String) -> UInt64? {
        (try? FileManager.default.attributesOfItem(atPath: path))?[.systemFileNumber] as? UInt64
    }

    /// Until some steps are made.
    private func waitForSteps(of run: TinyRun, _ live: Running) async throws {
        let isGoing = try await eventually {
            run.committed >= 2 ? true : nil
        }
        try #require(isGoing == true, "\(live.error) \(run.logs())")
    }

    @Test func freshBesideALiveRunTouchesNothing() async throws {
        let run = try await TinyRun(steps: 100)
        let live = try run.start()
        let journal = run.directory + "/journal.sqlite"
        try await waitForSteps(of: run, live)
        let before = inode(journal)
        for words in [
            ["run", run.file, "--fresh"], ["run", run.file], ["sft", run.file], ["coordinator", run.file],
        ] {
            let second = try await Skein.run(words)
            #expect(second.status == 75, "\(words): \(second.error)")
            #expect(
                second.error.contains("in use by process \(live.pid) (skein run)"), "\(words): \(second.error)")
        }
        #expect(before != nil && inode(journal) == before)
        live.signal(SIGTERM)
        #expect(try await live.result().status == 75)
        let rest = try await run.start().result()
        #expect(rest.status == 0, "\(rest.error) \(run.logs())")
        #expect(try run.policy().isEmpty == false)
    }

    /// The supervisor is gone at once, its processes are not; they write no more when the next command begins.
    @Test func freshAfterAKillWaitsForWhatIsLeft() async throws {
        let run = try await TinyRun(steps: 100)
        let live = try run.start()
        try await waitForSteps(of: run, live)
        live.signal(SIGKILL)
        _ = try await live.result()
        let fresh = try await Skein.run(["run", run.file, "--fresh", "--set", "ppo.steps=2"])
        #expect(fresh.status == 0, "\(fresh.error) \(run.logs())")
    }

    @Test func otherPromptsOrModelsAreRefusedByName() async throws {
        let run = try await TinyRun(steps: 2)
        try #require(try await run.start().result().status == 0)
        for (name, part) in [
            ("prompts.jsonl", "data.prompts"), ("base/config.json", "models.policy: config.json"),
            ("base/generation_config.json", "models.reference: generation_config.json"),
        ] {
            let path = "\(run.folder.path)/\(name)"
            let before = FileManager.default.contents(atPath: path)
            // White space alone: the contents count, not what is made of them.
            try ((before ?? Data("{}".utf8)) + Data("\n".utf8)).write(to: URL(filePath: path))
            let refused = try await run.start().result()
            #expect(refused.status == 78 && refused.error.contains(part), "\(refused.error)")
            #expect(refused.error.contains("--fresh"))
            if let before {
                try before.write(to: URL(filePath: path))
            } else {
                try FileManager.default.removeItem(atPath: path)
            }
        }
        let again = try await run.start().result()
        #expect(again.status == 0 && again.error.contains("used again"), "\(again.error)")
        try run.folder.write("prompts.jsonl", (0..<20).map { #"{"prompt":"Other \#($0):"}"# }.joined(separator: "\n"))
        let fresh = try await Skein.run(["run", run.file, "--fresh"])
        #expect(fresh.status == 0 && !fresh.error.contains("used again"), "\(fresh.error)")
    }
}
