import Datasets
import Foundation
import LanguageModels
import PolicyOptimization
import Reports
package import RunConfiguration
import RunInputs
import Tokenizers
import Torch

/// The stages before PPO, each a function of the run file that leaves a directory behind.
///
/// Runs on the thread that calls it; the result is a function of configuration, data and thread count alone. A stage that
/// was made from the same inputs is used again; one that was interrupted goes on from its last checkpoint.
package enum TrainingStages {
    ///
    /// - Parameter mustBeFinished: PPO has started from what the stage left, so nothing may take its place.
    package static func run(
        _ stage: Stage, _ run: RunConfiguration, mustBeFinished: Bool = false, reporter: any ProgressReporter
    ) throws {
        if mustBeFinished {
            try checkFinished(stage, run, reporter)
            return
        }
        switch stage {
        case .pretrain: try pretrain(run, reporter)
        case .sft: try sft(run, reporter)
        case .rewardModel: try rewardModel(run, reporter)
        case .ppo, .evaluate: throw TrainingError(.setting, "\(stage.rawValue) is no training stage")
        }
    }

    private static func checkFinished(_ stage: Stage, _ run: RunConfiguration, _ reporter: any ProgressReporter) throws
    {
        let path: String
        switch stage {
        case .pretrain: path = run.pretrainedDirectory
        case .sft: path = run.sftDirectory
        case .rewardModel: path = run.rewardModelDirectory
        case .ppo, .evaluate: throw TrainingError(.setting, "\(stage.rawValue) is no training stage")
        }
        let directory = StageDirectory(
            stage: stage.rawValue, final: URL(filePath: path), inputs: try inputs(stage, run))
        if directory.finished != nil {
            reporter.note("\(stage.rawValue): used again, \(path) was made from the same inputs")
            return
        }
        let why = directory.unusable ?? "is missing"
        throw TrainingError(
            .setting,
            """
            \(path) \(why), and PPO has already started from it; restore it to go on, set another run_directory, or call \
            the same command with --fresh to throw that run away
            """)
    }

    /// Where a stage that is computed writes.
    struct Workspace {
        /// Becomes the stage's directory when it is done.
        let directory: String
        let checkpoints: StageCheckpoints
        let reporter: any ProgressReporter

        /// Where the adapter goes, beside the model it is merged into.
        var adapterDirectory: String { "\(directory)/adapter" }

        func loop(_ plan: TrainingPlan) -> TrainingLoop {
            TrainingLoop(plan: plan, checkpoints: checkpoints, reporter: reporter)
        }
    }

    /// Skips a stage whose result was made from the same inputs; else makes it, whole or not at all.
    ///
    /// - Parameter inputs: all that determines the result.
    static func within(
        _ name: String, _ run: RunConfiguration, _ path: String, _ section: TrainingSection, _ inputs: InputRecord,
        _ reporter: any ProgressReporter, _ body: (Workspace) throws -> [String: Double]
    ) throws {
        let stage = StageDirectory(stage: name, final: URL(filePath: path), inputs: inputs)
        if let done = stage.finished {
            let figures = StageFigures.words(done.figures)
            reporter.note("\(name): used again, \(path) was made from the same inputs (\(figures))")
            return
        }
        if let why = stage.unusable { reporter.note("\(name): made again, \(path) \(why)") }
        try TorchRuntime.configure(threads: section.threads)
        let clock = ContinuousClock()
        let started = clock.now
        let directory = try stage.begin()
        let checkpoints = StageCheckpoints(directory: stage.checkpoints, inputs: inputs.hash)
        let figures = try body(
            Workspace(
                directory: directory.path(percentEncoded: false), checkpoints: checkpoints, reporter: reporter))
        _ = try stage.commit(seconds: (clock.now - started) / .seconds(1), figures: figures)
        checkpoints.remove()
        reporter.note("\(name): \(StageFigures.words(figures))")
    }

    static func plan(_ name: String, _ section: TrainingSection, _ run: RunConfiguration) -> TrainingPlan {
        var plan = TrainingPlan(
            stage: name, epochs: section.epochs, maxSteps: section.maxSteps, batch: section.batchSize,
            microBatchTokens: section.tokenBudget, learningRate: section.learningRate, warmup: section.warmup,
            decay: section.schedule, optimizer: AdamW.Settings(section), gradientNorm: section.clipNorm,
            seed: run.seed,
            evaluateEvery: section.evaluateEvery, patience: section.patience,
            checkpointEvery: section.checkpointEvery)
        plan.packs = section.packing
        return plan
    }

    /// A fresh adapter for a model; nil without a section.
    ///
    /// - Parameter key: of the section, for messages.
    static func adapter(
        _ section: LoRASection?, _ key: String, for model: CausalLM, at base: String?, _ run: RunConfiguration
    ) throws -> LowRankAdapter? {
        guard let section else { return nil }
        do {
            return try LowRankAdapter(
                LoRAConfiguration(rank: section.rank, alpha: section.alpha, targets: section.targets),
                for: model.configuration, base: base, seed: run.seed, device: model.device)
        } catch {
            throw TrainingError(.setting, "\(key).lora: \(error)")
        }
    }

    static func dtype(_ section: TrainingSection) -> DType {
        switch section.dtype {
        case .float32: .float32
        case .bfloat16: .bfloat16
        }
    }

    static func required(_ value: String?, _ key: String) throws -> String {
        guard let value else { throw TrainingError(.setting, "\(key) is not set in the run file") }
        return value
    }

    static func bad(_ run: RunConfiguration) -> BadLine { run.data.onError == .skip ? .skip : .stop }
}
