import Foundation
import FoundationNetworking
import Testing

/// `--metrics` of generators, scorers and the learner, each started by hand.
@Suite(.serialized, .onItsOwnThread) struct WorkerMetricsTests {
    /// Rows of a process's /metrics by name and labels; nil when it does not say yet where that is.
    private func metrics(of process: Running) async throws -> [String: Double]? {
        guard let start = process.error.range(of: "metrics address=")?.upperBound,
            let word = process.error[start...].split(separator: "\n").first, let url = URL(string: String(word)),
            let (data, _) = try? await URLSession.shared.data(from: url)
        else { return nil }
        var rows: [String: Double] = [:]
        for line in String(decoding: data, as: UTF8.self).split(separator: "\n") where !line.hasPrefix("#") {
            guard let space = line.lastIndex(of: " ") else { continue }
            rows[String(line[..<space])] = Double(line[line.index(after: space)...])
        }
        return rows
    }

    /// Waits until a row is above a value; returns all rows.
    private func rows(of process: Running, when name: String, isAbove least: Double) async throws -> [String: Double] {
        let rows = try await eventually { () -> [String: Double]? in
            guard let rows = try await metrics(of: process), rows[name] ?? 0 > least else { return nil }
            return rows
        }
        return try #require(rows, "no \(name) above \(least): \(process.error)")
    }

    @Test func everyRoleCountsWhatItDoes() async throws {
        let run = try await TinyRun(steps: 200)
        let coordinator = try Running(Skein.executable.path, ["coordinator", run.file])
        let endpoint = try #require(
            try await eventually { () -> String? in
                guard let data = FileManager.default.contents(atPath: run.directory + "/coordinator.json") else {
                    return nil
                }
                return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["endpoint"] as? String
            }, "\(coordinator.error)")
        func start(_ role: String) throws -> Running {
            try Running(
                Skein.executable.path,
                [role, "--coordinator", endpoint, "--name", role, "--metrics", "127.0.0.1:0"] + run.key(role))
        }
        let (learner, generator, scorer) = (try start("learner"), try start("generator"), try start("scorer"))

        let learned = try await rows(of: learner, when: "skein_learner_step", isAbove: 1)
        #expect(learned["skein_build_info{role=\"learner\",version=\"0.1.0\"}"] == 1)
        #expect(learned["skein_learner_step_seconds{phase=\"step\"}"] ?? 0 > 0)
        #expect(
            abs((learned["skein_learner_last_step_timestamp_seconds"] ?? 0) - Date.now.timeIntervalSince1970) < 600)
        #expect(learned["process_resident_memory_bytes"] ?? 0 > 1e6)

        let sampled = try await rows(of: generator, when: "skein_weight_version", isAbove: 0)
        #expect(sampled["skein_jobs_completed_total{kind=\"generate\",outcome=\"done\"}"] ?? 0 > 0)
        #expect(sampled["skein_jobs_completed_total{kind=\"generate\",outcome=\"failed\"}"] == 0)
        #expect(sampled["skein_tokens_generated_total"] ?? 0 > 0)
        #expect(sampled["skein_weight_bytes_total{direction=\"mapped\"}"] ?? 0 > 1000)
        #expect(sampled["skein_worker_seconds_total{state=\"busy\"}"] ?? 0 > 0)
        #expect(sampled["skein_worker_seconds_total{state=\"waiting\"}"] ?? 0 > 0)

        let scored = try await rows(
            of: scorer, when: "skein_jobs_completed_total{kind=\"score\",outcome=\"done\"}", isAbove: 0)
        #expect(scored["skein_build_info{role=\"scorer\",version=\"0.1.0\"}"] == 1)

        coordinator.signal(SIGTERM)
        #expect(try await coordinator.result(within: 120).status == 75)
        for process in [learner, generator, scorer] {
            let result = try await process.result(within: 60)
            #expect(result.status == 0, "\(result.error)")
        }
    }

    @Test func onlyThisMachineMayReadThem() async throws {
        let words = ["generator", "--coordinator", "tcp://127.0.0.1:1", "--metrics"]
        let result = try await Skein.run(words + ["0.0.0.0:9100"])
        #expect(result.status == 78, "\(result.error)")
        #expect(result.error.contains("--metrics: 0.0.0.0:9100: without encryption"), "\(result.error)")
    }

    @Test func aPortInUseEndsTheWorkerWithTheReason() async throws {
        let first = try Running(
            Skein.executable.path, ["generator", "--coordinator", "tcp://127.0.0.1:1", "--metrics", "127.0.0.1:0"])
        let isUp = try await eventually { try await metrics(of: first) }
        #expect(isUp?["skein_tokens_generated_total"] == 0, "\(first.error)")
        let address = first.error.split(separator: "http://").last?.split(separator: "/").first.map(String.init) ?? ""
        let second = try await Skein.run(
            ["generator", "--coordinator", "tcp://127.0.0.1:1", "--metrics", address])
        #expect(second.status == 75, "\(second.error)")
        #expect(second.error.contains("skein: cannot serve metrics at \(address): "), "\(second.error)")
        first.signal(SIGTERM)
        #expect(try await first.result(within: 60).status == 0)
    }
}
