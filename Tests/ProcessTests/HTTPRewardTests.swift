import Foundation
import Testing

/// Runs that are rewarded by a real server, with the faults that servers have.
@Suite(.serialized, .onItsOwnThread) struct HTTPRewardTests {
    /// The server of Fixtures/reward_server.py, ended with the value.
    private final class Server {
        let process: Running
        let port: Int
        var requests: [Substring] { Array(process.output.split(separator: "\n").dropFirst()) }

        init(_ name: String = "reward_server") async throws {
            let python = ProcessInfo.processInfo.environment["SKEIN_PYTHON"] ?? "/usr/bin/python3"
            let script = try #require(
                Bundle.module.url(forResource: name, withExtension: "py", subdirectory: "Fixtures"))
            let process = try Running(python, [script.path])
            let line = try await eventually { () -> Int? in
                process.output.split(separator: "\n").first.flatMap { Int($0) }
            }
            port = try #require(line, "\(process.error)")
            self.process = process
        }

        func url(_ path: String) -> String { "http://127.0.0.1:\(port)\(path)" }
    }

    private func metrics(_ run: TinyRun) throws -> [[String: Any]] {
        try String(contentsOfFile: run.directory + "/metrics.jsonl", encoding: .utf8).split(separator: "\n").compactMap
        {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any]
        }
    }

    private func logs(_ run: TinyRun) throws -> String {
        try FileManager.default.contentsOfDirectory(atPath: run.directory + "/logs").map {
            try String(contentsOfFile: "\(run.directory)/logs/\($0)", encoding: .utf8)
        }.joined()
    }

    @Test func rewardsOfAServerAndOfARuleAreAddedByWeight() async throws {
        let server = try await Server()
        let run = try await TinyRun(
            steps: 2,
            keys: """
                rewards:
                - {kind: http, name: far, url: "\(server.url("/score"))", batch: 3, weight: 2}
                - {kind: http, name: judge, url: "\(server.url("/v1/classify"))", format: openai, model: judge, token_env: SKEIN_TEST_TOKEN, weight: 0}
                - {kind: swift, function: distinct_words, weight: -0.5}
                """)
        let refused = try await Skein.run(["run", run.file])
        #expect(refused.status == 78 && refused.error.contains("SKEIN_TEST_TOKEN"), "\(refused.error)")
        let result = try await Running(
            "/usr/bin/env", ["SKEIN_TEST_TOKEN=sesame", Skein.executable.path, "run", run.file]
        ).result()
        try #require(result.status == 0, "\(result.error)")
        for step in try metrics(run) {
            func mean(_ name: String) -> Double { step[name] as? Double ?? .nan }
            #expect(mean("batch/dropped_no_reward") == 0)
            let sum = 2 * mean("reward/far/mean") - 0.5 * mean("reward/swift/mean")
            #expect(abs(mean("critic/score/mean") - sum) < 1e-4, "\(step)")
            #expect(mean("reward/judge/mean") > mean("reward/far/mean"), "prompts are judged as well")
        }
        // Jobs of two prompts, so never a batch of three.
        #expect(server.requests.contains("/score 200 2") && !server.requests.contains { $0.hasSuffix(" 4") })
    }

    @Test func aServerThatFailsOrHangsIsAskedAgain() async throws {
        let server = try await Server()
        let run = try await TinyRun(
            steps: 1,
            keys: """
                rewards:
                - {kind: http, name: flaky, url: "\(server.url("/flaky"))", retries: 2}
                - {kind: http, name: hang, url: "\(server.url("/hang"))", timeout_s: 6, retries: 1}
                """)
        let result = try await Running(Skein.executable.path, ["run", run.file]).result()
        try #require(result.status == 0, "\(result.error)")
        #expect(try metrics(run).first?["batch/dropped_no_reward"] as? Double == 0)
        #expect(server.requests.prefix(3) == ["/flaky 503 1", "/flaky 503 1", "/flaky 200 1"])
        // One for each job: the wait was longer than the lease of 5 s, which was renewed on the way.
        #expect(server.requests.count { $0 == "/hang 200 2" } == 8)
    }

    @Test func answersWithoutARewardAreDroppedAndCounted() async throws {
        let server = try await Server()
        let run = try await TinyRun(
            steps: 1, keys: #"rewards: [{kind: http, url: "\#(server.url("/null"))"}]"#)
        let result = try await Running(Skein.executable.path, ["run", run.file]).result()
        try #require(result.status == 0, "\(result.error)")
        // One null in each of eight jobs.
        #expect(try metrics(run).first?["batch/dropped_no_reward"] as? Double == 8)
    }

    @Test func garbageIsNoRewardAndIsNamed() async throws {
        let server = try await Server()
        let run = try await TinyRun(
            steps: 1, keys: #"rewards: [{kind: http, url: "\#(server.url("/garbage"))", retries: 0}]"#)
        let result = try await Running(Skein.executable.path, ["run", run.file]).result()
        #expect(try logs(run).contains("\(server.url("/garbage")): the answer is not the JSON"), "\(result.error)")
        // Nothing is learned from a step of failures, and the last line says why the run ends.
        let last = result.error.split(separator: "\n").last ?? ""
        #expect(result.status == 75 && last.contains("none of its 16 answers has a reward"), "\(result.error)")
        #expect(last.contains(server.url("/garbage")) && last.contains("same command"), "\(last)")
    }

    @Test func aRunWhoseRewardIsMendedGoesOnWhereItWas() async throws {
        let python = ProcessInfo.processInfo.environment["SKEIN_PYTHON"] ?? "/usr/bin/python3"
        func run() async throws -> TinyRun {
            let folder = FileManager.default.temporaryDirectory.appending(path: "skein-judge-\(UUID().uuidString)").path
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            // Asleep from its twentieth answer on, in the second step, until a file is there.
            let program = """
                import json, os, sys
                count = 0
                for line in sys.stdin:
                    count += 1
                    asleep = count > 16 and not os.path.exists("\(folder)/awake")
                    answer = {"error": "the judge sleeps"} if asleep else {"score": len(json.loads(line)["response"]) % 7}
                    print(json.dumps(answer), flush=True)
                """
            try program.write(toFile: folder + "/judge.py", atomically: true, encoding: .utf8)
            let run = try await TinyRun(
                steps: 3, generators: 1,
                keys:
                    #"rewards: [{kind: command, name: judge, argv: ["\#(python)", "\#(folder)/judge.py"], retries: 0}]"#
            )
            return run
        }
        func wake(_ run: TinyRun) throws {
            let words = try String(contentsOfFile: run.file, encoding: .utf8)
            let path = try #require(words.split(separator: "\"").first { $0.hasSuffix("judge.py") })
            try Data().write(to: URL(filePath: path.dropLast(8) + "awake"))
        }
        let (stopped, whole) = (try await run(), try await run())
        let first = try await Running(Skein.executable.path, ["run", stopped.file]).result()
        #expect(first.status == 75 && first.error.contains("step 2: none of its 16 answers"), "\(first.error)")
        #expect(first.error.contains("the judge sleeps"), "\(first.error)")
        try wake(stopped)
        try wake(whole)
        for run in [stopped, whole] {
            let result = try await Running(Skein.executable.path, ["run", run.file]).result()
            #expect(result.status == 0, "\(result.error)")
        }
        #expect(try stopped.policy() == whole.policy())
    }

    /// A model on the other end gets what a chat model was trained on: the template's text, special tokens included.
    @Test(arguments: [#"{"messages": [{"role": "user", "content": "Say a number"}]}"#, #"{"prompt": "Say a number"}"#])
    func conversationsReachAServerAsThePolicySawThem(_ line: String) async throws {
        let server = try await Server()
        let run = try await TinyRun(
            steps: 1, keys: #"rewards: [{kind: http, url: "\#(server.url("/sequence"))"}]"#)
        let settings = run.folder.path + "/base/tokenizer_config.json"
        var words = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: settings))) as? [String: Any])
        words["chat_template"] =
            "{% for m in messages %}[{{ m.role }}]{{ m.content }}<|endoftext|>{% endfor %}[assistant]"
        try JSONSerialization.data(withJSONObject: words).write(to: URL(filePath: settings))
        try run.folder.write("prompts.jsonl", line + "\n")
        let result = try await Skein.run(
            ["run", run.file, "--set", "stages=[ppo, evaluate]"]
                + ["--set", "data.evaluation_prompts=\(run.folder.path)/prompts.jsonl"])
        try #require(result.status == 0, "\(result.error)")
        // The first is the trial before the run, of which no policy has seen anything.
        let texts = server.requests.filter { $0.hasPrefix("text ") }.dropFirst()
        // 16 answers of the step, and one of each of the two policies that the evaluation compares.
        #expect(
            texts.count == 18 && texts.allSatisfy { $0.hasPrefix("text [user]Say a number<|endoftext|>[assistant]") })
    }

    @Test func aTextThatIsRefusedCostsItselfAlone() async throws {
        let server = try await Server()
        let run = try await TinyRun(
            steps: 1, keys: #"rewards: [{kind: http, url: "\#(server.url("/picky"))", retries: 0}]"#)
        // All forty prompts, so that number 7 is one of them.
        let result = try await Running(
            Skein.executable.path, ["run", run.file, "--set", "rollout.prompts_per_step=40"]
        ).result()
        try #require(result.status == 0, "\(result.error)")
        #expect(try metrics(run).first?["batch/dropped_no_reward"] as? Double == 1)
        #expect(result.error.contains("step 1: 1 of 40 answers dropped"), "\(result.error)")
    }

    @Test func aRedirectIsRefusedAndItsTargetNamed() async throws {
        let server = try await Server()
        let run = try await TinyRun(steps: 1, keys: #"rewards: [{kind: http, url: "\#(server.url("/moved"))"}]"#)
        let result = try await Skein.run(["run", run.file])
        #expect(result.status == 78)
        #expect(
            result.error.contains("redirects to \(server.url("/score")); write that URL (status 307)"),
            "\(result.error)")
        #expect(server.requests.allSatisfy { $0.hasPrefix("/moved ") }, "the redirect was followed")
    }

    /// Tokens and prompts stay on this machine, whatever the environment says.
    @Test func aProxyIsNeverAskedForThisMachine() async throws {
        let (server, proxy) = (try await Server(), try await Server("proxy"))
        let run = try await TinyRun(
            steps: 60,
            keys: """
                rewards:
                - {kind: http, name: far, url: "\(server.url("/score"))"}
                - {kind: http, name: judge, url: "\(server.url("/v1/classify"))", format: openai, model: judge, token_env: SKEIN_TEST_TOKEN}
                """)
        let names = ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]
        let environment = ["-u", "no_proxy", "-u", "NO_PROXY"] + names.map { "\($0)=http://127.0.0.1:\(proxy.port)" }
        func skein(_ words: [String]) throws -> Running {
            try Running(
                "/usr/bin/env", environment + ["SKEIN_TEST_TOKEN=sesame", Skein.executable.path] + words)
        }
        let running = try skein(["run", run.file])
        let place = ["--run", run.directory]
        let step = try await eventually { () -> Int? in
            let status = try await skein(["status", "--json"] + place).result()
            let answer = try? JSONSerialization.jsonObject(with: Data(status.output.utf8)) as? [String: Any]
            let step = (answer?["learner"] as? [String: Any])?["step"] as? Int
            return running.isRunning && step ?? 0 < 1 ? nil : step ?? 0
        }
        #expect(step ?? 0 >= 1, "\(running.error)\(run.logs())")
        let paused = try await skein(["pause"] + place).result()
        #expect(paused.status == 0, "\(paused.error)")
        let shown = try await skein(["status"] + place).result()
        #expect(shown.output.contains("PAUSED"), "\(shown)")
        let stopped = try await skein(["stop"] + place).result()
        #expect(stopped.status == 0, "\(stopped.error)")
        _ = try await running.result()
        #expect(proxy.requests == [])
        #expect(server.requests.contains { $0.hasPrefix("/v1/classify 200") })
    }

    @Test func aWrongAddressEndsTheRunWithTheCause() async throws {
        let server = try await Server()
        let run = try await TinyRun(
            steps: 1, keys: #"rewards: [{kind: http, url: "\#(server.url("/missing"))"}]"#)
        let result = try await Running(Skein.executable.path, ["run", run.file]).result()
        #expect(result.status == 78)
        #expect(result.error.contains(server.url("/missing")) && result.error.contains("404"), "\(result.error)")
    }
}
