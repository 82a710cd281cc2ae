package import LanguageModels
import PolicyOptimization
import Torch

/// What gives values to states.
package enum Critic {
    /// A model of its own with its own optimizer.
    case separate(ValueModel)
    /// A head on the policy's trunk, trained with it.
    case shared(ScalarHead)

    /// Values of the states in which each row's response tokens were chosen, without history.
    ///
    /// - Returns: for each row, in the order given: values [R], and the value after the last token.
    func values(
        policy: CausalLM, _ rows: [ResponseRow], budget: Int
    ) throws -> (values: [[Double]], last: [Double]) {
        var values = [[Double]](repeating: [], count: rows.count)
        var last = [Double](repeating: 0, count: rows.count)
        for piece in TokenBudget.cut(rows.map(\.count), budget: budget) {
            let batch = try ResponseRow.batch(piece.map { rows[$0] }, device: policy.device)
            let (flat, ends) = try noGrad { try valuesAndLast(policy: policy, batch) }
            for (position, row) in batch.split(flat).enumerated() {
                values[piece[position]] = row.map(Double.init)
                last[piece[position]] = Double(ends[position])
            }
        }
        return (values, last)
    }

    private func valuesAndLast(policy: CausalLM, _ batch: TokenBatch) throws -> ([Float], [Float]) {
        switch self {
        case .separate(let model):
            let (values, last) = try model.valuesAndLast(batch)
            return (try values.floats(), try last.floats())
        case .shared(let head):
            let hidden = try policy.trunk.hiddenStates(batch)
            return (
                try head(TokenBatch.select(hidden, batch.predictorIndex())).floats(),
                try head(TokenBatch.select(hidden, batch.lastIndex())).floats()
            )
        }
    }

    /// Whether the weights take part in autograd.
    func setTrainable(_ trainable: Bool) throws {
        switch self {
        case .separate(let model): try model.setTrainable(trainable)
        case .shared(let head): try head.setTrainable(trainable)
        }
    }
}

/// A prompt with its answer, as models see it.
struct ResponseRow: Sendable {
    var prompt: [Int32]
    var response: [Int32]

    var count: Int { prompt.count + response.count }

    static func batch(_ rows: [ResponseRow], device: Device) throws -> TokenBatch {
        try TokenBatch(prompts: rows.map(\.prompt), responses: rows.map(\.response), device: device)
    }
}
