/// Signs of a policy that babbles, over the answers of a batch.
package struct Degeneration: Sendable, Equatable, Codable {
    /// Share of 4-grams that occurred before in the same answer.
    package var repeated4: Double
    /// Different bigrams of the batch over all bigrams of the batch.
    package var distinct2: Double
    /// Share of answers cut by the length limit.
    package var truncated: Double
    /// Mean length over the reference's mean length; 1 when that is unknown.
    package var lengthRatio: Double

    /// - Parameters:
    ///   - answers: token ids.
    ///   - truncated: for each answer.
    ///   - referenceLength: mean answer length of the SFT model, if known.
    package init(answers: [[Int32]], truncated: [Bool], referenceLength: Double? = nil) {
        var fours = 0
        var repeats = 0
        var pairs: Set<[Int32]> = []
        var pairCount = 0
        for answer in answers {
            var seen: Set<[Int32]> = []
            for start in 0..<max(0, answer.count - 3) {
                fours += 1
                if !seen.insert(Array(answer[start..<start + 4])).inserted { repeats += 1 }
            }
            for start in 0..<max(0, answer.count - 1) {
                pairCount += 1
                pairs.insert([answer[start], answer[start + 1]])
            }
        }
        self.repeated4 = fours == 0 ? 0 : Double(repeats) / Double(fours)
        self.distinct2 = pairCount == 0 ? 1 : Double(pairs.count) / Double(pairCount)
        self.truncated = truncated.isEmpty ? 0 : Double(truncated.filter { $0 }.count) / Double(truncated.count)
        let length = answers.isEmpty ? 0 : Double(answers.reduce(0) { $0 + $1.count }) / Double(answers.count)
        if let referenceLength, referenceLength > 0 {
            self.lengthRatio = length / referenceLength
        } else {
            self.lengthRatio = 1
        }
    }
}
