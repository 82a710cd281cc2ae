import Torch

/// Draws tokens from logits. A pure function of a row of logits, the options and one random number.
struct Sampler {
    let options: SamplingOptions

    /// - Parameters:
    ///   - logits: [R, V]
    ///   - uniforms: for each row a number in [0, 1).
    /// - Returns: for each row the token, and its log-probability under softmax(logits / temperature).
    func draw(_ logits: Tensor, uniforms: [Double]) throws -> [(token: Int32, logProbability: Float)] {
        let wide = try logits.to(dtype: .float32)
        let scaled = options.temperature > 0 && options.temperature != 1 ? try wide / options.temperature : wide
        let logarithms = try scaled.logSoftmax(-1)
        let probabilities = try logarithms.exp()
        let width = logits.size(-1)
        return try logarithms.withElements(of: Float.self) { logarithms in
            try probabilities.withElements(of: Float.self) { probabilities in
                try uniforms.indices.map { row in
                    let range = row * width..<(row + 1) * width
                    let token = try pick(UnsafeBufferPointer(rebasing: probabilities[range]), uniforms[row])
                    return (Int32(truncatingIfNeeded: token), logarithms[row * width + token])
                }
            }
        }
    }

    /// Index of the chosen token.
    func pick(_ probabilities: UnsafeBufferPointer<Float>, _ uniform: Double) throws -> Int {
        if options.temperature == 0 { return try largest(probabilities) }
        let limited = (options.topK > 0 && options.topK < probabilities.count) || options.topP < 1
        if limited { return try pick(probabilities, among: kept(probabilities), uniform) }
        return try pickFromAll(probabilities, uniform)
    }

    /// Inverse of the cumulative distribution over all tokens, summed in fp64 block by block: first the block that the
    /// number falls into, then the token in it. One pass over the vocabulary, vectors wide.
    private func pickFromAll(_ probabilities: UnsafeBufferPointer<Float>, _ uniform: Double) throws -> Int {
        let count = probabilities.count
        let width = 256
        var total = 0.0
        /// Up to the end of each block.
        var sums: [Double] = []
        sums.reserveCapacity(count / width + 1)
        for start in stride(from: 0, to: count, by: width) {
            let end = min(count, start + width)
            var lanes = SIMD8<Double>.zero
            var token = start
            while token + 8 <= end {
                let eight = SIMD8(
                    probabilities[token], probabilities[token + 1], probabilities[token + 2], probabilities[token + 3],
                    probabilities[token + 4], probabilities[token + 5], probabilities[token + 6],
                    probabilities[token + 7])
                lanes += SIMD8<Double>(eight)
                token += 8
            }
            var sum = lanes.sum()
            while token < end {
                sum += Double(probabilities[token])
                token += 1
            }
            total += sum
            sums.append(total)
        }
        guard total.isFinite, total > 0 else { throw Self.notFinite }
        let target = uniform * total
        let block = sums.firstIndex { $0 > target } ?? sums.count - 1
        var sum = block == 0 ? 0 : sums[block - 1]
        var last: Int?
        for token in block * width..<min(count, (block + 1) * width) where probabilities[token] > 0 {
            sum += Double(probabilities[token])
            last = token
            if sum > target { return token }
        }
        // Only rounding leads here: the last token of the block that can be drawn, or of all before it.
        return last ?? (0..<block * width).last { probabilities[$0] > 0 } ?? 0
    }

    /// The same among a few, summed in the order of `candidates` (ascending tokens).
    private func pick<Candidates: Collection>(
        _ probabilities: UnsafeBufferPointer<Float>, among candidates: Candidates, _ uniform: Double
    ) throws -> Int where Candidates.Element == Int {
        var total = 0.0
        for token in candidates { total += Double(probabilities[token]) }
        guard total.isFinite, total > 0 else { throw Self.notFinite }
        let target = uniform * total
        var sum = 0.0
        var last = 0
        for token in candidates where probabilities[token] > 0 {
            sum += Double(probabilities[token])
            last = token
            if sum > target { return token }
        }
        // Only rounding leads here: the last token that can be drawn.
        return last
    }

    /// First of the largest.
    private func largest(_ probabilities: UnsafeBufferPointer<Float>) throws -> Int {
        var best = 0
        for token in probabilities.indices {
            guard probabilities[token].isFinite else { throw Self.notFinite }
            if probabilities[token] > probabilities[best] { best = token }
        }
        return best
    }

    /// Tokens that top-k and then top-p (Holtzman et al. 2020) leave, ascending. Equal ones: the lower token first.
    ///
    /// A vocabulary is never sorted as a whole: only what can be among those that are left.
    func kept(_ probabilities: UnsafeBufferPointer<Float>) -> [Int] {
        var order: [Int]
        var total = 0.0
        if options.topK > 0, options.topK < probabilities.count {
            order = largest(options.topK, probabilities)
            for token in order { total += Double(probabilities[token]) }
        } else {
            for probability in probabilities { total += Double(probability) }
            // All tokens below this together have less than the share that is left out.
            let least = (1 - options.topP) * total / Double(probabilities.count)
            order = sorted(probabilities.indices.filter { Double(probabilities[$0]) >= least }, probabilities)
        }
        if options.topP < 1, !order.isEmpty {
            var sum = 0.0
            var count = 0
            while count < order.count, sum < options.topP * total {
                sum += Double(probabilities[order[count]])
                count += 1
            }
            order.removeLast(order.count - max(1, count))
        }
        return order.sorted()
    }

    /// The `count` largest, falling. Keeps a few times as many and cuts them back now and then: linear in the vocabulary.
    private func largest(_ count: Int, _ probabilities: UnsafeBufferPointer<Float>) -> [Int] {
        var candidates: [Int] = []
        /// The smallest of the `count` largest so far; of equal ones the earlier counts.
        var bar = -Float.infinity
        for token in probabilities.indices where probabilities[token] > bar {
            candidates.append(token)
            if candidates.count >= 4 * count + 64 {
                candidates = Array(sorted(candidates, probabilities).prefix(count))
                bar = candidates.last.map { probabilities[$0] } ?? bar
            }
        }
        return Array(sorted(candidates, probabilities).prefix(count))
    }

    private func sorted(_ tokens: [Int], _ probabilities: UnsafeBufferPointer<Float>) -> [Int] {
        tokens.sorted { (probabilities[$1], $0) < (probabilities[$0], $1) }
    }

    private static var notFinite: LanguageModelError {
        LanguageModelError(.weights, "the model's logits are not finite; its weights may be damaged")
    }
}
