import Testing
import Torch

@testable import LanguageModels

/// Gradient checkpointing: the same bits, with and without an adapter, in every family.
@Suite struct RecomputationTests {
    /// Loss and gradients of what is trained.
    private func step(_ model: CausalLM, _ rows: [[Int32]]) throws -> (loss: Double, gradients: [[Float]]) {
        try model.setTrainable(true)
        try zeroGradients(model.trainable.map(\.tensor))
        // Two micro-batches, so that gradients are added up.
        var loss = 0.0
        for part in [rows.prefix(2), rows.suffix(1)] {
            let sum = try -model.tokenLogProbabilities(TokenBatch(Array(part))).values.sum()
            try sum.backward()
            loss += try sum.detach().item()
        }
        return (loss, try model.trainable.map { try $0.tensor.gradient()?.floats() ?? [] })
    }

    @Test(arguments: FamilyFixtures.some, [false, true])
    func gradientsAreTheSameToTheBit(_ name: String, adapted: Bool) throws {
        let rows = try FamilyFixtures.reference(name).rows
        var model = try FamilyFixtures.model(name)
        if adapted {
            let adapter = try LowRankAdapter(LoRAConfiguration(rank: 2), for: model.configuration, seed: 1)
            for parameter in adapter.parameters where parameter.name.contains("lora_B") {
                try parameter.tensor.fill(0.03)
            }
            model = try CausalLM(sharing: model, adapter: adapter)
        }
        let kept = try step(model, rows)
        model.trunk.recomputesLayers = true
        let computedAgain = try step(model, rows)
        #expect(computedAgain.loss == kept.loss)
        #expect(computedAgain.gradients == kept.gradients)
        #expect(kept.gradients.allSatisfy { !$0.isEmpty })
        // Without history, and with a cache, there is nothing to compute again.
        let request = GenerationRequest(tokens: [4, 5], row: 0)
        #expect(try model.generate([request], SamplingOptions(maxNewTokens: 3), seed: 1, step: 0)[0].tokens.count == 3)
    }

    @Test func anErrorInTheClosureArrives() throws {
        struct Broken: Error, CustomStringConvertible { var description: String { "broken on purpose" } }
        let x = try Tensor.of([1, 2] as [Float])
        try x.setRequiresGrad(true)
        #expect { try x.recomputed { _ in throw Broken() } } throws: { "\($0)".contains("broken on purpose") }
        var calls = 0
        let y = try x.recomputed {
            calls += 1
            if calls == 2 { throw Broken() }
            return try $0 * 3
        }
        #expect { try y.sum().backward() } throws: { "\($0)".contains("broken on purpose") }
    }
}
