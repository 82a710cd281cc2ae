import Foundation
import Testing

/// Launches with a program in the place of ssh: it hands its last word to a shell, as the host's sshd does.
@Suite(.serialized, .onItsOwnThread) struct LaunchTests {
    private struct Bed {
        var run: TinyRun
        var port: Int

        /// - Parameter hosts: lines of the file of hosts.
        init(_ hosts: String, steps: Int = 3) async throws {
            run = try await TinyRun(steps: steps)
            port = try Self.freePort()
            let bin = run.folder.path + "/bin"
            try FileManager.default.createDirectory(atPath: bin, withIntermediateDirectories: true)
            try run.folder.write(
                "bin/ssh",
                """
                #!/bin/sh
                printf '%s\\n' "$*" >>'\(run.folder.path)/commands'
                case "$*" in *' broken '*) echo 'ssh: connect to host broken: refused' >&2; exit 255 ;; esac
                for last; do :; done
                exec /bin/sh -c "$last"
                """)
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: bin + "/ssh")
            try run.folder.write("hosts", hosts)
        }

        var words: [String] {
            [
                "PATH=\(run.folder.path)/bin:/usr/bin:/bin", Skein.executable.path, "launch", "ssh", run.file,
                "--hostfile", run.folder.path + "/hosts", "--advertise", "127.0.0.1", "--bind",
                "tcp://127.0.0.1:\(port)", "--skein", Skein.executable.path,
            ]
        }

        func start(_ more: [String] = []) throws -> Running { try Running("/usr/bin/env", words + more) }

