import Foundation
import LanguageModels
import PolicyOptimization
import Testing
import Torch

/// One training step of each kind against PyTorch (`scripts/fixtures/make_gradient_fixtures.py`, double precision, no
/// padding): every gradient and every parameter after one AdamW step, to a relative error of 1e-4.
@Suite(.serialized) struct GradientFixtureTests {
    static let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        .path(percentEncoded: false)

    struct Cases: Decodable {
        struct Optimizer: Decodable {
            let lr, eps, clip: Double
            let betas: [Double]
        }
        struct Outcome: Decodable {
            let loss, gradient_norm: Double
        }
        struct Supervised: Decodable {
            struct Row: Decodable { let prompt, completion: [Int32] }
            let rows: [Row]
            let weight_decay, loss, gradient_norm: Double
        }
        struct Preferences: Decodable {
            struct Pair: Decodable {
                let chosen, rejected: [Int32]
                let margin: Double
                let tie: Bool
            }
            let pairs: [Pair]
            let smoothing, loss, gradient_norm: Double
            let scores: [[Double]]
        }
        struct Policy: Decodable {
            struct Row: Decodable {
                let prompt, response: [Int32]
                let mask: [UInt8]
                let old, behaviour, reference, advantages, old_values, returns: [Double]
            }
            let rows: [Row]
            let temperature, clip, clip_high, dual_clip, value_clip, entropy_weight, kl_weight: Double
            let behaviour_cap, shared_value_weight: Double
            let policy, critic, shared: Outcome
        }
        let adamw: Optimizer
        let sft: Supervised
        let reward_model: Preferences
        let ppo: Policy
    }

    let cases: Cases

    init() throws {
        let data = try Data(contentsOf: URL(filePath: "\(Self.fixtures)/cases.json"))
        cases = try JSONDecoder().decode(Cases.self, from: data)
    }

    /// || a - b || / || b ||
    func relativeError(_ a: Tensor, _ b: Tensor) throws -> Double {
        let (a, b) = (try a.floats().map(Double.init), try b.floats().map(Double.init))
        let distance = zip(a, b).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        let size = b.reduce(0) { $0 + $1 * $1 }.squareRoot()
        return size > 0 ? distance / size : distance
    }

    /// Compares gradients, makes the step, compares parameters.
    func check(
        _ name: String, _ parameters: [NamedTensor], _ outcome: (loss: Double, norm: Double), loss: Double,
        weightDecay: Double = 0
    ) throws {
        #expect(abs(loss - outcome.loss) < 1e-5 * max(1, abs(outcome.loss)), "\(name): loss")
        let gradients = try Safetensors(path: "\(Self.fixtures)/\(name).gradients.safetensors").tensors()
        let after = try Safetensors(path: "\(Self.fixtures)/\(name).after.safetensors").tensors()
        #expect(gradients.count == parameters.count)
        for parameter in parameters {
            let expected = try #require(gradients[parameter.name], "\(parameter.name)")
            let gradient = try parameter.tensor.gradient() ?? Tensor.zeros(like: parameter.tensor)
            #expect(try relativeError(gradient, expected) < 1e-4, "\(name): gradient of \(parameter.name)")
        }
        let optimizer = try AdamW(
            parameters,
            AdamW.Settings(
                beta1: cases.adamw.betas[0], beta2: cases.adamw.betas[1], epsilon: cases.adamw.eps,
                weightDecay: weightDecay, decays: .all))
        let before = try parameters.map { try $0.tensor.detach().clone() }
        let norm = try clipGradientNorm(parameters.map(\.tensor), to: cases.adamw.clip)
        #expect(abs(norm - outcome.norm) < 1e-4 * outcome.norm, "\(name): gradient norm")
        try optimizer.step(learningRate: cases.adamw.lr)
        for (parameter, old) in zip(parameters, before) {
            let expected = try #require(after[parameter.name])
            #expect(try relativeError(parameter.tensor.detach(), expected) < 1e-4, "\(name): \(parameter.name) after")
            // The weights hardly move in one step; the way they moved says more.
            let (moved, wanted) = try noGrad { (try parameter.tensor - old, try expected - old) }
            #expect(try relativeError(moved, wanted) < 2e-3, "\(name): way of \(parameter.name)")
        }
    }

