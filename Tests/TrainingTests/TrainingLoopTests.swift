import Foundation
import LanguageModels
import PolicyOptimization
import RunConfiguration
import Testing
import Torch

@testable import Training

/// The loop by itself: early stopping, checkpoints, and the bits after an interruption.
@Suite struct TrainingLoopTests {
    private struct Interrupted: Error {}

    private static let rows: [[Int32]] = (0..<24).map { (row: Int) -> [Int32] in
        (0..<(4 + row % 5)).map { (place: Int) -> Int32 in
            let number = row * 7 + place * 5
            return Int32(3 + number % 20)
        }
    }

    private func plan(patience: Int? = nil, checkpointEvery: Int? = nil) -> TrainingPlan {
        TrainingPlan(
            stage: "test", epochs: 4, batch: 4, microBatchTokens: 16, learningRate: 1e-2, warmup: 0.1, decay: .cosine,
            optimizer: AdamW.Settings(weightDecay: 0.1), seed: 3, evaluateEvery: 4, patience: patience,
            checkpointEvery: checkpointEvery)
    }

    private func model() throws -> CausalLM {
        try CausalLM(
            configuration: ModelConfiguration(
                vocabularySize: 24, hiddenSize: 16, intermediateSize: 32, layerCount: 1, headCount: 2,
                contextLength: 16), seed: 1)
    }

    /// - Parameter interruptAt: the step in which the process dies, so to speak.
    private func run(
        _ model: CausalLM, _ plan: TrainingPlan, _ checkpoints: StageCheckpoints? = nil, interruptAt: Int? = nil,
        validation: (() throws -> Double)? = nil
    ) throws -> TrainingLoop.Outcome {
        try model.setTrainable(true)
        var last: [Int] = []
        var steps = 0
        let loop = TrainingLoop(plan: plan, checkpoints: checkpoints, reporter: SilentProgress())
        return try loop.run(
            lengths: Self.rows.map(\.count), parameters: model.trainable, validation: validation
        ) { piece, batch in
            if batch != last { steps += 1 }
            last = batch
            if let interruptAt, steps > interruptAt { throw Interrupted() }
            let part = try TokenBatch(piece.map { Self.rows[$0] })
            let tokens = batch.reduce(0) { $0 + Self.rows[$1].count - 1 }
            return TrainingLoop.Part(
                loss: try SupervisedLoss.backward(model, part, globalTokens: tokens), tokens: part.tokenCount)
        }
    }

    private func inTemporaryDirectory(_ body: (URL) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "skein-loop-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        try body(directory)
    }

    @Test func itStopsWhenNothingGetsBetterAndKeepsTheBest() throws {
        let model = try model()
        var found: [Double] = [3, 2, 2.5, .nan, 1]
        var atBest = Data()
        let outcome = try run(model, plan(patience: 2)) {
            let loss = found.removeFirst()
            if loss == 2 { atBest = try model.safetensorsData() }
            return loss
        }
        #expect(outcome.steps == 16 && outcome.bestStep == 8 && outcome.validationLoss == 2)
        #expect(found == [1])
        #expect(try model.safetensorsData() == atBest)
        // Without patience all steps are made, and the best weights are kept all the same.
        found = [3, 2, 2.5, 2.2, 4, 5]
        let whole = try run(model, plan()) { found.removeFirst() }
        #expect(whole.steps == 24 && whole.bestStep == 8)
    }

    @Test func stepsCanBeBounded() throws {
        var short = plan()
        short.maxSteps = 5
        #expect(try run(model(), short).steps == 5)
        short.epochs = 1e300
        #expect(try run(model(), short).steps == 5)
    }

