package import Torch

/// Log-probabilities of the scored tokens of a batch, flat: N numbers, row by row.
package struct TokenLogProbabilities {
    /// How the entropy of each token's distribution is wanted.
    package typealias Entropy = DistributionEntropy

    /// [N] fp32, nats, differentiable
    package let values: Tensor
    /// [N] fp32, nats
    package let entropy: Tensor?
}

extension CausalLM {
    /// Log-probability of each scored token under softmax(logits / temperature).
    ///
    /// Logits are computed only where they are needed, and never for all tokens at once.
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
        let (values, spreads) = try trunk.arithmetic {
            try states.tokenLogProbabilities(
                head: head, targets: batch.targets(), temperature: temperature, entropy: entropy)
        }
        return TokenLogProbabilities(values: values, entropy: spreads)
    }

    /// Log-probabilities of all scored tokens of many rows, without history, in micro-batches.
    ///
    /// - Parameters:
    ///   - scoredFrom: for each row the place of its first scored token; nil = all but the first.
    ///   - tokenBudget: tokens of a micro-batch, padding included.
    ///   - beforePiece: called before each micro-batch; may throw to end the work.
    /// - Returns: for each row, in the order given, the numbers of its scored tokens.
    package func logProbabilities(
        _ rows: [[Int32]], scoredFrom: [Int]? = nil, temperature: Double = 1, tokenBudget: Int = 4096,
        beforePiece: () throws -> Void = {}
    ) throws -> [[Float]] {
        let starts = scoredFrom ?? rows.map { _ in 1 }
        guard starts.count == rows.count else {
            throw LanguageModelError(.argument, "\(rows.count) rows but \(starts.count) places to score from")
        }
        var results = [[Float]](repeating: [], count: rows.count)
        for piece in TokenBudget.cut(rows.map(\.count), budget: tokenBudget) {
            try beforePiece()
            let batch = try TokenBatch(
                piece.map { rows[$0] }, scoredFrom: piece.map { starts[$0] }, device: device)
            let flat = try noGrad { try tokenLogProbabilities(batch, temperature: temperature).values.floats() }
            for (index, values) in zip(piece, batch.split(flat)) { results[index] = values }
        }
        return results
    }
}
