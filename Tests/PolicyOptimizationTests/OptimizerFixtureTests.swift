import Foundation
import Testing
import Torch

/// AdamW with parameter groups against `torch.optim.AdamW` (`scripts/fixtures/make_policy_loss_fixtures.py`).
@Suite struct OptimizerFixtureTests {
    struct File: Decodable {
        let lr, weight_decay: Double
        let shapes: [String: [Int]]
        let before: [String: [Float]]
        let gradients: [[String: [Float]]]
        let matrices, all: [String: [Float]]
    }

    @Test(arguments: WeightDecay.allCases) func threeStepsArePyTorchs(decays: WeightDecay) throws {
        let url = URL(filePath: "\(GradientFixtureTests.fixtures)/adamw.json")
        let file = try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
        let parameters = try file.shapes.sorted { $0.key < $1.key }.map { name, shape in
            let tensor = try Tensor.of(#require(file.before[name])).reshape(shape)
            try tensor.setRequiresGrad(true)
            return NamedTensor(name, tensor)
        }
        let optimizer = try AdamW(
            parameters, AdamW.Settings(epsilon: 1e-5, weightDecay: file.weight_decay, decays: decays))
        for step in file.gradients {
            for parameter in parameters {
                let gradient = try Tensor.of(#require(step[parameter.name]))
                try parameter.tensor.setGradient(gradient.reshape(parameter.tensor.shape))
            }
            try optimizer.step(learningRate: file.lr)
        }
        #expect(optimizer.steps == 3)
        let wanted = decays == .all ? file.all : file.matrices
        for parameter in parameters {
            let values = try parameter.tensor.detach().floats()
            let expected = try #require(wanted[parameter.name])
            #expect(values.count == expected.count)
            #expect(zip(values, expected).allSatisfy { abs($0 - $1) < 1e-6 }, "\(parameter.name)")
        }
    }
}
