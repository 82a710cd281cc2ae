import Torch

/// What the layers of one forward pass share: the input, and who may look at whom.
final class ForwardPass {
    /// What attention may look at.
    struct Look {
        /// Of all S keys those that any query looks at; nil = all.
        let keys: Range<Int>?
        /// As of ``ForwardInput``, for those keys.
        let mask: Tensor?
    }

    let input: ForwardInput
    /// Keys of earlier passes.
    let past: Int
    /// T
    let width: Int
    private var looks: [Int: Look] = [:]

    init(_ input: ForwardInput) {
        self.input = input
        past = input.cache?.length ?? 0
        width = input.tokens.size(1)
    }

    /// S, keys of this pass and of earlier ones.
    var reach: Int { past + width }

    /// One layer: x [B, T, d] -> [B, T, d].
    ///
    /// Where it is to be computed again, x must require gradients for the layer to be a part of the graph; the base of
    /// an adapter has none, so x gets one that nobody asks for.
    func layer(_ x: Tensor, _ body: @escaping (Tensor) throws -> Tensor) throws -> Tensor {
        guard input.recompute, input.cache == nil, recordsHistory else { return try body(x) }
        if x.requiresGrad { return try x.recomputed(body) }
        let leaf = try x.detach()
        try leaf.setRequiresGrad(true)
        return try leaf.recomputed(body)
    }

    /// Called after the last layer.
    func end() { input.cache?.advance(by: width) }

    /// Exact arithmetic has one form of attention: rows that begin at the first place, nothing before them.
    func checkPlain() throws {
        guard input.layout == .plain, past == 0 else {
            throw LanguageModelError(
                .argument, "exact arithmetic reads whole sequences padded on the right, one to a line")
        }
    }

    /// What one new token of every row looks at among the keys of earlier passes; padding stands on the left.
    ///
    /// - Parameter window: a token looks at itself and the `window` - 1 before it; nil = at all before it.
    func look(_ window: Int?) throws -> Look {
        guard width == 1 else {
            throw LanguageModelError(.argument, "a pass over earlier keys reads one token of each row, not \(width)")
        }
        guard let window, window < reach else { return Look(keys: nil, mask: input.mask) }
        if let made = looks[window] { return made }
        let keys = reach - window..<reach
        let made = Look(keys: keys, mask: try input.mask.map { try $0.slice(-1, keys) })
        looks[window] = made
        return made
    }
}
