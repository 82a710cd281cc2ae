import PolicyOptimization

/// How far a training loop is: with weights and moments, all that its next step depends on. A part of the checkpoint.
///
/// There is no position in the data and no generator state: the batches of an epoch are a function of (seed, epoch).
struct LoopProgress: Codable, Equatable {
    struct Best: Codable, Equatable {
        /// Mean loss over the held-out data.
        var loss: Double
        /// After so many steps.
        var step: Int
    }

    /// Steps made.
    var step = 0
    /// Losses of the last steps that were applied; as many as ``tail`` can ask for.
    var recent: [Double] = []
    /// Steps that were applied.
    var applied = 0
    var guardRail = UpdateGuard(targetKL: nil, maximumMeanRatio: nil)
    var best: Best?
    /// Looks since the best one.
    var misses = 0
    var stoppedEarly = false

    mutating func apply(loss: Double, of total: Int) {
        recent.append(loss)
        applied += 1
        let longest = total / 10 + 1
        if recent.count > longest { recent.removeFirst(recent.count - longest) }
    }

    /// Takes in what a look at the held-out data found. A loss that is not finite is no better than any.
    ///
    /// - Returns: whether it is the best so far.
    mutating func observe(validation loss: Double, patience: Int?) -> Bool {
        if loss.isFinite, loss < best?.loss ?? .infinity {
            best = Best(loss: loss, step: step)
            misses = 0
            return true
        }
        misses += 1
        if let patience, misses >= patience { stoppedEarly = true }
        return false
    }

    /// Mean loss of the last tenth of the steps.
    var tail: Double {
        let last = recent.suffix(max(1, applied / 10))
        return last.isEmpty ? .nan : last.reduce(0, +) / Double(last.count)
    }
}