    @Test func anInterruptedLoopEndsWithTheSameBits() throws {
        func validation(_ model: CausalLM) -> () throws -> Double {
            { try SupervisedLoss.sum(model, TokenBatch(Array(Self.rows.prefix(6)))) }
        }
        let whole = try model()
        let expected = try run(whole, plan(), validation: validation(whole))
        try inTemporaryDirectory { folder in
            let checkpoints = StageCheckpoints(directory: folder, inputs: "a")
            let first = try model()
            #expect(throws: Interrupted.self) {
                try run(
                    first, plan(checkpointEvery: 5), checkpoints, interruptAt: 13, validation: validation(first))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["step-000010"])
            // Half of a checkpoint, as a crash leaves it, is not looked at.
            try FileManager.default.createDirectory(
                at: folder.appending(path: ".step-000015.partial"), withIntermediateDirectories: true)
            let second = try model()
            let outcome = try run(second, plan(checkpointEvery: 5), checkpoints, validation: validation(second))
            #expect(outcome == expected)
            #expect(try second.safetensorsData() == whole.safetensorsData())
            // Those of other inputs are not taken.
            var one = plan()
            one.maxSteps = 1
            #expect(try run(model(), one, StageCheckpoints(directory: folder, inputs: "b")).steps == 1)
            #expect(try run(model(), one, checkpoints).steps == 20)
        }
    }

    /// Steps far below a bf16 number's last place still add up.
    @Test func halfPrecisionLearnsWhatFullPrecisionLearns() throws {
        var slow = plan()
        (slow.learningRate, slow.epochs, slow.optimizer.weightDecay) = (1e-5, 20, 0)
        let exact = try model()
        let before = try exact.copy()
        let half = try CausalLM(files: exact.files(), dtype: .bfloat16)
        let expected = try run(exact, slow)
        let found = try run(half, slow)
        #expect(abs(found.loss - expected.loss) < 0.02 * expected.loss)
        let name = "model.layers.0.mlp.up_proj.weight"
        func weights(_ model: CausalLM) throws -> Tensor {
            try #require(model.parameters.first { $0.name == name }?.tensor).detach().to(dtype: .float32)
        }
        let moved = try noGrad { try (weights(exact) - weights(before)).abs().mean().item() }
        #expect(moved > 1e-4)
        let apart = try noGrad { try (weights(half) - weights(exact)).abs().mean().item() }
        #expect(apart < 0.3 * moved, "\(apart) of \(moved)")
        #expect(try half.parameters.allSatisfy { try $0.tensor.dtype == .bfloat16 })
    }

    @Test func anAdapterOverHalfPrecisionIsFullPrecision() throws {
        let base = try CausalLM(files: model().files(), dtype: .bfloat16)
        let before = try base.safetensorsData()
        let adapter = try LowRankAdapter(LoRAConfiguration(rank: 2), for: base.configuration, seed: 1)
        let adapted = try CausalLM(sharing: base, adapter: adapter)
        let batch = try TokenBatch(Self.rows)
        let untrained = try SupervisedLoss.sum(adapted, batch)
        _ = try run(adapted, plan())
        #expect(try SupervisedLoss.sum(adapted, batch) < untrained - 1)
        #expect(try adapter.parameters.allSatisfy { try $0.tensor.dtype == .float32 })
        #expect(try base.safetensorsData() == before)
        // Merged in full precision, the change is whole.
        let merged = try CausalLM(files: adapted.files())
        let name = "model.layers.0.mlp.up_proj"
        let weight = try #require(merged.parameters.first { $0.name == "\(name).weight" }?.tensor)
        let start = try #require(base.parameters.first { $0.name == "\(name).weight" }?.tensor)
        let a = try #require(adapter.parameters.first { $0.name.hasSuffix("\(name).lora_A.weight") }?.tensor)
        let b = try #require(adapter.parameters.first { $0.name.hasSuffix("\(name).lora_B.weight") }?.tensor)
        let apart = try noGrad {
            let change = try b.detach().matmul(a.detach()) * adapter.configuration.scale
            return try (weight - start.detach().to(dtype: .float32) - change).abs().max().item()
        }
        #expect(apart < 1e-6)
    }

    @Test func aDamagedCheckpointIsNamed() throws {
        try inTemporaryDirectory { folder in
            let checkpoints = StageCheckpoints(directory: folder, inputs: "a")
            #expect(throws: Interrupted.self) {
                try run(model(), plan(checkpointEvery: 5), checkpoints, interruptAt: 6)
            }
            let file = folder.appending(path: "step-000005/optimizer.safetensors")
            try Data(contentsOf: file).prefix(50).write(to: file)
            #expect { try run(model(), plan(), checkpoints) } throws: { "\($0)".contains("step-000005") }
            checkpoints.remove()
            #expect(!FileManager.default.fileExists(atPath: folder.path))
        }
    }
}
