import Cluster
import ClusterModel
import Foundation
import FoundationNetworking
import Keys
import Logging
import Testing
import Transport
import ZeroMQ

/// Who can join, read and command a run, with real processes.
@Suite(.serialized, .onItsOwnThread) struct AccessTests {
    private static let prompt = "Say something about number"

    /// Everything secret of a run: keys in both ways of writing, and tokens.
    private func secrets(of run: TinyRun) throws -> [String] {
        var found: [String] = []
        let names = try FileManager.default.contentsOfDirectory(atPath: run.directory + "/keys")
        for name in names where name.hasSuffix(".key") {
            let text = try String(contentsOfFile: run.directory + "/keys/" + name, encoding: .utf8)
            let words = try #require(text.split(separator: "\n").last).split(separator: " ").map(String.init)
            found.append(words[3])
        }
        for name in ["token", "read-token"] {
            found.append(try String(contentsOfFile: run.directory + "/" + name, encoding: .utf8))
        }
        #expect(found.count == 6 && found.allSatisfy { $0.count == 64 })
        return found
    }

    private func children(of pid: Int32) -> [Int32] {
        let text = try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)
        return (text ?? "").split(separator: " ").compactMap { Int32($0) }
    }

    /// Keys are made for a run without a word, stand in files of its user alone, and nowhere else.
    @Test func keysStandInTheirFilesAlone() async throws {
        let run = try await TinyRun(steps: 200)
        let running = try run.start()
        let working = try await eventually { () -> Bool? in
            try await run.workers().contains { $0.jobsDone > 0 } ? true : nil
        }
        try #require(working == true, "\(running.error)\(run.logs())")
        let secrets = try secrets(of: run)
        let processes = [running.pid] + children(of: running.pid)
        #expect(processes.count == 6)
        for pid in processes {
            let words = try Data(contentsOf: URL(filePath: "/proc/\(pid)/cmdline"))
            let environment = try Data(contentsOf: URL(filePath: "/proc/\(pid)/environ"))
            for secret in secrets {
                #expect(words.range(of: Data(secret.utf8)) == nil && environment.range(of: Data(secret.utf8)) == nil)
            }
        }
        var shown = try await Skein.run(["status", "--json", "--run", run.directory]).output
        shown += try await Skein.run(["status", "--run", run.directory]).output
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
        shown += running.error + running.output
        let logs = run.directory + "/logs"
        for name in try FileManager.default.contentsOfDirectory(atPath: logs) {
            shown += try String(contentsOfFile: logs + "/" + name, encoding: .utf8)
        }
        for secret in secrets { #expect(!shown.contains(secret)) }
        #expect(!shown.contains(Self.prompt))
        #expect(shown.contains("joined"))
    }

    @Test func aRunDirectoryIsItsUsersAlone() async throws {
        let run = try await TinyRun(steps: 1)
        // One that was made before, and is open to others.
        try FileManager.default.createDirectory(
            atPath: run.directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
        let result = try await run.start().result()
        #expect(result.status == 0, "\(result.error)")
        let root = try FileManager.default.attributesOfItem(atPath: run.directory)[.posixPermissions] as? Int
        #expect(root == 0o700)
        let all = try #require(FileManager.default.enumerator(atPath: run.directory))
        var count = 0
        for case let name as String in all {
            let mode = try FileManager.default.attributesOfItem(atPath: run.directory + "/" + name)[.posixPermissions]
            #expect((mode as? Int ?? 0o777) & 0o077 == 0, "\(name): \(String(mode as? Int ?? 0, radix: 8))")
            count += 1
        }
        #expect(count > 15)
    }

    /// Another user of the machine reaches the ports of a local run, and gets nothing there.
    @Test func aPeerWithoutAKeyGetsNothing() async throws {
        let run = try await TinyRun(steps: 200)
        let running = try run.start()
        let endpoint = try #require(try await run.endpoint(), "\(running.error)")
        let stranger = try Running(
            Skein.executable.path, ["generator", "--coordinator", endpoint, "--name", "stranger"])
        let told = try await eventually { stranger.error.contains("give --key FILE") ? true : nil }
        #expect(told == true, "\(stranger.error)")
        let place = try Skein.Folder()
        let file = try KeyDirectory(place.path + "/keys").add("own", .generator)
        let forger = try Running(Skein.executable.path, ["generator", "--coordinator", endpoint, "--key", file])
        let refused = try await eventually { forger.error.contains("another one than the key file says") ? true : nil }
        #expect(refused == true, "\(forger.error)")
        let status = try #require(try await run.status())
        let counters = status["counters"] as? [String: Any]
        #expect(counters?["failed_handshakes"] as? Int ?? 0 > 0, "\(status)")
        let names = try await run.workers().map(\.name)
        #expect(!names.contains("stranger") && !names.contains("own"))
        // Not even who is asked for its own key without leave gets a file that others can read.
        let copy = place.path + "/copied.key"
        try FileManager.default.copyItem(atPath: run.directory + "/keys/generator.key", toPath: copy)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: copy)
        let open = try await Skein.run(["generator", "--coordinator", endpoint, "--key", copy], within: 60)
        #expect(open.status == 78 && open.error.contains("chmod 600 \(copy)"), "\(open)")
        let wrong = try await Skein.run(
            ["scorer", "--coordinator", endpoint] + run.key("generator"), within: 60)
        #expect(wrong.status == 78 && wrong.error.contains("--role scorer"), "\(wrong)")
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }

    @Test func anAddressThatOthersReachNeedsKeys() async throws {
        let run = try await TinyRun(steps: 1)
        let none = run.folder.path + "/none"
        for words in [["run", run.file], ["coordinator", run.file]] {
            let refused = try await Skein.run(words + ["--bind", "tcp://0.0.0.0:0", "--keys", none], within: 60)
            #expect(refused.status == 78 && refused.error.contains("skein keys new"), "\(refused)")
            #expect(refused.error.contains("--insecure-bind"), "\(refused)")
            let written = try await Skein.run(
                words + ["--set", "coordinator.bind=tcp://0.0.0.0:0", "--keys", none], within: 60)
            #expect(written.status == 78, "\(written)")
        }
        #expect(!FileManager.default.fileExists(atPath: run.directory + "/journal.sqlite"))
        let learner = try await Skein.run(
            ["learner", "--coordinator", "tcp://127.0.0.1:9", "--serve", "tcp://0.0.0.0:0"], within: 60)
        #expect(learner.status == 78 && learner.error.contains("give --key FILE"), "\(learner)")
    }

    @Test func withoutKeysAnAlarmStandsInTheStatus() async throws {
        let run = try await TinyRun(steps: 200)
        let running = try Running(
            Skein.executable.path,
            ["run", run.file, "--bind", "tcp://0.0.0.0:0", "--advertise", "127.0.0.1", "--insecure-bind"])
        let endpoint = try #require(try await run.endpoint(), "\(running.error)")
        #expect(endpoint.hasPrefix("tcp://127.0.0.1:"))
        let status = try await Skein.run(["status", "--run", run.directory])
        #expect(status.status == 1 && status.output.contains("ALARM insecure_bind"), "\(status)")
        // Everybody is let in, which is what was asked for.
        let anybody = try Running(Skein.executable.path, ["generator", "--coordinator", endpoint, "--name", "anybody"])
        let works = try await eventually { () -> Bool? in
            try await run.workers().contains { $0.name == "anybody" && $0.jobsDone > 0 } ? true : nil
        }
        #expect(works == true, "\(anybody.error)\(running.error)")
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
        _ = try await anybody.result(within: 60)
    }

    /// Two hosts on one: a key is made, a worker joins by it over an address that others reach, and is cut off.
    @Test func aWorkerOfAnotherMachineJoinsByItsKeyAndIsCutOff() async throws {
        let run = try await TinyRun(steps: 500, generators: 1)
        let keys = run.folder.path + "/keys"
        let made = try await Skein.run(["keys", "new", "gpu1", "--role", "generator", "--keys", keys])
        let file = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        #expect(made.status == 0 && file == keys + "/gpu1.key", "\(made)")
        let running = try Running(
            Skein.executable.path,
            [
                "run", run.file, "--bind", "tcp://0.0.0.0:0", "--advertise", "127.0.0.1", "--keys", keys, "--set",
                "coordinator.status=0.0.0.0:0",
            ])
        let endpoint = try #require(try await run.endpoint(), "\(running.error)")
        #expect(endpoint.hasPrefix("tcp://127.0.0.1:"), "\(endpoint)")
        let worker = try Running(
            Skein.executable.path, ["generator", "--coordinator", endpoint, "--key", file])
        let works = try await eventually { () -> Bool? in
            try await run.workers().contains { $0.name == "gpu1" && $0.jobsDone > 0 } ? true : nil
        }
        try #require(works == true, "\(worker.error)\(running.error)\(run.logs())")
        try await checkTokens(run)

        let listed = try await Skein.run(["keys", "list", "--keys", keys])
        #expect(listed.status == 0 && listed.output.contains("gpu1"), "\(listed)")
        let revoked = try await Skein.run(["keys", "revoke", "gpu1", "--keys", keys])
        #expect(revoked.status == 0, "\(revoked)")
        let ended = try await worker.result(within: 60)
        #expect(ended.status == 78 && ended.error.contains("revoked"), "\(ended)")
        let gone = try await run.workers().first { $0.name == "gpu1" }
        #expect(gone?.state == "gone", "\(String(describing: gone))")
        let status = try await Skein.run(["status", "--run", run.directory])
        #expect(status.output.contains("generator gpu1: its key was revoked"), "\(status.output)")
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }

    /// The status is served beyond this machine here.
    private func checkTokens(_ run: TinyRun) async throws {
        let file = try #require(FileManager.default.contents(atPath: run.directory + "/coordinator.json"))
        let content = try #require(try JSONSerialization.jsonObject(with: file) as? [String: Any])
        let place = try #require(content["status"] as? String)
        let bare = try await Skein.run(["status", "--status", place])
        #expect(bare.status == 2 && bare.error.contains("--role reader"), "\(bare)")
        let reading = ["--status", place, "--token-file", run.directory + "/read-token"]
        #expect(try await Skein.run(["status"] + reading).output.contains("RUNNING"))
        let refused = try await Skein.run(["pause"] + reading)
        #expect(refused.status == 1 && refused.error.contains("for reading"), "\(refused)")
        let keys = run.folder.path + "/keys"
        let made = try await Skein.run(["keys", "new", "chief", "--role", "operator", "--keys", keys])
        let token = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let commanded = try await eventually { () -> Bool? in
            try await Skein.run(["pause", "--status", place, "--token-file", token]).status == 0 ? true : nil
        }
        #expect(commanded == true)
        #expect(try await Skein.run(["resume", "--status", place, "--token-file", token]).status == 0)
    }

    /// The key is in the environment, which is not passed on.
    @Test func aKeyMayComeByTheEnvironment() async throws {
        let run = try await TinyRun(steps: 200, generators: 1)
        let running = try run.start()
        let endpoint = try #require(try await run.endpoint(), "\(running.error)")
        let text = try String(contentsOfFile: run.directory + "/keys/generator.key", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").last.map(String.init))
        let worker = try Running(
            "/usr/bin/env",
            ["SKEIN_KEY=\(line)", Skein.executable.path, "generator", "--coordinator", endpoint, "--name", "third"])
        let works = try await eventually { () -> Bool? in
            try await run.workers().contains { $0.name == "third" && $0.jobsDone > 0 } ? true : nil
        }
        #expect(works == true, "\(worker.error)")
        worker.signal(SIGTERM)
        #expect(try await worker.result(within: 120).status == 0)
        running.signal(SIGTERM)
        #expect(try await running.result(within: 120).status == 75)
    }
}
