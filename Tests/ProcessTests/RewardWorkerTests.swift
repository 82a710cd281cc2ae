import Foundation
import Testing

/// `scripts/reward_worker.py`: what it says, how it ends, and what the run says of it.
@Suite(.serialized, .onItsOwnThread) struct RewardWorkerTests {
    private static let python = ProcessInfo.processInfo.environment["SKEIN_PYTHON"] ?? "/usr/bin/python3"
    private static let script = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "scripts/reward_worker.py").path
    private static let taste = "rewards: [{kind: worker, name: taste}]"

    private func start(_ words: [String], python options: [String] = []) throws -> Running {
        try Running(Self.python, options + [Self.script] + words)
    }

    private func expectSentence(_ result: Skein.Result, status: Int32, _ parts: [String]) {
        #expect(result.status == status, "\(result)")
        let last = result.error.split(separator: "\n").last.map(String.init) ?? ""
        #expect(last.hasPrefix("reward_worker: "), "\(result.error)")
        for part in parts { #expect(last.contains(part), "\(part)? \(result.error)") }
        #expect(!result.error.contains("Traceback"), "\(result.error)")
    }

    struct File: Sendable, CustomTestStringConvertible {
        var text: String
        var parts: [String]
        var testDescription: String { parts.joined(separator: " ") }
    }

    @Test(arguments: [
        File(
            text: "def scor(prompt, response):\n    return 1\n", parts: ["taste.py defines no score", "add: def score"]),
        File(text: "score = 3\n", parts: ["taste.py", "score is no function"]),
        File(text: "\ndef score(prompt):\n    return 1\n", parts: ["taste.py:2: score(prompt)", "write def score"]),
        File(
            text: "def score(a, b, c, /):\n    return 1\n", parts: ["taste.py:1: score(a, b, c, /)", "write def score"]),
        File(text: "async def score(a, b):\n    return 1\n", parts: ["taste.py", "not async"]),
        File(text: "import os\nimport not_there\n", parts: ["taste.py:2: ModuleNotFoundError", "not_there"]),
        File(text: "def f():\n    return {}['k']\n\nf()\n", parts: ["taste.py:2: KeyError: 'k'"]),
        File(text: "def score(a, b)\n    return 1\n", parts: ["taste.py:1: SyntaxError"]),
        File(text: "raise SystemExit(0)\n", parts: ["taste.py:1: SystemExit"]),
    ]) func aFileThatCannotScoreIsNamedWithItsLine(_ file: File) async throws {
        let folder = try Skein.Folder()
        try folder.write("taste.py", file.text)
        let result = try await start([
            "--run", folder.path, "--reward", "taste", "--file", folder.path + "/taste.py", "--wait", "0",
        ]).result(within: 60)
        expectSentence(result, status: 78, file.parts)
    }

    @Test func packagesThatAreMissingAreNamed() async throws {
        let folder = try Skein.Folder()
        // Without the folder in which packages are installed.
        let result = try await start(["--run", folder.path, "--reward", "taste"], python: ["-S"]).result(within: 60)
        expectSentence(result, status: 78, ["no pyzmq", "no protobuf", "scripts/setup --python", "pip install"])
    }

    @Test func itGivesUpWhereNoRunIs() async throws {
        let folder = try Skein.Folder()
        func ended(_ words: String...) async throws -> Skein.Result {
            try await start(words + ["--reward", "taste", "--wait", "0.2"]).result(within: 60)
        }
        expectSentence(
            try await ended("--run", folder.path), status: 75, ["no run is alive in \(folder.path)", "skein run"])
        expectSentence(
            try await ended("--run", folder.path + "/no"), status: 75, ["there is no directory \(folder.path)/no"])
        try folder.write("coordinator.json", "[]")
        expectSentence(try await ended("--run", folder.path), status: 75, ["coordinator.json", "skein run"])
        // A process that has ended, and one that got its number since.
        let past = try Running("/usr/bin/env", ["true"])
        _ = try await past.result()
        for pid in [past.pid, getpid()] {
            try folder.write("coordinator.json", #"{"pid":\#(pid),"endpoint":"tcp://127.0.0.1:9"}"#)
            expectSentence(
                try await ended("--run", folder.path), status: 75, ["left over", "process \(pid)", "skein run"])
        }
        let port = try Listener().port
        expectSentence(
            try await ended("--coordinator", "tcp://127.0.0.1:\(port)"), status: 75, ["no coordinator answers"])
        expectSentence(try await ended("--coordinator", "nonsense"), status: 2, ["nonsense", "tcp://HOST:PORT"])
    }

    /// Without a worker, with one for another reward, with one that cannot score some answers.
    @Test func aRunSaysWhomItWaitsForAndWhyAnswersAreDropped() async throws {
        let run = try await TinyRun(steps: 2, keys: Self.taste)
        try run.folder.write(
            "taste.py",
            """
            calls = 0
            def score(prompt, response):
                global calls
                calls += 1
                return 1 / (calls % 4)
            """)
        let running = try run.start()
        let asked = try await eventually {
            running.error.contains(
                "waiting for a reward worker for 'taste': start one from the repository with: scripts/reward_worker.py")
                ? true : nil
        }
        #expect(asked == true, "\(running.error)\(run.logs())")
        #expect(running.error.contains("--run \(run.directory) --reward taste"), "\(running.error)")
        let status = try await Skein.run(["status", "--run", run.directory])
        #expect(status.output.contains("waits: run for a reward worker for 'taste', since"), "\(status)")
        #expect(!status.output.contains("score/"), "\(status)")
        let other = try await start(["--run", run.directory, "--reward", "tast", "--wait", "120"]).result(within: 120)
        expectSentence(other, status: 78, ["no reward 'tast' of kind worker", "taste (kind worker)", "--reward"])
        let worker = try start(
            ["--run", run.directory, "--reward", "taste", "--file", run.folder.path + "/taste.py", "--wait", "120"])
        let result = try await running.result()
        #expect(result.status == 0, "\(result.error)\(worker.error)")
        let why = "taste.py:5: ZeroDivisionError: division by zero"
        #expect(result.error.contains("4 of 16 answers dropped"), "\(result.error)")
        #expect(result.error.contains("taste failed for 4") && result.error.contains(why), "\(result.error)")
        #expect(!result.error.contains("score/"), "\(result.error)")
        let left = try await worker.result(within: 120)
        #expect(left.status == 0 && left.error.contains("the run ended: the run is done"), "\(left)")
        #expect(left.error.contains(why), "\(left)")
    }

    @Test func aRunWithoutItsWorkerEndsWithItsName() async throws {
        let run = try await TinyRun(keys: Self.taste)
        let result = try await Skein.run(["run", run.file, "--set", "coordinator.grace_s=10"])
        #expect(result.status == 75, "\(result)")
        let last = result.error.split(separator: "\n").last.map(String.init) ?? ""
        // The grace is for the other roles too, on a machine with much to do.
        #expect(last.hasPrefix("skein: the run cannot go on: waited 10 s"), "\(last)")
        #expect(
            last.contains("coordinator.grace_s") && last.contains("start one from the repository with"),
            "\(result.error)")
        #expect(!FileManager.default.fileExists(atPath: run.directory + "/coordinator.json"))
    }

    /// In the middle of an answer that would take minutes.
    @Test(arguments: [SIGTERM, SIGINT]) func aSignalHandsBackWhatIsNotScored(_ number: Int32) async throws {
        let run = try await TinyRun(steps: 1, keys: Self.taste)
        try run.folder.write(
            "slow.py",
            """
            import time
            def score(prompt, response):
                open(__file__ + ".called", "w").close()
                try:
                    time.sleep(1000)
                except Exception:
                    return 0
            """)
        try run.folder.write("taste.py", "def score(prompt, response):\n    return len(response)\n")
        let running = try run.start()
        func worker(_ file: String) throws -> Running {
            try start([
                "--run", run.directory, "--reward", "taste", "--file", run.folder.path + "/" + file, "--wait", "120",
                "--timeout", "2000",
            ])
        }
        let slow = try worker("slow.py")
        let called = try await eventually {
            FileManager.default.fileExists(atPath: run.folder.path + "/slow.py.called") ? true : nil
        }
        try #require(called == true, "\(running.error)\(slow.error)")
        slow.signal(number)
        let left = try await slow.result(within: 60)
        #expect(left.status == 0 && !left.error.contains("Traceback"), "\(left)")
        let seen = try await run.workers().first { $0.pid == slow.pid }
        #expect(seen?.state == "gone" && seen?.jobsDone == 0, "\(String(describing: seen))")
        let quick = try worker("taste.py")
        let result = try await running.result()
        #expect(result.status == 0, "\(result.error)\(quick.error)")
        #expect(!result.error.contains("dropped"), "\(result.error)")
        #expect(try await quick.result(within: 60).status == 0)
    }

    /// A run that is stopped leaves no address, and its worker ends with it.
    @Test(arguments: [SIGTERM, SIGINT]) func itEndsWithTheRun(_ number: Int32) async throws {
        let run = try await TinyRun(steps: 500, keys: Self.taste)
        let running = try run.start()
        let worker = try start(["--run", run.directory, "--reward", "taste", "--wait", "120"])
        let stepped = try await eventually { running.error.contains("joined: scorer") ? true : nil }
        try #require(stepped == true, "\(running.error)\(worker.error)")
        running.signal(number)
        #expect(try await running.result(within: 120).status == 75)
        #expect(!FileManager.default.fileExists(atPath: run.directory + "/coordinator.json"))
        expectSentence(try await worker.result(within: 120), status: 75, ["the run ended: stopped"])
    }

    @Test func anAnswerThatTakesTooLongHasNoScore() async throws {
        let run = try await TinyRun(steps: 1, keys: Self.taste)
        try run.folder.write(
            "taste.py",
            """
            import time
            calls = 0
            def score(prompt, response):
                global calls
                calls += 1
                if calls == 1:
                    time.sleep(1000)
                return calls
            """)
        let running = try run.start()
        let worker = try start([
            "--run", run.directory, "--reward", "taste", "--file", run.folder.path + "/taste.py", "--wait", "120",
            "--timeout", "1",
        ])
        let result = try await running.result()
        #expect(result.status == 0, "\(result.error)\(worker.error)")
        #expect(result.error.contains("1 of 16 answers dropped"), "\(result.error)")
        #expect(result.error.contains("longer than 1 s (--timeout)"), "\(result.error)\(worker.error)")
    }

    /// The last line has the step as people count it, and what the function said.
    @Test func aFunctionThatAlwaysFailsEndsTheRunWithItsLine() async throws {
        let run = try await TinyRun(steps: 2, keys: Self.taste)
        try run.folder.write("taste.py", "def score(prompt, response):\n    return 1 / 0\n")
        let running = try run.start()
        let worker = try start([
            "--run", run.directory, "--reward", "taste", "--file", run.folder.path + "/taste.py", "--wait", "120",
        ])
        let result = try await running.result()
        #expect(result.status == 75, "\(result.error)\(worker.error)")
        let last = result.error.split(separator: "\n").last.map(String.init) ?? ""
        #expect(last.contains("step 1: none of its 16 answers has a reward: row "), "\(result.error)")
        #expect(last.contains("taste.py:2: ZeroDivisionError: division by zero"), "\(result.error)")
        #expect(try await worker.result(within: 60).status == 75)
    }
}
