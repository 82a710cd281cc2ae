import Cluster
import ClusterModel
import Foundation
import Testing
import Transport
import ZeroMQ

/// Runs that cannot go on, or are disturbed from outside.
@Suite(.serialized, .onItsOwnThread) struct BadRunTests {
    /// The policy of a run of four steps that nothing disturbs.
    private static let undisturbed = Task {
        let run = try await TinyRun(steps: 4)
        try #require(try await run.start().result().status == 0)
        return try run.policy()
    }

    private func prompts(_ text: String) async throws -> Skein.Result {
        let run = try await TinyRun()
        try run.folder.write("prompts.jsonl", text)
        return try await run.start().result(within: 60)
    }

    @Test func noPrompts() async throws {
        let result = try await prompts("")
        #expect(result.status == 78 && result.error.contains("prompts.jsonl"), "\(result)")
    }

    @Test func aPromptBeyondTheContext() async throws {
        let long = String(repeating: "zq ", count: 300)
        let result = try await prompts("{\"prompt\":\"short\"}\n{\"prompt\":\"\(long)\"}\n")
        #expect(result.status == 78 && result.error.contains("prompts.jsonl:2"), "\(result)")
    }

    /// Without a GPU, or with a libtorch that has none.
    @Test(arguments: ["cuda", "mps"]) func aDeviceThatIsNotThereIsNamed(_ device: String) async throws {
        let run = try await TinyRun()
        let result = try await Skein.run(["run", run.file, "--set", "device=\(device)"])
        // A machine that has one may use it.
        #expect(
            result.status == 0 || result.status == 78 && result.error.contains("device: \(device)"), "\(result.error)")
    }

    @Test func aPortInUse() async throws {
        let taken = try Listener()
        let run = try await TinyRun()
        let result = try await Running(
            Skein.executable.path, ["run", run.file, "--set", "coordinator.status=127.0.0.1:\(taken.port)"]
        ).result(within: 60)
        #expect(result.status == 75 && result.error.contains("\(taken.port)"), "\(result)")
    }

    /// A worker of another version than the coordinator's ends at once, and no supervisor should start it again.
    @Test func aCoordinatorOfAnotherProtocol() async throws {
        let thread = try SocketThread()
        defer { thread.stop() }
        let address = try await thread.run {
            let router = try thread.open(.router)
            let address = try router.bind("tcp://127.0.0.1:0")
            thread.watch(router) {
                while let frames = router.receive(), let peer = frames.first {
                    let refusal = Message.refused(code: "protocol", message: "this coordinator speaks protocol 99")
                    guard let answer = try? Codec.encode(Envelope(refusal)) else { return }
                    _ = router.send(answer, to: peer)
                }
            }
            return address
        }
        let result = try await Skein.run(["generator", "--coordinator", address], within: 120)
        #expect(result.status == 78 && result.error.contains("protocol 99"), "\(result)")
    }

    /// Every stage listens to Ctrl-C, the ones behind the first too.
    @Test func ctrlCStopsTheStageBehindAnother() async throws {
        let run = try await TinyRun(steps: 400)
        try run.folder.write("sft.jsonl", #"{"prompt":"Say","completion":" something"}"# + "\n")
        let running = try Running(
            Skein.executable.path,
            ["run", run.file, "--set", "stages=[sft, ppo]", "--set", "data.sft=\(run.folder.path)/sft.jsonl"])
        let hasSteps: Bool? = try await eventually {
            let learner = try await run.status()?["learner"] as? [String: Any]
            return (learner?["step"] as? Int ?? 0) > 0 ? true : nil
        }
        try #require(hasSteps == true, "\(running.error) \(run.logs())")
        running.signal(SIGINT)
        let result = try await running.result(within: 120)
        #expect(result.status == 75 && result.error.contains("Ctrl-C"), "\(result)")
    }

    @Test func garbageAtEverySocketChangesNothing() async throws {
        let undisturbed = try await TinyRun(steps: 6)
        try #require(try await undisturbed.start().result().status == 0)
        let run = try await TinyRun(steps: 6)
        let running = try run.start()
        let file = try #require(
            try await eventually { () -> [String: Any]? in
                guard let data = FileManager.default.contents(atPath: run.directory + "/coordinator.json") else {
                    return nil
                }
                return try JSONSerialization.jsonObject(with: data) as? [String: Any]
            })
        var random = SystemRandomNumberGenerator()
        while running.isRunning {
            // Every port on which a process of the run listens: coordinator, status, sources of artifacts.
            var ports = try listening(running.pid)
            for key in ["endpoint", "status"] {
                if let port = (file[key] as? String)?.split(separator: ":").last.flatMap({ UInt16($0) }) {
                    ports.insert(port)
                }
            }
            for port in ports {
                let bytes = (0..<Int.random(in: 1...600)).map { _ in UInt8.random(in: 0...255, using: &random) }
                send(bytes, to: port)
                // A greeting that is right, and nonsense after it.
                send(
                    [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1] + Array("NULL".utf8) + [UInt8](repeating: 0, count: 48)
                        + bytes, to: port)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        let result = try await running.result()
        #expect(result.status == 0, "\(result.error)")
        #expect(try run.policy() == undisturbed.policy())
    }

    /// Bytes that are left on the disk: too few for the run file, for the journal's tables, for its entries, for a
    /// checkpoint.
    @Test(
        .enabled(if: geteuid() == 0, "mounting a small disk needs root"),
        arguments: [4_000, 40_000, 120_000, 200_000, 300_000, 400_000])
    func aFullDiskLosesNothing(left: Int) async throws {
        let mount = try Skein.Folder()
        let mounted = try await Running("/usr/bin/env", ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", mount.path])
            .result()
        try #require(mounted.status == 0, "\(mounted.error)")
        func unmount() async throws { _ = try await Running("/usr/bin/env", ["umount", "-l", mount.path]).result() }
        let run = try await TinyRun(steps: 4)
        let words = ["run", run.file, "--set", "run_directory=\(mount.path)/run"]
        do {
            let free = try #require(
                FileManager.default.attributesOfFileSystem(forPath: mount.path)[.systemFreeSize] as? NSNumber)
            try Data(count: free.intValue - left).write(to: URL(filePath: mount.path + "/filler"))
            let full = try await Running(Skein.executable.path, words).result()
            #expect(full.status != 0 && full.error.lowercased().contains("space"), "\(full)")
            try FileManager.default.removeItem(atPath: mount.path + "/filler")
            let again = try await Running(Skein.executable.path, words).result()
            #expect(again.status == 0, "\(again.error)")
            let policy = try Data(contentsOf: URL(filePath: mount.path + "/run/policy/model.safetensors"))
            #expect(try await Self.undisturbed.value == policy)
            // Nothing of what people read is missing either.
            let metrics = try String(contentsOfFile: mount.path + "/run/metrics.jsonl", encoding: .utf8)
            #expect(metrics.split(separator: "\n").count == 4)
        } catch {
            try await unmount()
            throw error
        }
        try await unmount()
    }

    // MARK: - Sockets

    private func send(_ bytes: [UInt8], to port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = local(port)
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        if connected == 0 { _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
    }

    /// Ports on which the process and its children listen.
    private func listening(_ pid: Int32) throws -> Set<UInt16> {
        let children = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
        let processes = [pid] + children.split(separator: " ").compactMap { Int32($0) }
        var inodes: Set<String> = []
        for process in processes {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? [] {
                let target =
                    (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(name)")) ?? ""
                if target.hasPrefix("socket:[") { inodes.insert(String(target.dropFirst(8).dropLast())) }
            }
        }
        let table = (try? String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)) ?? ""
        return Set(
            table.split(separator: "\n").dropFirst().compactMap { line in
                let fields = line.split(separator: " ")
                guard fields.count > 9, fields[3] == "0A", inodes.contains(String(fields[9])) else { return nil }
                return fields[1].split(separator: ":").last.flatMap { UInt16($0, radix: 16) }
            })
    }
}

/// A port that is taken.
final class Listener: Sendable {
    let descriptor: Int32
    let port: UInt16

    init() throws {
        let opened = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = local(0)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(opened, pointer, size) == 0 && listen(opened, 1) == 0
                    && getsockname(opened, pointer, &size) == 0
            }
        }
        descriptor = opened
        port = UInt16(bigEndian: address.sin_port)
        try #require(bound)
    }

    deinit { close(descriptor) }
}

private func local(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    return address
}
