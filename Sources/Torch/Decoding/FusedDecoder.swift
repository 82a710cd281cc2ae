import CTorch

/// Fused decoding in fp32 on the CPU: one call a token. Holds a packed copy of the weights.
///
/// A row's logits do not depend on the rows beside it. Used on the compute thread; not Sendable.
package final class FusedDecoder {
    fileprivate let handle: OpaquePointer

    /// Copies the weights of layers and head; keeps embeddings, positions and angles as they are. `threads` share the
    /// work; results do not depend on how many.
    package init(_ shape: Shape, layers: [Layer], _ tables: Tables, threads: Int) throws {
        var size = shape.described(layers: layers.count)
        var shared = tables.handles
        let handles = layers.map(\.handles)
        var made: OpaquePointer?
        try withExtendedLifetime((layers, tables)) {
            try check(ctorch_decoder_create(&size, handles, &shared, Int32(clamping: threads), &made))
        }
        guard let made else { throw TorchError(.libtorch, "no decoder was made") }
        handle = made
    }

    deinit { ctorch_decoder_release(handle) }

    /// One token for each row: `tokens[r]` stands at `positions[r]` of the sequence in `slots[r]`. -> logits [R, V]
    package func step(
        _ cache: Cache, tokens: [Int32], positions: [Int32], slots: [Int32]
    ) throws -> Tensor {
        guard tokens.count == positions.count, tokens.count == slots.count else {
            throw TorchError(.argument, "a decode step needs a token, a position and a slot for each row")
        }
        return try Tensor.make {
            ctorch_decoder_step(handle, cache.handle, Int64(tokens.count), tokens, positions, slots, $0)
        }
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
