import Foundation
import Testing
import Torch

@testable import LanguageModels

/// LoRA against PEFT.
@Suite struct AdapterTests {
    private func logits(_ model: CausalLM, _ tokens: [Int32]) throws -> Tensor {
        try noGrad { try model.logits(tokens: [tokens]).squeeze(0) }
    }

    @Test func thereAreFixtures() { #expect(AdapterFixtures.names.count >= 9) }

    @Test(arguments: AdapterFixtures.names)
    func logitsAreThoseOfPEFTMergedAndNot(_ name: String) throws {
        let reference = try AdapterFixtures.reference(name)
        let tokens: [Int32] = try reference.tensor("tokens").values()
        let expected = try reference.tensor("logits")
        let model = try AdapterFixtures.model(name)
        // PyTorch's own float32 is 7e-4 from its float64 where changes are scaled by 4.5.
        let bound = name.hasSuffix("+patterns") ? 1e-3 : 1e-4
        let difference = try largestDifference(logits(model, tokens), expected)
        #expect(difference < bound)
        // What is saved of it is a plain model that gives the same.
        try Fixtures.temporary { folder in
            try model.export(to: folder)
            let merged = try largestDifference(logits(CausalLM(directory: folder), tokens), expected)
            #expect(merged < bound)
        }
        // The adapter off gives the base to the bit, without a copy of it.
        let off = try CausalLM(sharing: model, adapter: nil)
        #expect(
            try largestDifference(logits(off, tokens), logits(FamilyFixtures.model(AdapterFixtures.base(name)), tokens))
                == 0)
        #expect(try largestDifference(logits(model.copy(), tokens), logits(model, tokens)) == 0)
    }

    @Test(arguments: AdapterFixtures.names)
    func gradientsAreThoseOfPEFTAndTheBaseHasNone(_ name: String) throws {
        let reference = try AdapterFixtures.reference(name)
        let tokens: [Int32] = try reference.tensor("tokens").values()
        let model = try AdapterFixtures.model(name)
        try model.setTrainable(true)
        let loss = try -model.tokenLogProbabilities(TokenBatch([tokens])).values.mean()
        try loss.backward()
        #expect(try abs(loss.detach().item() - reference.tensor("loss").item()) < 1e-5)
        let family = Families.named(model.configuration.modelType)
        let expected = try Dictionary(
            uniqueKeysWithValues: reference.names.filter { $0.hasPrefix("gradient.") }.map { key in
                let inner = String(key.dropFirst("gradient.base_model.model.".count))
                return ("base_model.model.\(family?.canonicalName(inner) ?? inner)", try reference.tensor(key))
            })
        #expect(model.trainable.map(\.name).sorted() == expected.keys.sorted())
        for parameter in model.trainable {
            let gradient = try #require(try parameter.tensor.gradient())
            let wanted = try #require(expected[parameter.name])
            let scale = try wanted.abs().max().item()
            #expect(try largestDifference(gradient, wanted) <= 1e-4 * scale, "\(parameter.name)")
        }
        #expect(try model.parameters.allSatisfy { try $0.tensor.gradient() == nil && !$0.tensor.requiresGrad })
    }

    @Test(arguments: AdapterFixtures.names)
    func anAdapterThatIsWrittenIsReadAgain(_ name: String) throws {
        let model = try AdapterFixtures.model(name)
        let adapter = try #require(model.trunk.adapter)
        let files = try adapter.files()
        let again = try LowRankAdapter(files: files, for: model.configuration)
        #expect(again.configuration == adapter.configuration && again.base == AdapterFixtures.base(name))
        #expect(again.parameters.map(\.name) == adapter.parameters.map(\.name))
        #expect(try again.files() == files)
    }

