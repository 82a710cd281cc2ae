package import Torch

/// Linear(d, 1): a reward or a value from a hidden state.
package final class ScalarHead {
    /// [1, d]
    package let weight: Tensor
    /// [1]
    package let bias: Tensor

    static let weightName = "score.weight"
    static let biasName = "score.bias"

    /// `score.weight`, `score.bias`.
    package var parameters: [NamedTensor] {
        [NamedTensor(Self.weightName, weight), NamedTensor(Self.biasName, bias)]
    }

    init(weight: Tensor, bias: Tensor) {
        self.weight = weight
        self.bias = bias
    }

    /// Weights N(0, 1/sqrt(d + 1)), bias 0 (Stiennon et al. 2020).
    package init(hiddenSize: Int, seed: UInt64, device: Device = .cpu, dtype: DType = .float32) throws {
        let deviation = 1 / Double(hiddenSize + 1).squareRoot()
        weight = try Initialization.tensor(
            TensorSpecification(Self.weightName, [1, hiddenSize], .normal(deviation: deviation)), seed: seed,
            index: -1, dtype: dtype, device: device)
        bias = try Tensor.zeros([1], dtype: dtype, device: device)
    }

    init(_ weights: WeightFiles, hiddenSize: Int, device: Device, dtype: DType) throws {
        try weights.expectOnly([Self.weightName, Self.biasName]) { _ in false }
        weight = try weights.tensor(
            TensorSpecification(Self.weightName, [1, hiddenSize], .zeros), dtype: dtype, device: device)
        bias = try weights.tensor(TensorSpecification(Self.biasName, [1], .zeros), dtype: dtype, device: device)
    }

    package func copy() throws -> ScalarHead {
        try noGrad { ScalarHead(weight: try weight.detach().clone(), bias: try bias.detach().clone()) }
    }

    package func setTrainable(_ trainable: Bool) throws { try Parameters.setTrainable(parameters, trainable) }

    /// hidden [..., d] -> [...] fp32, differentiable
    package func callAsFunction(_ hidden: Tensor) throws -> Tensor {
        try hidden.to(dtype: weight.dtype).linear(weight, bias).squeeze(-1).to(dtype: .float32)
    }
}
