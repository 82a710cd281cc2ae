package import Torch

extension Tensor {
    /// sum(self * gradient): a scalar whose derivative by `self` is exactly `gradient`, so that a loss whose derivative
    /// is known in closed form can be handed to autograd.
    ///
    /// - Parameter gradient: d loss / d element, one for each element of this tensor of one dimension.
    package func surrogate(_ gradient: [Float]) throws -> Tensor {
        guard gradient.count == count else {
            throw PolicyOptimizationError(.shape, "\(gradient.count) derivatives for \(count) elements")
        }
        return try (self * Tensor.of(gradient, device: device)).sum()
    }
}
