import CTorch

/// AdamW (Loshchilov and Hutter 2019), one fused step over all parameters that decay alike.
///
/// Owned by the learner; lives on its compute thread. Moments are fp32 zeros at first; parameters without a gradient
/// keep value and moments.
package final class AdamW {
    package struct Settings: Sendable, Equatable {
        package enum Epsilon: String, Sendable {
            /// sqrt(v / c2) + eps, as PyTorch.
            case pytorch
            /// sqrt(v) + eps with the bias correction in the learning rate, as TensorFlow 1.
            case tensorflow
        }

        package var beta1 = 0.9
        package var beta2 = 0.95
        package var epsilon = 1e-5
        package var weightDecay = 0.0
        package var decays = WeightDecay.matrices
        package var placement = Epsilon.pytorch

        package init(
            beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-5, weightDecay: Double = 0,
            decays: WeightDecay = .matrices, placement: Epsilon = .pytorch
        ) {
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
            self.decays = decays
            self.placement = placement
        }
    }

    package var settings: Settings
    package let parameters: [NamedTensor]
    /// Mean of gradients, in the order of the parameters.
    package let firstMoments: [Tensor]
    /// Mean of squared gradients, in the order of the parameters.
    package let secondMoments: [Tensor]
    /// Steps taken.
    package private(set) var steps = 0

    package init(_ parameters: [NamedTensor], _ settings: Settings = Settings()) throws {
        self.parameters = parameters
        self.settings = settings
        firstMoments = try parameters.map { try Tensor.zeros(like: $0.tensor) }
        secondMoments = try parameters.map { try Tensor.zeros(like: $0.tensor) }
    }

    /// Updates every parameter from its gradient. Gradients stay as they are.
    package func step(learningRate: Double) throws {
        let all = Array(parameters.indices)
        guard settings.weightDecay != 0 else {
            try step(all, learningRate: learningRate, weightDecay: 0)
            steps += 1
            return
        }
        let (decaying, free) = (
            all.filter { settings.decays.applies(to: parameters[$0]) },
            all.filter { !settings.decays.applies(to: parameters[$0]) }
        )
        try step(decaying, learningRate: learningRate, weightDecay: settings.weightDecay)
        try step(free, learningRate: learningRate, weightDecay: 0)
        steps += 1
    }

    /// The step of the parameters at these indices; the count of steps stays.
    private func step(_ group: [Int], learningRate: Double, weightDecay: Double) throws {
        var options = ctorch_adamw_options(
            learning_rate: learningRate, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
            weight_decay: weightDecay, step: Int64(steps) + 1, tensorflow: settings.placement == .tensorflow)
        let status = withHandles(group.map { parameters[$0].tensor }) { weights, count in
            withHandles(group.map { firstMoments[$0] }) { first, _ in
                withHandles(group.map { secondMoments[$0] }) { second, _ in
                    ctorch_adamw_step(weights, first, second, count, &options)
                }
            }
        }
        try check(status)
    }

    package func zeroGradients() throws { try Torch.zeroGradients(parameters.map(\.tensor)) }

    /// Moments and step count for a checkpoint: `NAME.first`, `NAME.second` and the int64 `steps`.
    package func state() throws -> [NamedTensor] {
        var state = [NamedTensor("steps", try Tensor.of([Int64(steps)]))]
        for (index, parameter) in parameters.enumerated() {
            state.append(NamedTensor("\(parameter.name).first", firstMoments[index]))
            state.append(NamedTensor("\(parameter.name).second", secondMoments[index]))
        }
        return state
    }

    /// Takes over what ``state()`` gave; a missing or misshaped tensor is an error that names it.
    package func load(_ state: [String: Tensor]) throws {
        func tensor(_ name: String) throws -> Tensor {
            guard let tensor = state[name] else {
                throw TorchError(.safetensors, "the optimizer state has no tensor '\(name)'")
            }
            return tensor
        }
        let count = try tensor("steps").item()
        guard let steps = Int(exactly: count), steps >= 0 else {
            throw TorchError(.safetensors, "the optimizer state counts \(count) steps")
        }
        // Everything is checked before the first byte is changed.
        var pairs: [(target: Tensor, source: Tensor)] = []
        for (index, parameter) in parameters.enumerated() {
            for (suffix, target) in [("first", firstMoments[index]), ("second", secondMoments[index])] {
                let name = "\(parameter.name).\(suffix)"
                let source = try tensor(name)
                guard source.shape == target.shape else {
                    throw TorchError(
                        .safetensors,
                        "tensor '\(name)' of the optimizer state has shape \(source.shape), expected \(target.shape)")
                }
                pairs.append((target, source))
            }
        }
        for pair in pairs { try pair.target.copy(from: pair.source) }
        self.steps = steps
    }
}
