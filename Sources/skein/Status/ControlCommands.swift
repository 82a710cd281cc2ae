import ArgumentParser
import ClusterModel
import Console
import Foundation
import RunConfiguration
import StatusServer

/// How the commands end that change a run.
private let exitCodes = "Exit code 0: done; 1: the run refused; 2: no coordinator answers, or a wrong command line."

struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Let a worker finish what it has and leave.", discussion: exitCodes)
    @Argument(help: "Name of the worker, as skein status shows it.") var name: String
    @OptionGroup var address: StatusAddress

    func run() async throws {
        let client = try address.client()
        let workers = try await client.snapshot()?.workerList ?? []
        guard workers.contains(where: { ($0.name == name || $0.id == name) && $0.state != "gone" }) else {
            let names = workers.filter { $0.state != "gone" }.map(\.name).sorted().joined(separator: ", ")
            throw CommandError(.usage, "no worker is called '\(name)'; there are: \(names.isEmpty ? "none" : names)")
        }
        let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
        let escaped = name.addingPercentEncoding(withAllowedCharacters: allowed) ?? name
        try await client.post("/v1/workers/\(escaped)/drain")
        let hasLeft = try await client.wait(atMost: 60) { snapshot in
            !snapshot.workerList.contains { ($0.name == name || $0.id == name) && $0.state != "gone" }
        }
        Console.output(hasLeft ? "drained \(name)" : "\(name) gets no new jobs and leaves when it has finished its own")
        if hasLeft { Console.error("no other takes its place unless skein scale asks for one") }
    }
}

struct ScaleCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "Ask the supervisor of the run for another number of workers.",
        discussion: """
            The number outlives a stop of the run, until roles.*.count in the run file changes. \(exitCodes)
            """)
    @Argument(help: "For example generator=4 scorer=2.") var wishes: [String]
    @OptionGroup var address: StatusAddress

    func run() async throws {
        var body: [String: Int] = [:]
        for wish in wishes {
            let parts = wish.split(separator: "=", maxSplits: 1)
            if parts.first == "learner" {
                throw CommandError(.usage, "\(wish): there is one learner; write generator=N or scorer=N")
            }
            let counts = WorkersSection.counts
            guard parts.count == 2, ["generator", "scorer"].contains(parts[0]), let count = Int(parts[1]),
                counts.contains(count)
            else {
                throw CommandError(
                    .usage,
                    "\(wish): write generator=N or scorer=N with N from \(counts.lowerBound) to \(counts.upperBound)")
            }
            body[String(parts[0])] = count
        }
        let client = try address.client()
        try await client.post("/v1/scale", body: body)
        func count(_ snapshot: ClusterSnapshot?, _ role: String) -> Int {
            snapshot?.workerList.filter {
                $0.role == role && !["gone", "joining", "draining", "suspect"].contains($0.state)
            }.count ?? 0
        }
        let isDone = try await client.wait(atMost: 20) { [body] snapshot in
            body.allSatisfy { count(snapshot, $0.key) == $0.value }
        }
        let now = try await client.snapshot()
        for (role, wanted) in body.sorted(by: { $0.key < $1.key }) {
            let here = count(now, role)
            Console.output(
                isDone || here == wanted
                    ? "scaled \(role) to \(wanted)"
                    : "asked for \(wanted) of role \(role), \(here) are ready so far; see skein status")
        }
    }
}

struct PauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause", abstract: "Lease no new jobs; those that are leased are finished.", discussion: exitCodes)
    @OptionGroup var address: StatusAddress
    func run() async throws {
        try await address.client().post("/v1/pause")
        Console.output(
            "paused: no new jobs are leased, and those that are leased are finished; go on with: \(Invocation.skein) resume\(address.words)"
        )
    }
}

struct ResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Go on after a pause.", discussion: exitCodes)
    @OptionGroup var address: StatusAddress
    func run() async throws {
        try await address.client().post("/v1/resume")
        Console.output("resumed")
    }
}

struct StopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop the run after its last committed step.", discussion: exitCodes)
    @OptionGroup var address: StatusAddress

    func run() async throws {
        let client = try address.client()
        let before = try await client.snapshot()
        try await client.post("/v1/stop")
        var last = before
        let end = ContinuousClock.now + .seconds(60)
        // The endpoint goes with the coordinator.
        while ContinuousClock.now < end, let seen = try? await client.snapshot(), seen.runId == before?.runId {
            last = seen
            try await Task.sleep(for: .milliseconds(100))
        }
        let steps = last.map { " after step \($0.learner.step) of \($0.steps)" } ?? ""
        Console.output("stopped\(steps); the same skein run command goes on from there")
    }
}
