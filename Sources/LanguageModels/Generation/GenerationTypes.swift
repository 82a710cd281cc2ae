/// How tokens are drawn.
package struct SamplingOptions: Sendable, Hashable {
    /// 0 = greedy.
    package var temperature: Double
    /// 0 = off. Applied before `topP`.
    package var topK: Int
    /// 1 = off.
    package var topP: Double
    package var maxNewTokens: Int
    /// A token of these ends the answer and is part of it.
    package var endTokens: [Int32]
    /// Text that ends the answer; its tokens are part of it.
    package var stop: [String]
    /// Answers that the fused decoder works on at a time; the next takes the place of one that has ended. Of no influence
    /// on any answer.
    package var rowsInFlight = 64

    package init(
        temperature: Double = 1, topK: Int = 0, topP: Double = 1, maxNewTokens: Int, endTokens: [Int32] = [],
        stop: [String] = []
    ) {
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.maxNewTokens = maxNewTokens
        self.endTokens = endTokens
        self.stop = stop
    }

    func validate() throws {
        func check(_ holds: Bool, _ message: String) throws {
            guard holds else { throw LanguageModelError(.argument, message) }
        }
        try check(temperature >= 0 && temperature.isFinite, "temperature must be 0 or above, not \(temperature)")
        try check(topK >= 0, "top-k must be 0 (off) or above, not \(topK)")
        try check(topP > 0 && topP <= 1, "top-p must be above 0 and at most 1, not \(topP)")
        try check(rowsInFlight >= 1, "at least one row must be in flight, not \(rowsInFlight)")
        try check(maxNewTokens >= 1, "at least one new token must be asked for, not \(maxNewTokens)")
    }
}

/// One prompt and how many answers it gets.
package struct GenerationRequest: Sendable, Hashable {
    package var tokens: [Int32]
    /// Row of the data set: keys the random numbers.
    package var row: Int
    /// How often the row was asked before in the same step: keys the random numbers.
    package var occurrence: Int
    /// Which samples, by number; the number keys the random numbers too.
    package var samples: Range<Int>

    package init(tokens: [Int32], row: Int, occurrence: Int = 0, samples: Range<Int> = 0..<1) {
        self.tokens = tokens
        self.row = row
        self.occurrence = occurrence
        self.samples = samples
    }
}

/// One answer.
package struct GeneratedSequence: Sendable, Hashable {
    package enum Finish: String, Sendable {
        case eos, stop, length
    }

    /// Index of the request.
    package let request: Int
    package let row: Int
    package let sample: Int
    /// Without the prompt; with the token that ended it.
    package let tokens: [Int32]
    /// Of each token under softmax(logits / temperature) over the whole vocabulary. With top-k or top-p it is not
    /// renormalised to the tokens that were left, because the learner computes it in the same way; at temperature 0 it
    /// is that of temperature 1.
    package let logProbabilities: [Float]
    package let finish: Finish
}

/// Where a generation stands, after each step.
package struct GenerationProgress: Sendable {
    /// Of all answers so far.
    package let tokens: Int
    /// Answers that have not ended.
    package let active: Int
}
