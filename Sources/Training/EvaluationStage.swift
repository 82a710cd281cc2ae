import AtomicFiles
import Evaluations
import Foundation
import Reports
package import RunConfiguration
import RunLayout
import Torch

/// The stage evaluate: the policy against its start.
package enum EvaluationStage {
    /// Writes `evaluation.json` into the run directory. Both models answer the same prompts with the same random keys.
    package static func run(_ run: RunConfiguration, reporter: any ProgressReporter) async throws {
        let start = try TrainingStages.required(run.models.policy, "models.policy")
        let evaluator = try Evaluator(run)
        for note in evaluator.notes { reporter.note("evaluate: \(note)") }
        let samples = run.evaluation.samples
        reporter.note(
            "evaluate: \(evaluator.promptCount) held-out prompts" + (samples > 1 ? ", \(samples) answers to each" : ""))
        let executor = ComputeExecutor(name: "evaluate")
        defer { executor.shutDown() }
        try await executor.run { try TorchRuntime.configure(threads: run.evaluation.threads) }
        let before = try await evaluator.measure(HeldOutPolicy(directory: start), on: executor, sequenceKL: false)
        let after = try await evaluator.measure(HeldOutPolicy(directory: run.policyDirectory), on: executor)
        let notes = before.notes.map { "before: \($0)" } + after.notes.map { "after: \($0)" }
        for note in notes { reporter.note("evaluate: \(note)") }
        let evaluation = Evaluation(
            before: before.answers, after: after.answers, klBudget: run.evaluation.klBudget,
            notes: evaluator.notes + notes)
        let writer = JSONEncoder()
        writer.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let file = run.layout[.evaluation]
        do {
            try AtomicFile.write(writer.encode(evaluation), to: file)
        } catch {
            throw TrainingError(.io, "cannot write \(file)", cause: error)
        }
    }
}
