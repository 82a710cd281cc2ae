package import Torch

/// Linear(d, 1): a reward or a value from a hidden state.
package final class ScalarHead {
    /// [1, d]
    package let weight: Tensor
    /// [1]; nil in reward models, where a constant changes no preference, as in those of transformers.
    package let bias: Tensor?

    static let weightName = "score.weight"
    static let biasName = "score.bias"

    /// `score.weight`, and `score.bias` when there is one.
    package var parameters: [NamedTensor] {
        [NamedTensor(Self.weightName, weight)] + (bias.map { [NamedTensor(Self.biasName, $0)] } ?? [])
    }

    init(weight: Tensor, bias: Tensor? = nil) {
        self.weight = weight
        self.bias = bias
    }

    /// Weights N(0, 1/sqrt(d + 1)), bias 0 (Stiennon et al. 2020).
    package init(
        hiddenSize: Int, seed: UInt64, hasBias: Bool = true, device: Device = .cpu, dtype: DType = .float32
    ) throws {
        let deviation = 1 / Double(hiddenSize + 1).squareRoot()
        weight = try Initialization.tensor(
            TensorSpecification(Self.weightName, [1, hiddenSize], .normal(deviation: deviation)), seed: seed,
            index: -1, dtype: dtype, device: device)
        bias = try hasBias ? Tensor.zeros([1], dtype: dtype, device: device) : nil
    }

    /// A file that holds nothing but the head.
    init(_ weights: WeightFiles, hiddenSize: Int, device: Device, dtype: DType) throws {
        try weights.expectOnly([Self.weightName, Self.biasName]) { _ in false }
        weight = try weights.tensor(
            TensorSpecification(Self.weightName, [1, hiddenSize], .zeros), dtype: dtype, device: device)
        bias =
            try weights.has(Self.biasName)
            ? weights.tensor(TensorSpecification(Self.biasName, [1], .zeros), dtype: dtype, device: device) : nil
    }

    package func setTrainable(_ trainable: Bool) throws { try Parameters.setTrainable(parameters, trainable) }

    /// hidden [..., d] -> [...] fp32, differentiable
    package func callAsFunction(_ hidden: Tensor) throws -> Tensor {
        try hidden.to(dtype: weight.dtype).linear(weight, bias).squeeze(-1).to(dtype: .float32)
    }
}
