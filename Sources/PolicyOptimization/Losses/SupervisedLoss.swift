package import LanguageModels
import Torch

/// Next-token loss of the scored tokens (a completion with its EOS, or a whole text): the mean of -log pi over all
/// tokens of the batch, in parts that are added.
package enum SupervisedLoss {
    /// Forward and backward pass of one micro-batch.
    ///
    /// - Parameter globalTokens: scored tokens of the whole batch.
    /// - Returns: this part's share of the batch's mean loss.
    package static func backward(_ model: CausalLM, _ batch: TokenBatch, globalTokens: Int) throws -> Double {
        guard globalTokens > 0 else { throw PolicyOptimizationError(.empty, "no token of the batch is scored") }
        let sum = try model.tokenLogProbabilities(batch).values.sum()
        let loss = try sum * (-1 / Double(globalTokens))
        try loss.backward()
        return try loss.item()
    }

    /// Sum of -log pi over the scored tokens, without history.
    package static func sum(_ model: CausalLM, _ batch: TokenBatch) throws -> Double {
        try noGrad { try -model.tokenLogProbabilities(batch).values.sum().item() }
    }
}
