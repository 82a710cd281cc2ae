import Console
import Foundation
import Launching
import Supervision
import Testing

@Suite struct SlurmPlanTests {
    private func plan(
        _ part: SlurmPlan.Part = .run(file: "run.yaml", overrides: ["ppo.steps=3"], keys: "/r/launch/keys"),
        generators: Int = 2, scorers: Int = 1, skein: String = "/opt/skein/bin/skein", options: [String] = []
    ) -> SlurmPlan {
        SlurmPlan(
            part: part, name: "skein-mine", skein: skein, directory: "/home/anna/my runs", logs: "/r/logs", nodes: 2,
            workers: [
                .init(role: "generator", count: generators, threads: 4, key: "/r/launch/keys/slurm-generator.key"),
                .init(role: "scorer", count: scorers, threads: 1, key: "/r/launch/keys/slurm-scorer.key"),
            ], headThreads: 2, options: options)
    }

    private func script(_ plan: SlurmPlan) -> String { plan.script(quoted: Invocation.quoted) }

    private func directives(_ script: String) -> [String] {
        script.split(separator: "\n").filter { $0.hasPrefix("#SBATCH ") }.map { String($0.dropFirst(8)) }
    }

    @Test func theJobHasRoomForAllItsSteps() {
        let text = script(plan(options: ["--partition=gpu"]))
        let lines = directives(text)
        #expect(lines.contains("--ntasks=4") && lines.contains("--nodes=2") && lines.contains("--cpus-per-task=4"))
        #expect(lines.contains("--chdir=/home/anna/my runs") && lines.contains("--partition=gpu"))
        #expect(lines.contains("--requeue") && lines.contains("--open-mode=append"))
        #expect(lines.contains("--signal=B:TERM@180") && lines.contains("--output=/r/logs/slurm-%j.log"))
        // sbatch stops reading directives at the first command.
        #expect(text.hasPrefix("#!/bin/bash\n#SBATCH ") && text.contains("--ntasks=2 --cpus-per-task=4"))
        #expect(text.contains("--keys /r/launch/keys") && text.contains("run run.yaml --set ppo.steps=3"))
    }

    @Test func moreWorkersAreAJobWithoutAHead() {
        let text = script(plan(.workers(coordinator: "tcp://n1:20007"), generators: 3, scorers: 0))
        #expect(directives(text).contains("--ntasks=3") && directives(text).contains("--no-requeue"))
        #expect(text.contains("export SKEIN_COORDINATOR=tcp://n1:20007"))
        #expect(!text.contains("--head") && !text.contains("slurm-scorer"))
        #expect(text.contains("--key /r/launch/keys/slurm-generator.key"))
    }

    /// No error of quoting or of shell syntax, whatever paths hold.
    @Test(arguments: ["/opt/skein", "/o p/it's $HOME/`id`/skein"])
    func aShellAcceptsTheScript(_ skein: String) throws {
        for plan in [plan(skein: skein), plan(.workers(coordinator: "tcp://n1:1"), skein: skein)] {
            let shell = Process()
            shell.executableURL = URL(filePath: "/bin/bash")
            shell.arguments = ["-n", "/dev/stdin"]
            let input = Pipe()
            shell.standardInput = input
            try shell.run()
            try input.fileHandleForWriting.write(contentsOf: Data(script(plan).utf8))
            try input.fileHandleForWriting.close()
            shell.waitUntilExit()
            #expect(shell.terminationStatus == 0)
        }
    }

    /// The batch shell waits on through a signal, and learns the code of what it waited for. As a child of Skein, which begins
    /// with no signal blocked or ignored: a shell cannot trap those that are.
    @Test func waitingOutlastsSignals() async throws {
        let text = script(plan())
        let function = try #require(text.split(separator: "wait_for() {", maxSplits: 1).last).split(
            separator: "\n}\n", maxSplits: 1)[0]
        let log = FileManager.default.temporaryDirectory.appending(path: "wait-\(UUID().uuidString).log").path
        defer { try? FileManager.default.removeItem(atPath: log) }
        let commands = """
            wait_for() {\(function)
            }
            asked=; trap 'asked=yes; kill -USR2 $!' TERM
            (trap 'exit 7' USR2; kill -TERM $$; for _ in {1..600}; do sleep 0.05; done; exit 9) &
            wait_for $!; echo "$? $asked"
            """
        let end = try await ChildProcess("/bin/bash", ["-c", commands], output: .log(log)).run()
        #expect(end.ending == .exit(0))
        #expect(try String(contentsOfFile: log, encoding: .utf8) == "7 yes\n")
    }

    @Test(arguments: [
        (["partition=gpu"], "begins with a dash"), (["--comment=a\nb"], "line break"),
    ])
    func whatSbatchCannotReadIsRefused(_ options: [String], _ words: String) {
        let error = #expect(throws: LaunchError.self) { try plan(options: options).check() }
        #expect(error?.message.contains(words) == true)
    }

    @Test func nobodyToStartIsRefused() throws {
        try plan(generators: 0, scorers: 0).check()
        let empty = plan(.workers(coordinator: "tcp://n1:1"), generators: 0, scorers: 0)
        #expect(throws: LaunchError.self) { try empty.check() }
    }
}
