import Foundation
import Testing

/// What is left of a run for people and other tools: comparison, event files, outcome.
@Suite(.serialized, .onItsOwnThread) struct OutcomeTests {
    private func lines(_ path: String) throws -> [[String: Any]] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").compactMap {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    private func eventFiles(_ run: TinyRun) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: run.directory + "/tensorboard").sorted()
    }

    @Test func aRunThatWasDestroyedIsNoSuccess() async throws {
        let run = try await TinyRun(steps: 6, generators: 1)
        let result = try await Skein.run(["run", run.file, "--set", "ppo.learning_rate=10"])
        #expect(result.status == 3, "\(result.error.suffix(2000))")
        #expect(result.error.contains("the run is over, but the policy is probably destroyed:"))
        #expect(result.error.contains("ppo.learning_rate below 10"))
        let summary = try run.summary()
        #expect(summary["outcome"] as? String == "degraded" && summary["reason"] is String)
        let alarms = try #require(summary["alarms"] as? [[String: Any]])
        let alarm = try #require(alarms.first, "\(result.error)")
        #expect(alarm["code"] is String && alarm["step"] is Int && alarm["text"] is String && alarm["hint"] is String)
        let code = try #require(alarm["code"] as? String)
        #expect(result.output.contains("alarm \(code) (step"), "\(result.output)")
        let page = try String(contentsOfFile: run.directory + "/report.html", encoding: .utf8)
        #expect(page.contains("<h2>Alarms</h2>") && page.contains("probably destroyed"))
        let status = try await Skein.run(["status", "--run", run.directory])
        #expect(status.output.contains("probably destroyed"), "\(status.output)")
    }

    @Test func runsAreComparedAndHaveEventFiles() async throws {
        let first = try await TinyRun(steps: 3, generators: 1)
        let second = try await TinyRun(steps: 2, generators: 1)
        for run in [first, second] {
            let rate = run.file == first.file ? "0.001" : "0.0005"
            let result = try await Skein.run(["run", run.file, "--set", "ppo.learning_rate=\(rate)"])
            try #require(result.status == 0, "\(result.error)")
            #expect(try run.summary()["outcome"] as? String == "done")
        }
        let known = try await Skein.run(["metrics"]).output
        let line = try #require(
            String(contentsOfFile: first.directory + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").last)
        let figures = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        for name in figures.keys where name != "step" {
            let parts = name.split(separator: "/")
            let entry = parts.count == 3 && parts[0] == "reward" ? "reward/*/\(parts[2])" : name
            #expect(known.contains(entry), "\(name) is not explained by skein metrics")
        }
        let page = first.folder.path + "/page.html"
        let text = try await Skein.run(["compare", first.directory, second.directory, "--html", page])
        try #require(text.status == 0, "\(text.error)")
        #expect(text.output.contains("At step 2, the last that both have"), "\(text.output)")
        #expect(text.output.contains("ppo.learning_rate") && text.output.contains("ppo.steps"))
        #expect(!text.output.contains("run_directory") && text.output.contains("finished"))
        #expect(try String(contentsOfFile: page, encoding: .utf8).contains("<polyline"))
        let json = try await Skein.run(["compare", "--json", first.directory, second.directory])
        let object = try #require(JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        #expect(object["common_step"] as? Int == 2)

        // The run goes on in a new process, with a file of its own.
        #expect(try eventFiles(first).count == 1)
        let more = try await Skein.run([
            "run", first.file, "--set", "ppo.learning_rate=0.001", "--set", "ppo.steps=4",
        ])
        try #require(more.status == 0, "\(more.error)")
        let files = try eventFiles(first)
        #expect(files.count == 2)
        let metrics = try lines(first.directory + "/metrics.jsonl")
        #expect(metrics.count == 4)
        let sizes = try files.map {
            try Data(contentsOf: URL(filePath: "\(first.directory)/tensorboard/\($0)"))
                .ranges(of: Data("training/global_step".utf8)).count
        }
        #expect(sizes == [3, 1])
    }

    @Test(arguments: [("nowhere", "there is no run directory"), ("", "holds no run")])
    func whatIsNoRunIsNamed(_ name: String, _ expected: String) async throws {
        let folder = try Skein.Folder()
        let path = name.isEmpty ? folder.path : "\(folder.path)/\(name)"
        let result = try await Skein.run(["compare", path, path])
        #expect(
            result.status == 78 && result.error.contains(path) && result.error.contains(expected), "\(result.error)")
        #expect(result.error.contains("give the run_directory of a run that was started"))
        #expect(try await Skein.run(["compare", path]).status == 2)
    }
}
