import Foundation
import Testing

/// `skein doctor` beside a live run.
@Suite(.serialized, .onItsOwnThread) struct DoctorTests {
    private func finding(_ output: String, _ subject: String) -> String? {
        output.split(separator: "\n").map(String.init).first {
            $0.split(separator: " ").dropFirst().first.map(String.init) == subject
        }
    }

    @Test func aHostThatIsFineHasNoProblem() async throws {
        let run = try await TinyRun(steps: 100_000)
        let live = try run.start()
        let address = try #require(try await run.endpoint())
        let result = try await Skein.run(
            ["doctor", run.file, "--coordinator", address, "--run", run.directory, "--role", "generator=1"]
                + run.key("generator"))
        #expect(result.status == 0, "\(result.output)\(result.error)")
        #expect(finding(result.output, "libtorch")?.hasPrefix("ok") == true, "\(result.output)")
        #expect(finding(result.output, "coordinator")?.contains("answers at 127.0.0.1") == true, "\(result.output)")
        #expect(finding(result.output, "key")?.contains("is let in as a generator") == true, "\(result.output)")
        #expect(finding(result.output, "clock")?.hasPrefix("ok") == true, "\(result.output)")
        #expect(finding(result.output, "memory")?.contains("1 generator need about") == true, "\(result.output)")
        #expect(finding(result.output, "disk") != nil && finding(result.output, "processors") != nil)
        // The run's own processes, which nobody may end.
        #expect(finding(result.output, "leftovers")?.hasPrefix("note") == true && live.isRunning)
        live.signal(SIGTERM)
        _ = try await live.result()
    }

    @Test func aForeignKeyIsAProblemThatSaysWhatToDo() async throws {
        let run = try await TinyRun(steps: 100_000)
        let live = try run.start()
        let address = try #require(try await run.endpoint())
        let other = run.folder.path + "/other"
        let made = try await Skein.run(["keys", "new", "stranger", "--role", "generator", "--keys", other])
        #expect(made.status == 0, "\(made.error)")
        let result = try await Skein.run(
            ["doctor", "--coordinator", address, "--key", other + "/stranger.key"])
        #expect(result.status == 1, "\(result.output)")
        #expect(finding(result.output, "key")?.hasPrefix("problem") == true, "\(result.output)")
        #expect(result.output.contains("-> ") && result.output.contains("skein keys list"))
        live.signal(SIGTERM)
        _ = try await live.result()
    }

    @Test func anAddressWhereNobodyListensIsAProblem() async throws {
        let result = try await Skein.run(["doctor", "--coordinator", "tcp://127.0.0.1:1", "--json"])
        #expect(result.status == 1)
        struct Finding: Decodable { var level: String; var subject: String; var says: String; var advice: String? }
        let findings = try JSONDecoder().decode([Finding].self, from: Data(result.output.utf8))
        let found = try #require(findings.first { $0.subject == "coordinator" })
        #expect(found.level == "problem" && found.says.contains("refused") && found.advice != nil)
        #expect(findings.allSatisfy { $0.level == "ok" || $0.level == "note" || $0.advice != nil })
    }
}