    /// Generators sample from one adapter after another over one base.
    @Test(arguments: AdapterFixtures.names)
    func samplingWithAnAdapterIsSamplingWithItMerged(_ name: String) throws {
        let base = try FamilyFixtures.model(AdapterFixtures.base(name))
        let weights = try base.safetensorsData()
        let options = SamplingOptions(maxNewTokens: 12)
        let requests = (0..<3).map { GenerationRequest(tokens: [4, 5, 6 + Int32($0)], row: $0) }
        func answers(_ model: CausalLM) throws -> [GeneratedSequence] {
            try model.generate(requests, options, seed: 1, step: 0)
        }
        let plain = try answers(base)
        let other = try LowRankAdapter(LoRAConfiguration(rank: 2, alpha: 4), for: base.configuration, seed: 3)
        for parameter in other.parameters where parameter.name.contains("lora_B") { try parameter.tensor.fill(0.1) }
        let first = try LowRankAdapter(files: AdapterFixtures.files(name), for: base.configuration)
        var seen = [plain]
        for adapter in [first, other, first] {
            let model = try CausalLM(sharing: base, adapter: adapter)
            let sampled = try answers(model)
            #expect(try sampled == answers(CausalLM(files: model.files())))
            seen.append(sampled)
        }
        #expect(seen[1] == seen[3] && seen[1] != seen[2] && seen[1] != seen[0])
        // A change of the adapter is seen, and none of it is left in the base.
        let model = try CausalLM(sharing: base, adapter: other)
        #expect(try answers(model) == seen[2])
        for parameter in other.parameters { try parameter.tensor.fill(0) }
        #expect(try answers(model) == plain)
        #expect(try base.safetensorsData() == weights && answers(base) == plain)
    }

    @Test(arguments: FamilyFixtures.some)
    func aFreshAdapterChangesNothingInAnyFamilyAndLearns(_ name: String) throws {
        let base = try FamilyFixtures.model(name)
        let reference = try FamilyFixtures.reference(name)
        let adapter = try LowRankAdapter(LoRAConfiguration(rank: 4, alpha: 8), for: base.configuration, seed: 11)
        let same = try LowRankAdapter(LoRAConfiguration(rank: 4, alpha: 8), for: base.configuration, seed: 11)
        #expect(try adapter.files() == same.files())
        let model = try CausalLM(sharing: base, adapter: adapter)
        #expect(try largestDifference(logits(model, reference.tokens), logits(base, reference.tokens)) == 0)
        for (index, module) in adapter.modules.enumerated() {
            let a = adapter.parameters[2 * index].tensor
            let bound = 1 / Double(module.input).squareRoot()
            #expect(try a.abs().max().item() <= bound)
            // Uniform: the mean square is a third of the bound's; at least 64 numbers each.
            #expect(try abs(a.square().mean().item() / (bound * bound) - 1 / 3) < 0.2)
        }
        try model.setTrainable(true)
        let optimizer = try AdamW(model.trainable)
        var losses: [Double] = []
        for _ in 0..<5 {
            try optimizer.zeroGradients()
            let loss = try -model.tokenLogProbabilities(TokenBatch(reference.rows)).values.mean()
            try loss.backward()
            try optimizer.step(learningRate: 1e-2)
            losses.append(try loss.detach().item())
        }
        #expect(losses[4] < losses[0] - 0.01, "\(losses)")
        try model.setTrainable(false)
        // Sampling with the adapter beside the weights is sampling with it merged.
        let plain = try CausalLM(files: model.files())
        let request = GenerationRequest(tokens: reference.prompts[0], row: 0, samples: 0..<2)
        let options = SamplingOptions(maxNewTokens: 8)
        #expect(
            try model.generate([request], options, seed: 1, step: 0)
                == plain.generate([request], options, seed: 1, step: 0))
    }

    @Test func rewardModelsAndCriticsShareABase() throws {
        let base = try FamilyFixtures.model("llama-grouped")
        let rows = try FamilyFixtures.reference("llama-grouped").rows
        let adapter = try LowRankAdapter(directory: AdapterFixtures.path("llama-grouped"), for: base.configuration)
        let reward = try RewardModel(
            trunk: Transformer(sharing: base.trunk, adapter: adapter),
            head: ScalarHead(hiddenSize: base.configuration.hiddenSize, seed: 1, hasBias: false),
            mean: 0.5, deviation: 2)
        #expect(reward.trainable.count == adapter.parameters.count + 1)
        try Fixtures.temporary { folder in
            try reward.export(to: "\(folder)/merged")
            try reward.exportAdapter(to: "\(folder)/adapter")
            let again = try RewardModel(adapter: "\(folder)/adapter", over: base)
            #expect(try again.score(rows) == reward.score(rows))
            let merged = try RewardModel(directory: "\(folder)/merged").score(rows)
            for (a, b) in try zip(merged, reward.score(rows)) { #expect(abs(a - b) < 1e-4) }
        }
    }
}
