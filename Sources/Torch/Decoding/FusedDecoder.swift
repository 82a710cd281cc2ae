import CTorch

/// Fused decoding for Llama-like models in fp32 on the CPU: one call a token. Holds a packed copy of the weights.
///
/// A row's logits do not depend on the rows beside it. Used on the compute thread; not Sendable.
package final class FusedDecoder {
    package struct Shape {
        package var hiddenSize, intermediateSize, headCount, keyValueHeadCount, headSize, vocabularySize: Int
        package var normEpsilon: Double

        package init(
            hiddenSize: Int, intermediateSize: Int, headCount: Int, keyValueHeadCount: Int, headSize: Int,
            vocabularySize: Int, normEpsilon: Double
        ) {
            self.hiddenSize = hiddenSize
            self.intermediateSize = intermediateSize
            self.headCount = headCount
            self.keyValueHeadCount = keyValueHeadCount
            self.headSize = headSize
            self.vocabularySize = vocabularySize
            self.normEpsilon = normEpsilon
        }
    }

    /// A weight [out, in] and its bias [out].
    package struct Linear {
        package var weight: Tensor
        package var bias: Tensor?

        package init(_ weight: Tensor, _ bias: Tensor?) {
            self.weight = weight
            self.bias = bias
        }
    }

    package struct Layer {
        package var inputNorm, postNorm: Tensor
        package var q, k, v, o, gate, up, down: Linear

        package init(
            inputNorm: Tensor, postNorm: Tensor, q: Linear, k: Linear, v: Linear, o: Linear, gate: Linear, up: Linear,
            down: Linear
        ) {
            self.inputNorm = inputNorm
            self.postNorm = postNorm
            (self.q, self.k, self.v, self.o) = (q, k, v, o)
            (self.gate, self.up, self.down) = (gate, up, down)
        }

        fileprivate var handles: ctorch_decoder_layer {
            ctorch_decoder_layer(
                input_norm: inputNorm.handle, post_norm: postNorm.handle, q: q.weight.handle, k: k.weight.handle,
                v: v.weight.handle, o: o.weight.handle, gate: gate.weight.handle, up: up.weight.handle,
                down: down.weight.handle, q_bias: q.bias?.handle, k_bias: k.bias?.handle, v_bias: v.bias?.handle,
                o_bias: o.bias?.handle, gate_bias: gate.bias?.handle, up_bias: up.bias?.handle,
                down_bias: down.bias?.handle)
        }
    }

    fileprivate let handle: OpaquePointer
    private let vocabularySize: Int

    /// - Parameters:
    ///   - embedding: [V, d]; kept, not copied.
    ///   - head: [V, d]
    ///   - cos, sin: [positions, D]
    package init(
        _ shape: Shape, layers: [Layer], embedding: Tensor, finalNorm: Tensor, head: Tensor, cos: Tensor, sin: Tensor
    ) throws {
        var size = ctorch_decoder_shape(
            layers: Int64(layers.count), hidden: Int64(shape.hiddenSize), intermediate: Int64(shape.intermediateSize),
            heads: Int64(shape.headCount), kv_heads: Int64(shape.keyValueHeadCount),
            head_size: Int64(shape.headSize), vocabulary: Int64(shape.vocabularySize), epsilon: shape.normEpsilon)
        let handles = layers.map(\.handles)
        var made: OpaquePointer?
        try withExtendedLifetime(layers) {
            try check(
                ctorch_decoder_create(
                    &size, handles, embedding.handle, finalNorm.handle, head.handle, cos.handle, sin.handle,
                    Int32(clamping: TorchRuntime.threads), &made))
        }
        guard let made else { throw TorchError(.libtorch, "no decoder was made") }
        handle = made
        vocabularySize = shape.vocabularySize
    }

    deinit { ctorch_decoder_release(handle) }

    /// One token for each row: `tokens[r]` stands at `positions[r]` of the sequence in `slots[r]`. -> logits [R, V]
    package func step(
        _ cache: Cache, tokens: [Int32], positions: [Int32], slots: [Int32]
    ) throws -> Tensor {
        guard tokens.count == positions.count, tokens.count == slots.count else {
            throw TorchError(.argument, "a decode step needs a token, a position and a slot for each row")
        }
        let logits = try Tensor.zeros([tokens.count, vocabularySize])
        try check(
            ctorch_decoder_step(handle, cache.handle, Int64(tokens.count), tokens, positions, slots, logits.handle))
        return logits
    }

    /// Keys and values of a fixed number of sequences, each in its slot.
    package final class Cache {
        fileprivate let handle: OpaquePointer

        package init(_ decoder: FusedDecoder, slots: Int, capacity: Int) throws {
            var made: OpaquePointer?
            try check(ctorch_decode_cache_create(decoder.handle, Int64(slots), Int64(capacity), &made))
            guard let made else { throw TorchError(.libtorch, "no cache was made") }
            handle = made
        }

        deinit { ctorch_decode_cache_release(handle) }

        /// Copies `places` of row `row` of keys and values [B, K, S, D] of a layer into a slot, as its first positions.
        package func fill(
            layer: Int, slot: Int, keys: Tensor, values: Tensor, row: Int, places: Range<Int>
        ) throws {
            try check(
                ctorch_decode_cache_import(
                    handle, Int64(layer), Int64(slot), keys.handle, values.handle, Int64(row),
                    Int64(places.lowerBound), Int64(places.count)))
        }
    }
}

extension Tensor {
    /// Counts the changes in place, so that copies of the value can be known to be old.
    package var version: UInt32 { ctorch_version_of(handle) }
}
