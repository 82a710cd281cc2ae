import ArgumentParser
import ClusterModel
import Console
import Coordinator
import Foundation
import StatusServer

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "What the cluster is doing.",
        discussion: """
            Exit code 0: healthy, or finished; 1: degraded, which alarms of the last five steps make it; 2: no \
            coordinator answers. With --run the files of a run that is over say how it ended, a run that is in another \
            stage than PPO says so, and of a coordinator that is stopped or hangs it is said what to do.
            """)
    @OptionGroup var address: StatusAddress
    @Flag(help: "Print the endpoint's JSON.") var json = false
    @Flag(help: "Print nothing; the exit code says it.") var quiet = false
    @Flag(help: "Show it again every second.") var watch = false

    func run() async throws {
        if address.status == nil, let directory = address.run, let live = LiveStages.read(in: directory) {
            if !quiet { Console.output(try json ? live.json() : live.lines) }
            return
        }
        if let ended = await runWithoutAnswer() {
            if let silent = SilentCoordinator.read(in: ended.directory) {
                if !quiet { Console.output(try json ? silent.json(ended) : silent.lines(ended)) }
                throw ExitCode(ExitStatus.usage.rawValue)
            }
            try show(ended)
            return
        }
        let client = try address.client()
        repeat {
            let (code, body) = try await client.get("/v1/status")
            if code == 401 { _ = try await client.snapshot() }
            guard let snapshot = try? StatusCoding.decoder().decode(ClusterSnapshot.self, from: body) else {
                throw CommandError(.usage, "\(client.address) does not answer as a coordinator of Skein")
            }
            if json {
                Console.output(String(decoding: body, as: UTF8.self).trimmingCharacters(in: .newlines))
            } else if !quiet {
                Console.output((watch ? "\u{1B}[2J\u{1B}[H" : "") + StatusTable.render(snapshot))
            }
            if watch {
                try await Task.sleep(for: .seconds(1))
            } else if snapshot.alarms.contains(where: { !$0.isPast }) || snapshot.state == .failed {
                throw ExitCode(ExitStatus.failed.rawValue)
            }
        } while watch && !Console.isUnread
    }

    /// What the files of the run directory say when nobody answers for it.
    private func runWithoutAnswer() async -> EndedRun? {
        guard address.status == nil, let directory = address.run, let ended = EndedRun.read(in: directory) else {
            return nil
        }
        guard let file = CoordinatorFile.read(in: directory), let client = try? address.client() else { return ended }
        // Another run may listen there by now.
        let answering = try? await client.snapshot()
        return answering?.runId == file.runID ? nil : ended
    }

    private func show(_ ended: EndedRun) throws {
        if json {
            Console.output(try ended.json())
        } else if !quiet {
            Console.output(ended.lines)
        }
        switch ended.state {
        case .done: return
        case .failed: throw ExitCode(ExitStatus.failed.rawValue)
        case .stopped, .open: throw ExitCode(ExitStatus.usage.rawValue)
        }
    }
}

enum StatusTable {
    static func render(_ snapshot: ClusterSnapshot) -> String {
        let learner = snapshot.learner
        var lines = [
            "\(snapshot.name)  \(snapshot.state.rawValue)  up \(ProgressBar.clock(snapshot.uptimeS))",
            "step \(learner.step)/\(snapshot.steps)  learner \(learner.state)  weights \(snapshot.weights.current)"
                + (snapshot.etaS.map { "  ETA \(ProgressBar.clock($0))" } ?? ""),
            String(
                format: "%.1f trajectories/s  %.0f tokens/s  %.1f steps/min", snapshot.rates.trajectoriesPerS,
                snapshot.rates.tokensPerS, snapshot.rates.stepsPerMin),
            "", row(["JOBS", "pending", "leased", "done", "retried", "duplicate"]),
        ]
        for (kind, queue) in snapshot.queue.sorted(by: { $0.key < $1.key }) {
            lines.append(
                row([
                    kind == "score" ? "scoring" : "generation", "\(queue.pending)", "\(queue.leased)",
                    "\(queue.doneTotal)", "\(queue.retriesTotal)",
                    "\(queue.duplicatesTotal)",
                ]))
        }
        lines += ["", row(["WORKER", "role", "state", "version", "done", "pid"])]
        for worker in snapshot.workerList {
            lines.append(
                row([
                    worker.name, worker.role, worker.state, worker.version.map { "\($0)" } ?? "-",
                    "\(worker.jobsDone)", "\(worker.pid)",
                ]))
        }
        func age(_ since: Int64) -> String { ProgressBar.clock(Double(snapshot.nowMs - since) / 1000) }
        lines += snapshot.waits.map {
            "waits: \($0.who) for \($0.what), since \(age($0.sinceMs))" + ($0.remedy.map { "; \($0)" } ?? "")
        }
        lines += snapshot.alarms.map { alarm in
            let words =
                "\(alarm.code): \(alarm.detail) (step \(alarm.step), \(age(alarm.sinceMs)) ago"
                + (alarm.times > 1 ? ", \(alarm.times) times)" : ")")
            return (alarm.isPast ? "past alarm " : "ALARM ") + words
        }
        lines += snapshot.refusals.suffix(5).map {
            "refused: \($0.who): \($0.why)" + ($0.count > 1 ? ", \($0.count) times" : "") + ", \(age($0.lastMs)) ago"
        }
        // Names, hosts and reasons are other people's words.
        return lines.map(\.printable).joined(separator: "\n")
    }

    private static func row(_ cells: [String]) -> String {
        cells.enumerated().map { index, cell in
            cell.padding(toLength: max(cell.count, index == 0 ? 18 : 10), withPad: " ", startingAt: 0)
        }.joined(separator: " ")
    }
}
