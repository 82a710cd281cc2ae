import Foundation

/// The reward model's loss over pairs with its derivative by both scores, in closed form; see
/// ``ReferenceLoss/preference(chosen:rejected:margin:smoothing:tie:)`` for the formula.
package struct PreferenceLoss: Sendable {
    /// The label is taken to be right with probability 1 - this.
    package var smoothing: Double

    package init(smoothing: Double = 0) { self.smoothing = smoothing }

    package struct Result: Sendable {
        /// This part's share of the batch's loss.
        package var loss: Double
        /// d loss / d score of the chosen answer; that of the rejected one is its negative.
        package var chosenGradient: [Float]
        /// Score of the chosen less score of the rejected answer.
        package var margins: [Double]

        package var rejectedGradient: [Float] { chosenGradient.map { -$0 } }
    }

    /// - Parameters:
    ///   - margins: by how much the chosen answer should be better; empty = 0.
    ///   - ties: pairs without a preference, half a vote each way; empty = none.
    ///   - globalPairs: pairs of the whole batch.
    package func evaluate(
        chosen: [Float], rejected: [Float], margins: [Double] = [], ties: [Bool] = [], globalPairs: Int
    ) throws -> Result {
        guard chosen.count == rejected.count, margins.isEmpty || margins.count == chosen.count,
            ties.isEmpty || ties.count == chosen.count
        else { throw PolicyOptimizationError(.shape, "arrays over the pairs of a micro-batch differ in length") }
        guard globalPairs > 0 else { throw PolicyOptimizationError(.empty, "no pair in the batch") }
        let share = 1 / Double(globalPairs)
        var result = Result(loss: 0, chosenGradient: [], margins: [])
        for index in chosen.indices {
            let distance = Double(chosen[index]) - Double(rejected[index])
            let tie = !ties.isEmpty && ties[index]
            let wanted = tie || margins.isEmpty ? 0 : margins[index]
            result.loss +=
                share
                * ReferenceLoss.preference(
                    chosen: Double(chosen[index]), rejected: Double(rejected[index]), margin: wanted,
                    smoothing: smoothing, tie: tie)
            // d/dx of -w log s(x) - (1-w) log s(-x) is s(x) - w.
            let weight = tie ? 0.5 : 1 - smoothing
            let sigmoid = 1 / (1 + exp(-(distance - wanted)))
            result.chosenGradient.append(Float(share * (sigmoid - weight)))
            result.margins.append(distance)
        }
        return result
    }
}