    func trainable(_ model: CausalLM) throws -> CausalLM {
        try model.setTrainable(true)
        return model
    }

    func policy() throws -> CausalLM { try trainable(CausalLM(directory: "\(Self.fixtures)/policy")) }

    /// The critic and reward model's trunk with the fixture's head.
    func scalar() throws -> (trunk: Transformer, head: ScalarHead) {
        let trunk = try CausalLM(directory: "\(Self.fixtures)/trunk").trunk
        let head = try ScalarHead(hiddenSize: trunk.configuration.hiddenSize, seed: 0)
        let stored = try Safetensors(path: "\(Self.fixtures)/head.safetensors").tensors()
        try noGrad {
            for parameter in head.parameters {
                try parameter.tensor.copy(from: #require(stored[parameter.name]))
            }
        }
        for parameter in trunk.parameters + head.parameters { try parameter.tensor.setRequiresGrad(true) }
        return (trunk, head)
    }

    @Test(arguments: [1, 2, 4]) func supervisedStep(pieces: Int) throws {
        let model = try policy()
        let rows = cases.sft.rows
        let tokens = rows.reduce(0) { $0 + $1.completion.count }
        var loss = 0.0
        for piece in MicroBatches.split(Array(rows.indices), into: pieces) {
            let batch = try TokenBatch(
                prompts: piece.map { rows[$0].prompt }, responses: piece.map { rows[$0].completion })
            loss += try SupervisedLoss.backward(model, batch, globalTokens: tokens)
        }
        try check(
            "sft", model.parameters, (cases.sft.loss, cases.sft.gradient_norm), loss: loss,
            weightDecay: cases.sft.weight_decay)
    }

    @Test func rewardModelStep() throws {
        let (trunk, head) = try scalar()
        let model = RewardModel(trunk: trunk, head: head)
        let pairs = cases.reward_model.pairs
        let rewards = try model.rawRewards(TokenBatch(pairs.map(\.chosen) + pairs.map(\.rejected)))
        let scores = try rewards.floats()
        for (index, wanted) in cases.reward_model.scores.enumerated() {
            #expect(abs(Double(scores[index]) - wanted[0]) < 1e-5)
            #expect(abs(Double(scores[index + pairs.count]) - wanted[1]) < 1e-5)
        }
        let result = try PreferenceLoss(smoothing: cases.reward_model.smoothing).evaluate(
            chosen: Array(scores.prefix(pairs.count)), rejected: Array(scores.suffix(pairs.count)),
            margins: pairs.map(\.margin), ties: pairs.map(\.tie), globalPairs: pairs.count)
        try rewards.surrogate(result.chosenGradient + result.rejectedGradient).backward()
        try check(
            "reward_model", model.parameters, (cases.reward_model.loss, cases.reward_model.gradient_norm),
            loss: result.loss)
    }

    var policySettings: PolicyLossSettings {
        var settings = PolicyLossSettings()
        settings.clip = cases.ppo.clip
        settings.clipHigh = cases.ppo.clip_high
        settings.dualClip = cases.ppo.dual_clip
        settings.entropyWeight = cases.ppo.entropy_weight
        settings.klWeight = cases.ppo.kl_weight
        settings.behaviourCap = cases.ppo.behaviour_cap
        return settings
    }

    func tokens(_ piece: [Int]) -> PolicyLoss.Tokens {
        var tokens = PolicyLoss.Tokens()
        for row in piece.map({ cases.ppo.rows[$0] }) {
            tokens.old += row.old
            tokens.behaviour += row.behaviour
            tokens.reference += row.reference
            tokens.advantages += row.advantages
            tokens.mask += row.mask
        }
        return tokens
    }

    func batch(_ piece: [Int]) throws -> TokenBatch {
        try TokenBatch(
            prompts: piece.map { cases.ppo.rows[$0].prompt }, responses: piece.map { cases.ppo.rows[$0].response })
    }

    var count: Int { Masked.count(cases.ppo.rows.map(\.mask)) }

    func policySurrogate(_ output: TokenLogProbabilities, _ piece: [Int]) throws -> (Tensor, PolicyLoss.Result) {
        let entropy = try #require(output.entropy)
        let result = try PolicyLoss(policySettings).evaluate(
            new: output.values.floats(), entropy: entropy.floats(), tokens: tokens(piece),
            size: MinibatchSize(cases.ppo.rows.map(\.mask)))
        return (try output.values.surrogate(result.gradient) + entropy.surrogate(result.entropyGradient), result)
    }

    func valueSurrogate(_ values: Tensor, _ piece: [Int], weight: Double) throws -> (Tensor, ValueLoss.Result) {
        let rows = piece.map { cases.ppo.rows[$0] }
        let result = try ValueLoss(clip: cases.ppo.value_clip, weight: weight).evaluate(
            values: values.floats(), old: rows.flatMap(\.old_values), targets: rows.flatMap(\.returns),
            mask: rows.flatMap(\.mask), globalTokens: count)
        return (try values.surrogate(result.gradient), result)
    }

    @Test(arguments: [1, 3]) func policyStep(pieces: Int) throws {
        let model = try policy()
        var loss = 0.0
        var figures = PolicyFigures()
        for piece in MicroBatches.split(Array(cases.ppo.rows.indices), into: pieces) {
            let output = try model.tokenLogProbabilities(
                batch(piece), temperature: cases.ppo.temperature, entropy: .differentiable)
            let (surrogate, result) = try policySurrogate(output, piece)
            try surrogate.backward()
            loss += result.loss
            figures += result.figures
        }
        #expect(figures.clipped > 0 && figures.dualClipped > 0, "the case must reach both clips")
        let outcome = cases.ppo.policy
        try check("ppo_policy", model.parameters, (outcome.loss, outcome.gradient_norm), loss: loss)
    }

    @Test(arguments: [1, 3]) func criticStep(pieces: Int) throws {
        let (trunk, head) = try scalar()
        let model = ValueModel(trunk: trunk, head: head)
        var loss = 0.0
        for piece in MicroBatches.split(Array(cases.ppo.rows.indices), into: pieces) {
            let (surrogate, result) = try valueSurrogate(model.values(batch(piece)), piece, weight: 1)
            try surrogate.backward()
            loss += result.loss
        }
        let outcome = cases.ppo.critic
        try check("ppo_critic", model.parameters, (outcome.loss, outcome.gradient_norm), loss: loss)
    }

    @Test func sharedTrunkStep() throws {
        let model = try policy()
        let (_, head) = try scalar()
        let piece = Array(cases.ppo.rows.indices)
        let batch = try batch(piece)
        let hidden = try model.trunk.hiddenStates(batch)
        let output = try model.tokenLogProbabilities(
            batch, hidden: hidden, temperature: cases.ppo.temperature, entropy: .differentiable)
        let (policyPart, policyResult) = try policySurrogate(output, piece)
        let (valuePart, valueResult) = try valueSurrogate(
            head(TokenBatch.select(hidden, batch.predictorIndex())), piece, weight: cases.ppo.shared_value_weight)
        try (policyPart + valuePart).backward()
        let outcome = cases.ppo.shared
        try check(
            "ppo_shared", model.parameters + head.parameters, (outcome.loss, outcome.gradient_norm),
            loss: policyResult.loss + valueResult.loss)
    }

    @Test func leftPaddedAndUnpaddedGiveTheSameLogProbabilities() throws {
        let model = try CausalLM(directory: "\(Self.fixtures)/policy")
        let rows = cases.ppo.rows
        let padded = try TokenBatch(
            prompts: rows.map(\.prompt), responses: rows.map(\.response), padding: .left)
        let together = padded.split(try model.tokenLogProbabilities(padded, temperature: 0.7).values.floats())
        for (index, row) in rows.enumerated() {
            let alone = try TokenBatch(prompts: [row.prompt], responses: [row.response])
            let values = try model.tokenLogProbabilities(alone, temperature: 0.7).values.floats()
            #expect(zip(values, together[index]).allSatisfy { abs($0 - $1) < 1e-5 })
        }
    }
}
