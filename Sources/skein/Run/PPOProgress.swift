import ClusterModel
import Console
import Coordinator
import Foundation
import Reports
import RunLayout
import StatusServer
import Synchronization

/// Follows the PPO stage: a progress line a step from the status endpoint.
final class PPOProgress: Sendable {
    let directory: String
    let steps: Int
    /// As `evaluation.best` has it.
    let figure: String
    /// Rewards without which an answer is dropped.
    let needed: Set<String>
    let supervisor: Supervisor
    private let bar = ProgressBar("ppo")
    /// Time without a step after which it is said what the run does.
    private static let silence: Duration = .seconds(20)
    private let followed: Mutex<Followed>

    /// Files of the run directory that get a line a step. Read by whoever has the lock, so that nothing is said twice.
    private struct Followed: Sendable {
        var metrics: StepLines
        var evaluations: StepLines
    }

    init(directory: String, steps: Int, figure: String, needed: Set<String>, supervisor: Supervisor) {
        self.directory = directory
        self.steps = steps
        self.figure = figure
        self.needed = needed
        self.supervisor = supervisor
        followed = Mutex(
            Followed(
                metrics: StepLines(RunLayout(directory)[.metrics]),
                evaluations: StepLines(RunLayout(directory)[.heldOut])))
    }

    /// The run may have been over before its last step was seen.
    func finish() {
        tellSteps()
        bar.update(steps, of: steps)
    }

    /// Says what the files have of steps that were not told yet, however many were made since the last look.
    func tellSteps() {
        let (metrics, evaluations) = followed.withLock { ($0.metrics.new(), $0.evaluations.new()) }
        for line in metrics {
            guard let figures = try? JSONDecoder().decode([String: Double].self, from: line) else { continue }
            let text = DroppedAnswers.sentence(figures, needed: needed) { step in
                JournalSummary.dropCause(path: RunLayout(directory)[.journal], step: step)
            }
            if let text { bar.note(text) }
        }
        for line in evaluations {
            guard let figures = try? JSONDecoder().decode(HeldOutFigures.self, from: line) else { continue }
            Console.error("ppo: \(figures.sentence(figure))")
        }
    }

    /// Until its task is cancelled.
    func run() async {
        var (shown, wasMoving) = (-1, true)
        var announced = Announcements()
        var (word, said) = ("", ContinuousClock.now)
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(400))
            tellSteps()
            if supervisor.isStopping { continue }
            guard let file = CoordinatorFile.read(in: directory),
                let answer = try? await StatusClient(address: file.status, tokenFile: file.tokenFile).get("/v1/status"),
                let snapshot = try? StatusCoding.decoder().decode(ClusterSnapshot.self, from: answer.body)
            else { continue }
            for text in announced.news(snapshot, own: supervisor.processes, directory: directory) {
                bar.note(text)
            }
            let state = Self.state(snapshot)
            if state != word, ContinuousClock.now - said > Self.silence {
                bar.note("ppo: \(state)")
                (word, said) = (state, .now)
            }
            let isMoving = snapshot.etaS != nil
            // A bar that stands on a terminal must not go on to say when the end is.
            guard snapshot.learner.step > 0,
                snapshot.learner.step != shown || (Console.isTerminal && isMoving != wasMoving)
            else { continue }
            if snapshot.learner.step != shown { said = .now }
            (shown, wasMoving) = (snapshot.learner.step, isMoving)
            let figures = snapshot.learner.metrics
            let detail = [("reward", "critic/score/mean"), ("kl", "actor/sequence_kl_k1")].compactMap { name, key in
                figures[key].map { String(format: "%@ %.3f", name, $0) }
            }.joined(separator: "  ")
            bar.update(shown, of: steps, detail: detail, isMoving: isMoving)
        }
    }

    /// Who is here and what is waited for: `step 3: learner waits for batch of step 3: 3 of 8 jobs sampled, 2 of 8 complete,
    /// learner wait batch, generators 2 of 2`.
    private static func state(_ snapshot: ClusterSnapshot) -> String {
        let waits = snapshot.waits.map { "\($0.who) waits for \($0.what)" }
        let workers = [Role.generator, .scorer].map { role in
            let counts = snapshot.workers[role.rawValue]
            return "\(role.rawValue)s \(counts?.ready ?? 0) of \(counts?.desired ?? 0)"
        }
        let learner = "learner \(snapshot.learner.state.replacingOccurrences(of: "_", with: " "))"
        let paused = snapshot.state == .paused ? "PAUSED, " : ""
        return "\(paused)step \(snapshot.learner.step + 1): " + (waits + [learner] + workers).joined(separator: ", ")
    }
}
