import Foundation
import Testing

@testable import Torch

@Suite struct LearningTests {
    private func leaf(_ values: [Float]) throws -> Tensor {
        let tensor = try Tensor.of(values)
        try tensor.setRequiresGrad(true)
        return tensor
    }

    @Test func gradientsAddUpUntilDropped() throws {
        let x = try leaf([1, 2, 3])
        try x.square().sum().backward()
        #expect(try x.gradient()?.floats() == [2, 4, 6])
        try x.square().backward(Tensor.of([1, 0, 10] as [Float]))
        #expect(try x.gradient()?.floats() == [4, 4, 66])
        try zeroGradients([x])
        #expect(try x.gradient() == nil)
    }

    @Test func noHistoryInsideNoGrad() throws {
        let x = try leaf([1, 2])
        let y = try noGrad { try x * 2 }
        #expect(!y.requiresGrad)
        #expect(throws: TorchError.self) { try y.sum().backward() }
        #expect(try withGrad { try x * 2 }.requiresGrad)
        #expect(try !(x * 2).detach().requiresGrad)
        struct Stop: Error {}
        #expect(throws: Stop.self) { try noGrad { throw Stop() } }
        #expect(try (x * 2).requiresGrad)
    }

    @Test func clippingReturnsTheNormAndScales() throws {
        let (a, b) = (try leaf([0, 0]), try leaf([0]))
        try a.setGradient(Tensor.of([3, 0] as [Float]))
        try b.setGradient(Tensor.of([4] as [Float]))
        #expect(try clipGradientNorm([a, b], to: .infinity) == 5)
        #expect(try b.gradient()?.floats() == [4])
        #expect(try clipGradientNorm([a, b], to: 1) == 5)
        #expect(abs((try b.gradient()?.floats()[0] ?? 0) - 0.8) < 1e-5)
        #expect(abs(try clipGradientNorm([a, b], to: 1) - 1) < 1e-5)
        try b.setGradient(Tensor.of([.nan] as [Float]))
        #expect(try clipGradientNorm([a, b], to: 1).isNaN)
        #expect(try abs((a.gradient()?.floats()[0] ?? 0) - 0.6) < 1e-5)
    }

    /// One parameter by the formulas of the papers, in plain numbers.
    private struct ByHand {
        var (w, m, v) = (0.5, 0.0, 0.0)

        mutating func step(_ t: Int, _ g: Double, _ s: AdamW.Settings, rate: Double) {
            w *= 1 - rate * s.weightDecay
            m = s.beta1 * m + (1 - s.beta1) * g
            v = s.beta2 * v + (1 - s.beta2) * g * g
            let c1 = 1 - pow(s.beta1, Double(t))
            let c2 = 1 - pow(s.beta2, Double(t))
            switch s.placement {
            case .pytorch: w -= rate * (m / c1) / ((v / c2).squareRoot() + s.epsilon)
            case .tensorflow: w -= rate * c2.squareRoot() / c1 * m / (v.squareRoot() + s.epsilon)
            }
        }
    }

    @Test(arguments: [AdamW.Settings.Epsilon.pytorch, .tensorflow])
    func adamIsTheFormula(_ placement: AdamW.Settings.Epsilon) throws {
        let settings = AdamW.Settings(
            beta1: 0.9, beta2: 0.999, epsilon: 1e-2, weightDecay: 0.1, decays: .all, placement: placement)
        let weight = try leaf([0.5])
        let optimizer = try AdamW([NamedTensor("w", weight)], settings)
        var expected = ByHand()
        for t in 1...5 {
            let gradient = 0.01 * Double(t)
            try weight.setGradient(Tensor.of([Float(gradient)]))
            try optimizer.step(learningRate: 0.05)
            expected.step(t, gradient, settings, rate: 0.05)
            #expect(abs(try weight.detach().item() - expected.w) < 1e-6)
        }
        #expect(abs(try optimizer.firstMoments[0].item() - expected.m) < 1e-7)
        #expect(abs(try optimizer.secondMoments[0].item() - expected.v) < 1e-8)
    }

    @Test func optimizerGoesOnFromItsState() throws {
        func run(_ steps: Range<Int>, _ weight: Tensor, _ optimizer: AdamW) throws {
            for t in steps {
                try weight.setGradient(Tensor.of([Float(t) * 0.3, -0.1]))
                try optimizer.step(learningRate: 0.01)
            }
        }
        let whole = try leaf([1, 2])
        try run(0..<6, whole, try AdamW([NamedTensor("w", whole)]))

        let part = try leaf([1, 2])
        let first = try AdamW([NamedTensor("w", part)])
        try run(0..<3, part, first)
        let data = try Safetensors.data(first.state())
        let second = try AdamW([NamedTensor("w", part)])
        try second.load(Safetensors(data: data, name: "optimizer.safetensors").tensors())
        #expect(second.steps == 3)
        try run(3..<6, part, second)
        #expect(try part.detach().floats() == whole.detach().floats())
    }

    /// Packed copies of the weights tell by the version that they are old.
    @Test func aStepChangesTheVersion() throws {
        let x = try leaf([1, 2])
        let optimizer = try AdamW([NamedTensor("x", x)])
        try x.square().sum().backward()
        let before = x.version
        try optimizer.step(learningRate: 0.1)
        #expect(x.version != before)
    }

    @Test func aStateThatDoesNotFitIsRefusedByName() throws {
        let optimizer = try AdamW([NamedTensor("w", try leaf([1, 2]))])
        var state = Dictionary(uniqueKeysWithValues: try optimizer.state().map { ($0.name, $0.tensor) })
        state["w.second"] = try Tensor.zeros([3])
        let error = #expect(throws: TorchError.self) { try optimizer.load(state) }
        #expect(error?.message.contains("w.second") == true)
        state["w.second"] = nil
        #expect(throws: TorchError.self) { try optimizer.load(state) }
    }
}
