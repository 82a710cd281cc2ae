package import Torch

/// Log-probabilities of the scored tokens of a batch, flat: N numbers, row by row.
package struct TokenLogProbabilities {
    /// How the entropy of each token's distribution is wanted.
    package enum Entropy: Sendable {
        case none
        /// For reports: no gradient flows through it.
        case measured
        /// As part of a loss.
        case differentiable
    }

    /// [N] fp32, nats, differentiable
    package let values: Tensor
    /// [N] fp32, nats
    package let entropy: Tensor?
}

extension CausalLM {
    /// Log-probability of each scored token under softmax(logits / temperature).
    ///
    /// Logits are computed only where they are needed.
    package func tokenLogProbabilities(
        _ batch: TokenBatch, temperature: Double = 1, entropy: TokenLogProbabilities.Entropy = .none
    ) throws -> TokenLogProbabilities {
        try tokenLogProbabilities(
            batch, hidden: trunk.hiddenStates(batch), temperature: temperature, entropy: entropy)
    }

    /// The same from hidden states [B, T, d] that are at hand, as when a value head shares the trunk.
    package func tokenLogProbabilities(
        _ batch: TokenBatch, hidden: Tensor, temperature: Double = 1, entropy: TokenLogProbabilities.Entropy = .none
    ) throws -> TokenLogProbabilities {
        guard temperature > 0, temperature.isFinite else {
            throw LanguageModelError(.argument, "log-probabilities need a temperature above 0, not \(temperature)")
        }
        let states = try TokenBatch.select(hidden, batch.predictorIndex())
        var scores = try logits(hidden: states).to(dtype: .float32)
        if temperature != 1 { scores = try scores / temperature }
        let logarithms = try scores.logSoftmax(-1)
        let picked = try logarithms.gather(1, batch.targets().unsqueeze(1)).squeeze(1)
        func spread(_ p: Tensor) throws -> Tensor { try -((p.exp() * p).sum([-1])) }
        let spreads: Tensor? =
            switch entropy {
            case .none: nil
            case .measured: try noGrad { try spread(logarithms.detach()) }
            case .differentiable: try spread(logarithms)
            }
        return TokenLogProbabilities(values: picked, entropy: spreads)
    }

    /// Log-probabilities of all scored tokens of many rows, without history, in micro-batches.
    ///
    /// - Parameters:
    ///   - scoredFrom: for each row the place of its first scored token; nil = all but the first.
    ///   - tokenBudget: tokens of a micro-batch, padding included.
    /// - Returns: for each row, in the order given, the numbers of its scored tokens.
    package func logProbabilities(
        _ rows: [[Int32]], scoredFrom: [Int]? = nil, temperature: Double = 1, tokenBudget: Int = 4096
    ) throws -> [[Float]] {
        let starts = scoredFrom ?? rows.map { _ in 1 }
        guard starts.count == rows.count else {
            throw LanguageModelError(.argument, "\(rows.count) rows but \(starts.count) places to score from")
        }
        var results = [[Float]](repeating: [], count: rows.count)
        for piece in TokenBudget.cut(rows.map(\.count), budget: tokenBudget) {
            let batch = try TokenBatch(
                piece.map { rows[$0] }, scoredFrom: piece.map { starts[$0] }, device: device)
            let flat = try noGrad { try tokenLogProbabilities(batch, temperature: temperature).values.floats() }
            for (index, values) in zip(piece, batch.split(flat)) { results[index] = values }
        }
        return results
    }
}