        private static func freePort() throws -> Int {
            let file = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(file) }
            var place = sockaddr_in()
            place.sin_family = sa_family_t(AF_INET)
            place.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let code = withUnsafeMutablePointer(to: &place) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(file, $0, length) == 0 ? getsockname(file, $0, &length) : -1
                }
            }
            try #require(code == 0)
            return Int(UInt16(bigEndian: place.sin_port))
        }

        func processes() async throws -> String {
            try await Running("/usr/bin/pgrep", ["-f", run.directory]).result().output
        }

        /// Secret keys and tokens of the run.
        func secrets() throws -> [String] {
            let files = FileManager.default
            let keys = try ["/keys", "/launch/keys"].flatMap { folder in
                try files.contentsOfDirectory(atPath: run.directory + folder).filter { $0.hasSuffix(".key") }.map {
                    try String(contentsOfFile: run.directory + folder + "/" + $0, encoding: .utf8)
                }
            }
            let secrets = keys.compactMap { key in
                key.split(separator: "\n").first { !$0.hasPrefix("#") }?.split(separator: " ").dropFirst(3).first
            }.map(String.init)
            let tokens = try ["token", "read-token"].map {
                try String(contentsOfFile: run.directory + "/" + $0, encoding: .utf8)
            }
            return secrets + tokens
        }
    }

    @Test func workersOfOtherHostsMakeTheRun() async throws {
        let bed = try await Bed("one generator=2\ntwo generator=0 scorer=1 -p 22 # the other\n")
        let result = try await bed.start().result()
        #expect(result.status == 0, "\(result.error)\(bed.run.logs())")
        let commands = try String(contentsOfFile: bed.run.folder.path + "/commands", encoding: .utf8)
        #expect(commands.split(separator: "\n").count == 3 && commands.contains("-p 22 -- two"))
        #expect(try bed.run.summary().isEmpty == false)
        let secrets = try bed.secrets()
        #expect(secrets.count >= 7 && secrets.allSatisfy { $0.count == 64 })
        for text in [commands, result.output, result.error, bed.run.logs()] {
            #expect(!secrets.contains { text.contains($0) })
        }
        #expect(try await bed.processes().isEmpty)
    }

    @Test func theWorstExitCodeWins() async throws {
        let bed = try await Bed("one generator=1 scorer=1\nbroken generator=1\n")
        let result = try await bed.start().result()
        #expect(result.status == 255, "\(result.error)")
        #expect(result.error.contains("ssh-generator.1.0 on broken: ssh could not keep a session"), "\(result.error)")
        // The others made the run all the same.
        #expect(try bed.run.summary().isEmpty == false)
    }

    /// However the launch ends: nothing of it goes on.
    @Test func nothingOutlivesTheSession() async throws {
        let bed = try await Bed("one generator=1 scorer=1\n", steps: 100_000)
        let launch = try bed.start()
        let isLive = try await eventually { try await bed.run.workers().count { $0.jobsDone > 0 } >= 2 ? true : nil }
        #expect(isLive == true, "\(launch.error)\(bed.run.logs())")
        launch.signal(SIGKILL)
        let isEmpty = try await eventually(within: 60) { try await bed.processes().isEmpty ? true : nil }
        let left = try await bed.processes()
        #expect(isEmpty == true, "\(left)")
    }

    @Test func aDryRunShowsEveryCommandAndWritesNothing() async throws {
        let bed = try await Bed("one generator=1\n")
        let result = try await bed.start(["--dry-run"]).result()
        #expect(result.status == 0, "\(result.error)")
        let lines = result.output.split(separator: "\n")
        #expect(lines.count == 2 && lines[0].contains(" run ") && lines[0].contains("--head"))
        #expect(lines[1].hasPrefix("ssh -T ") && lines[1].hasSuffix("/launch/keys/ssh-generator.key"))
        #expect(!FileManager.default.fileExists(atPath: bed.run.directory))
        #expect(!FileManager.default.fileExists(atPath: bed.run.folder.path + "/commands"))
    }

    @Test func mistakesAreNamed() async throws {
        let bed = try await Bed("one generators=1\n")
        let wrong = try await bed.start(["--dry-run"]).result()
        #expect(wrong.status == 2 && wrong.error.contains("hosts:1: unknown word \"generators=1\""), "\(wrong.error)")
        let gone = try await bed.start(["--dry-run", "--hostfile", "/nowhere/hosts"]).result()
        #expect(gone.status == 78 && gone.error.contains("/nowhere/hosts"), "\(gone.error)")
        let slurm = try await Skein.run(["launch", "slurm", bed.run.file, "--dry-run", "--join", "learner=1"])
        #expect(slurm.status == 2 && slurm.error.contains("--join learner=1"), "\(slurm.error)")
        let early = try await Skein.run(["launch", "slurm", bed.run.file, "--dry-run", "--join", "generator=1"])
        #expect(early.status == 2 && early.error.contains("no run that other hosts can join"), "\(early.error)")
    }

    /// The page of Slurm shows what the command writes.
    @Test func theExampleOfThePageIsWhatIsSubmitted() async throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "deploy/slurm").path
        let script = "cd '\(folder)' && exec \"$0\" \"$@\""
        let words = ["launch", "slurm", "example.yaml", "--nodes", "2", "--sbatch=--time=12:00:00", "--dry-run"]
        let result = try await Running("/bin/sh", ["-c", script, Skein.executable.path] + words).result()
        #expect(result.status == 0, "\(result.error)")
        func general(_ text: String) -> [String] {
            text.split(separator: "\n").map(String.init).map { line in
                line.hasPrefix("skein=") ? "skein=" : line.hasPrefix("#SBATCH --chdir=") ? "#SBATCH --chdir=" : line
            }
        }
        let page = try String(contentsOfFile: folder + "/example.sbatch", encoding: .utf8)
        #expect(general(result.output) == general(page))
    }

    @Test func aHeadWithoutWorkersSaysWhoIsMissing() async throws {
        let run = try await TinyRun(
            keys: "rewards: [{kind: length, target: 12}]\nstart: {workers: 3, timeout_s: 3}")
        let alone = try await Skein.run(["run", run.file, "--head"])
        #expect(alone.status == 75, "\(alone.error)")
        #expect(alone.error.contains("waited 3 s (start.timeout_s) for 3 workers"), "\(alone.error)")
        #expect(alone.error.contains("none is here"), "\(alone.error)")
    }
}
