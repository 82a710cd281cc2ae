import CTorch

/// How the entropy of a distribution is wanted.
package enum DistributionEntropy: Sendable {
    case none
    /// For reports: no gradient flows through it.
    case measured
    /// As part of a loss.
    case differentiable

    fileprivate var code: ctorch_entropy {
        switch self {
        case .none: CTORCH_ENTROPY_NONE
        case .measured: CTORCH_ENTROPY_MEASURED
        case .differentiable: CTORCH_ENTROPY_DIFFERENTIABLE
        }
    }
}

extension Tensor {
    /// The logarithm of each row's target under softmax(self head^T / temperature), and the entropy of each row's
    /// distribution, in memory that does not grow with the product of rows and entries.
    ///
    /// A row's results depend on no other row. The backward pass adds the gradient of a head that is a leaf in place.
    ///
    /// - Parameters:
    ///   - head: [V, d]
    ///   - targets: [N] int64, below V.
    ///   - temperature: above 0.
    /// - Returns: from hidden states [N, d]: values [N] fp32 and, if wanted, entropies [N] fp32, in nats.
    package func tokenLogProbabilities(
        head: Tensor, targets: Tensor, temperature: Double = 1, entropy: DistributionEntropy = .none
    ) throws -> (values: Tensor, entropy: Tensor?) {
        var spreads: OpaquePointer?
        let values = try Tensor.make {
            ctorch_token_log_probabilities(
                handle, head.handle, targets.handle, temperature, entropy.code, $0, &spreads)
        }
        return (values, spreads.map(Tensor.init(owning:)))
    }
}
