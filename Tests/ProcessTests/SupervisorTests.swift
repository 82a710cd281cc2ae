import Foundation
import Testing

/// What the supervisor of a run does with its processes.
@Suite(.serialized, .onItsOwnThread) struct SupervisorTests {
    /// `skein` with a shell script in the place of `skein-engine`, which starts the real one unless `script` ends before.
    private struct StandIn {
        let folder: Skein.Folder
        var skein: String { folder.path + "/skein" }

        init(_ script: String) throws {
            folder = try Skein.Folder()
            let real = Skein.executable.deletingLastPathComponent().appending(path: "skein-engine").path
            // A copy, because `skein` looks for its engine beside itself and follows symbolic links.
            try FileManager.default.copyItem(atPath: Skein.executable.path, toPath: skein)
            try folder.write("skein-engine", "#!/bin/sh\n\(script)\nexec \"\(real)\" \"$@\"\n")
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o755], ofItemAtPath: folder.path + "/skein-engine")
        }
    }

    @Test func theSameFailureThriceEndsTheRunWithItsLastWords() async throws {
        let engine = try StandIn("[ \"$1\" = generator ] && { echo 'skein: no memory for the cache' >&2; exit 1; }")
        let run = try await TinyRun(generators: 1)
        let result = try await Running(engine.skein, ["run", run.file]).result()
        #expect(result.status == 1, "\(result.error) \(run.logs())")
        #expect(
            result.error.contains(
                "generator-0 ended 3 times in the same way (exit code 1): no memory for the cache"),
            "\(result.error)")
        let log = try String(contentsOfFile: run.directory + "/logs/generator-0.log", encoding: .utf8)
        #expect(log.ranges(of: "no memory for the cache").count == 3)
    }

    /// The lease and the grace are longer than the run may take, so nothing else would hand the jobs on.
    @Test func aKilledWorkersJobsAreHandedOnAtOnce() async throws {
        let run = try await TinyRun(steps: 30, generators: 2, newTokens: 64)
        let running = try Running(
            Skein.executable.path,
            ["run", run.file, "--set", "coordinator.lease_s=600", "--set", "coordinator.grace_s=600"])
        let worker = try #require(
            try await eventually { () -> TinyRun.Worker? in
                try await run.workers().first { $0.role == "generator" && $0.jobsDone > 0 }
            }, "\(running.error)")
        kill(worker.pid, SIGKILL)
        let log = run.directory + "/logs/coordinator.log"
        let lost = try await eventually { () -> String? in
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").first { $0.contains("coordinator: lost") }.map(String.init)
        }
        #expect(lost?.contains("worker=\(worker.name)#") == true, "\(lost ?? "nobody was lost")")
        #expect(lost?.contains("its process has ended") == true, "\(lost ?? "")")
        let result = try await running.result()
        #expect(result.status == 0, "\(result.error) \(run.logs())")
        #expect(!result.error.contains("workers_lost"), "\(result.error)")
    }

    /// It does not end by itself, and nobody but the coordinator notices.
    @Test func aFrozenWorkerIsReplaced() async throws {
        let run = try await TinyRun(steps: 500, generators: 2)
        let running = try run.start()
        let worker = try #require(
            try await eventually { () -> TinyRun.Worker? in
                try await run.workers().first { $0.role == "generator" && $0.jobsDone > 0 }
            }, "\(running.error)")
        kill(worker.pid, SIGSTOP)
        defer { kill(worker.pid, SIGCONT) }
        let next = try await eventually { () -> TinyRun.Worker? in
            try await run.workers().first { $0.name == worker.name && $0.pid != worker.pid && $0.jobsDone > 0 }
        }
        #expect(next != nil, "\(running.error) \(run.logs())")
        let said = "\(worker.name) (process \(worker.pid)) was silent for too long and is started again"
        #expect(running.error.ranges(of: said).count == 1, "\(running.error)")
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }

    /// Somebody has started a worker by hand under the name that the supervisor gives its own.
    @Test func aNameThatIsTakenIsWaitedFor() async throws {
        let run = try await TinyRun(steps: 500, generators: 1)
        let running = try run.start()
        let endpoint = try #require(try await run.endpoint(), "\(running.error)")
        let words = ["generator", "--coordinator", endpoint, "--name", "generator-1"]
        let own = try Running(Skein.executable.path, words + run.key("generator"))
        func pid() async throws -> Int32? {
            try await run.workers().first { $0.name == "generator-1" && $0.state != "gone" }?.pid
        }
        let isHere = try await eventually { try await pid() == own.pid ? true : nil }
        try #require(isHere == true, "\(own.error)")
        let scaled = try await Skein.run(["scale", "generator=2", "--run", run.directory])
        #expect(scaled.status == 0, "\(scaled)")
        let log = run.directory + "/logs/generator-1.log"
        let isRefused = try await eventually { () -> Bool? in
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            return text.ranges(of: "skein: process \(own.pid) on ").count >= 4 ? true : nil
        }
        #expect(isRefused == true, "\(running.error) \(run.logs())")
        #expect(running.isRunning && running.error.contains("works as generator-1 already"), "\(running.error)")
        own.signal(SIGTERM)
        let isTaken = try await eventually { () -> Bool? in
            guard let now = try await pid() else { return nil }
            return now != own.pid ? true : nil
        }
        #expect(isTaken == true, "\(running.error) \(run.logs())")
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }

    /// Nobody but the supervisor notices: its process is there, and its port is open.
    @Test func aFrozenCoordinatorIsNamedAndReplaced() async throws {
        let run = try await TinyRun(steps: 500, generators: 1)
        let running = try Running(Skein.executable.path, ["run", run.file, "--set", "coordinator.lease_s=10"])
        func coordinator() -> Int32? {
            guard let data = FileManager.default.contents(atPath: run.directory + "/coordinator.json"),
                let content = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
            else { return nil }
            return (content["pid"] as? Int).map { Int32($0) }
        }
        let isUp = try await eventually { try await run.workers().contains { $0.jobsDone > 0 } ? true : nil }
        try #require(isUp == true, "\(running.error) \(run.logs())")
        let pid = try #require(coordinator())
        kill(pid, SIGSTOP)
        defer { kill(pid, SIGCONT) }
        let said = try await Skein.run(["status", "--run", run.directory])
        #expect(said.status == 2, "\(said.output) \(said.error)")
        let words = "the coordinator does not answer (process \(pid) is stopped); process \(running.pid) (skein run)"
        #expect(said.output.contains(words), "\(said.output) \(said.error)")
        let next = try await eventually { () -> Bool? in
            guard let now = coordinator(), now != pid else { return nil }
            return try await run.workers().contains { $0.role == "generator" && $0.jobsDone > 0 } ? true : nil
        }
        #expect(next == true, "\(running.error) \(run.logs())")
        let noted = "coordinator (process \(pid)) was silent for too long and is started again"
        #expect(running.error.ranges(of: noted).count == 1, "\(running.error)")
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }

    @Test func aRunWhoseDirectoryIsRemovedStops() async throws {
        let run = try await TinyRun(steps: 500, generators: 1)
        let running = try run.start()
        let isUp = try await eventually { try await run.workers().count == 3 ? true : nil }
        try #require(isUp == true, "\(running.error) \(run.logs())")
        // Out of the way in one moment, as nobody can write into it meanwhile.
        try FileManager.default.moveItem(atPath: run.directory, toPath: run.directory + "-gone")
        let result = try await running.result(within: 120)
        #expect(result.status == 1, "\(result.error)")
        #expect(
            result.error.contains("run was removed or replaced while the run was live"), "\(result.error)")
    }

    /// `ssh` drops.
    @Test func aTerminalThatGoesAwayStopsARunInOrder() async throws {
        let run = try await TinyRun(steps: 500, generators: 1)
        // The tests may run under nohup.
        let running = try Running(
            "/usr/bin/env", ["--default-signal=HUP", Skein.executable.path, "run", run.file])
        let isUp = try await eventually { try await run.workers().count == 3 ? true : nil }
        try #require(isUp == true, "\(running.error) \(run.logs())")
        running.signal(SIGHUP)
        let result = try await running.result(within: 120)
        #expect(result.status == 75 && result.error.contains("stopped as asked after step"), "\(result.error)")
    }

    /// By the endpoint; nothing of it is a terminal.
    @Test func aRunIsScaledUpAndDown() async throws {
        let run = try await TinyRun(steps: 500, generators: 1)
        let running = try run.start()
        let isUp = try await eventually { try await run.workers().count == 3 ? true : nil }
        try #require(isUp == true, "\(running.error) \(run.logs())")
        let up = try await Skein.run(["scale", "generator=3", "--run", run.directory])
        #expect(up.status == 0 && up.output.contains("scaled generator to 3"), "\(up.output) \(up.error)")
        let down = try await Skein.run(["scale", "generator=1", "--run", run.directory])
        #expect(down.status == 0 && down.output.contains("scaled generator to 1"), "\(down.output) \(down.error)")
        let left = try await run.workers().filter { $0.role == "generator" && $0.state != "gone" }
        #expect(left.map(\.name) == ["generator-0"])
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }

    @Test func aStatusPortInUseEndsTheCoordinatorWithTheReason() async throws {
        let run = try await TinyRun()
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var place = sockaddr_in()
        place.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &place.sin_addr)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &place) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, size) == 0 && listen(socket, 1) == 0 && getsockname(socket, $0, &size) == 0
            }
        }
        try #require(isListening)
        let address = "127.0.0.1:\(UInt16(bigEndian: place.sin_port))"
        let result = try await Skein.run(["coordinator", run.file, "--set", "coordinator.status=\(address)"])
        #expect(result.status == 75, "\(result.error)")
        #expect(result.error.contains("skein: cannot serve the status at \(address): "), "\(result.error)")
        #expect(result.error.contains("set coordinator.status to another port"), "\(result.error)")
        // Nothing of it makes the run one that somebody has stopped.
        let going = try await Skein.run(["run", run.file])
        #expect(going.status == 0, "\(going.error) \(run.logs())")
    }

    /// The first asks it to finish what it has, which this one never does.
    @Test func aSecondSIGTERMEndsAWorkerAtOnce() async throws {
        let run = try await TinyRun(steps: 3)
        let yaml = try String(contentsOfFile: run.file, encoding: .utf8)
        let folder = run.folder.path
        try run.folder.write(
            "run.yaml",
            yaml.replacing(
                "{kind: length, target: 12}", with: "{kind: command, argv: [sh, \(folder)/judge.sh], timeout_s: 600}"))
        try run.folder.write(
            "judge.sh",
            """
            while read line; do
                while [ -e \(folder)/slow ]; do sleep 0.1; done
                echo '{"score": 0.5}'
            done
            """)
        let running = try Running(
            Skein.executable.path,
            ["run", run.file, "--set", "roles.scorer.count=0", "--set", "coordinator.lease_s=600"])
        let endpoint = try #require(
            try await eventually { () -> String? in
                guard let data = FileManager.default.contents(atPath: run.directory + "/coordinator.json") else {
                    return nil
                }
                return (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["endpoint"] as? String
            }, "\(running.error)")
        try run.folder.write("slow", "")
        let worker = try Running(
            Skein.executable.path, ["scorer", "--coordinator", endpoint, "--name", "mine"] + run.key("scorer"))
        let isAtWork = try await eventually {
            try await run.workers().contains { $0.name == "mine" && $0.state == "busy" } ? true : nil
        }
        try #require(isAtWork == true, "\(worker.error)")
        worker.signal(SIGTERM)
        let drains = try await eventually { () -> Bool? in
            // It asks for no more jobs.
            let workers = try await run.status()?["worker_list"] as? [[String: Any]] ?? []
            return workers.contains { $0["name"] as? String == "mine" && $0["slots"] as? Int == 0 } ? true : nil
        }
        #expect(drains == true && worker.isRunning, "\(worker.error)")
        worker.signal(SIGTERM)
        #expect(try await worker.result(within: 60).status == 75)
        try FileManager.default.removeItem(atPath: folder + "/slow")
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }
}
