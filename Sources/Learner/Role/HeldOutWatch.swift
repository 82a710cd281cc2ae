package import Evaluations
package import Foundation
import PolicyOptimization
package import Reports
package import RunConfiguration
import RunLayout
package import Torch

/// What the learner does with held-out prompts: it measures the policy of every N-th step, writes that down, and knows
/// which step was the best.
///
/// Owned by ``LearnerLoop``. `evaluations.jsonl` is all its state. A measurement is a function of the run file and of the
/// checkpoint's files, so a learner that was started again writes the line that the first one would have written.
package struct HeldOutWatch: Sendable {
    package typealias Measure =
        @Sendable (HeldOutPolicy) async throws -> (answers: MeasuredAnswers, notes: [String])

    private let every: Int
    /// As `evaluation.best` has it.
    private let figure: String
    private let runDirectory: URL
    /// Of what decides the figures (``Evaluator/basis``).
    private let basis: String?
    /// The model that the policy started from.
    private let base: String
    /// Of the weights that an adapter is trained over.
    private let dtype: DType
    private let measure: Measure
    private let export: @Sendable (HeldOutPolicy, String) async throws -> Void

    package init(
        every: Int, figure: String, basis: String? = nil, runDirectory: URL, base: String, dtype: DType = .float32,
        measure: @escaping Measure,
        export: @escaping @Sendable (HeldOutPolicy, String) async throws -> Void
    ) {
        self.every = every
        self.figure = figure
        self.runDirectory = runDirectory
        self.basis = basis
        self.base = base
        self.dtype = dtype
        self.measure = measure
        self.export = export
    }

    /// - Parameter executor: the learner's: its number of threads is part of the run file.
    /// - Returns: nil unless the run file asks for it.
    package init?(_ run: RunConfiguration, base: String, on executor: ComputeExecutor) throws {
        guard let every = run.evaluation.every else { return nil }
        let evaluator: Evaluator
        let basis: String
        do {
            evaluator = try Evaluator(run)
            basis = try evaluator.basis()
        } catch {
            throw LearnerError(.setting, "evaluation: \(error)")
        }
        let device = run.device
        self.init(
            every: every, figure: run.evaluation.best, basis: basis, runDirectory: URL(filePath: run.runDirectory),
            base: base, dtype: run.ppo.dtype == .bfloat16 ? .bfloat16 : .float32,
            measure: { try await evaluator.measure($0, on: executor) },
            export: { policy, path in try await executor.run { try policy.export(to: path, device: device) } })
    }

    private var history: HeldOutHistory { HeldOutHistory(runDirectory: runDirectory.path(percentEncoded: false)) }

    /// The step whose checkpoint must stay.
    ///
    /// - Parameter steps: whose checkpoints there are.
    package func bestStep(among steps: Set<Int>) -> Int? {
        history.best(by: figure, basis: basis, among: steps)?.step
    }

    /// - Parameter last: the last step of the run.
    package func isDue(_ step: Int, last: Int) -> Bool {
        (step % every == 0 || step == last) && !history.has(step: step, basis: basis)
    }

    /// Measures the policy after so many steps and writes the line.
    ///
    /// - Returns: lines for the log.
    package func look(_ step: Int, _ checkpoints: CheckpointStore) async throws -> [String] {
        let policy = step == 0 ? HeldOutPolicy(directory: base) : self.policy(step, checkpoints)
        let (answers, notes) = try await measure(policy)
        let figures = HeldOutFigures(step: step, answers, basis: basis)
        var history = history
        try history.add(figures)
        return [figures.sentence(figure)] + notes
    }

    /// Writes the best policy as `policy-best`, whole or not at all.
    ///
    /// - Returns: a line for the log; nil when it stands there already.
    package func exportBest(_ checkpoints: CheckpointStore) async throws -> String? {
        let directory = runDirectory.path(percentEncoded: false)
        let present = BestPolicy.read(in: directory).flatMap { $0.basis == basis && $0.figure == figure ? $0 : nil }
        // The policy that stands there may be better than all that still have a checkpoint.
        let steps = checkpoints.steps.union(present.map { [$0.step] } ?? [])
        guard let best = history.best(by: figure, basis: basis, among: steps) else {
            return "no step has the held-out figure \(figure) (evaluation.best), so that there is no policy-best"
        }
        let kept = BestPolicy(step: best.step, figure: figure, value: best.value, basis: basis)
        guard kept != present else { return nil }
        let place = RunLayout(runDirectory).url(.bestPolicy)
        let partial = RunLayout.partial(place)
        try? FileManager.default.removeItem(at: partial)
        try await export(policy(best.step, checkpoints), partial.path(percentEncoded: false))
        try kept.write(to: partial.path(percentEncoded: false))
        try DurableFiles.replace(place, with: partial)
        return "exported step \(best.step), the best by held-out \(figure), as policy-best"
    }

    private func policy(_ step: Int, _ checkpoints: CheckpointStore) -> HeldOutPolicy {
        HeldOutPolicy(
            checkpoint: checkpoints.url(step: step).appending(path: RunLayout.checkpointPolicy).path(
                percentEncoded: false), base: base,
            dtype: dtype)
    }
}
