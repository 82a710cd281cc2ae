import CTorch

/// Fused decoding in fp32 on the CPU: one call a token. Holds a packed copy of the weights.
///
/// A row's logits depend neither on the rows beside it nor on how its past was cut into steps. Used on the compute
/// thread; not Sendable.
package final class FusedDecoder {
    fileprivate let handle: OpaquePointer
    private let angles, localAngles: ((Int) throws -> Angles)?
    /// Positions that have angles.
    private var reach = 0

    /// Copies the head; keeps embeddings and positions as they are. Each layer must be added before the first step.
    ///
    /// - Parameters:
    ///   - consuming: the memory of each weight that was copied is given back to the system at once, so that the weights
    ///     need not fit twice; the tensors must not be read any more.
    ///   - threads: share the work; results do not depend on how many.
    package init(_ shape: Shape, layerCount: Int, _ tables: Tables, consuming: Bool = false, threads: Int) throws {
        var size = shape.described(layers: layerCount)
        var shared = tables.handles
        var made: OpaquePointer?
        try withExtendedLifetime(tables) {
            try check(ctorch_decoder_create(&size, &shared, consuming, Int32(clamping: threads), &made))
        }
        guard let made else { throw TorchError(.libtorch, "no decoder was made") }
        handle = made
        (angles, localAngles) = (tables.angles, tables.localAngles)
    }

    deinit { ctorch_decoder_release(handle) }

    /// The next layer, copied.
    package func add(_ layer: Layer) throws {
        var handles = layer.handles
        try withExtendedLifetime(layer) { try check(ctorch_decoder_add(handle, &handles)) }
    }

    /// Sees to it that so many positions have angles. Contexts may be far longer than what is generated.
    private func extend(to count: Int) throws {
        guard let angles, count > reach else { return }
        let (all, local) = (try angles(count), try localAngles?(count))
        var tables = ctorch_decoder_angles(
            cos: all.cos.handle, sin: all.sin.handle, local_cos: local?.cos.handle, local_sin: local?.sin.handle)
        try withExtendedLifetime((all, local)) { try check(ctorch_decoder_set_angles(handle, &tables)) }
        reach = count
    }

    /// `tokens[r]` stands at `positions[r]` of the sequence in `slots[r]`; of one sequence there may be several, and what
    /// comes before them must have been in this step or one before.
    ///
    /// - Parameter wanted: rows whose logits are asked for; nil = all.
    /// - Returns: logits [wanted count, V]
    package func step(
        _ cache: Cache, tokens: [Int32], positions: [Int32], slots: [Int32], wanted: [Int32]? = nil
    ) throws -> Tensor {
        guard tokens.count == positions.count, tokens.count == slots.count else {
            throw TorchError(.argument, "a decode step needs a token, a position and a slot for each row")
        }
        let rows = wanted ?? tokens.indices.map(Int32.init)
        return try Tensor.make {
            ctorch_decoder_step(
                handle, cache.handle, Int64(tokens.count), tokens, positions, slots, Int64(rows.count), rows, $0)
        }
    }

    /// Keys and values of a fixed number of sequences, each in its slot.
    package final class Cache {
        fileprivate let handle: OpaquePointer

        package init(_ decoder: FusedDecoder, slots: Int, capacity: Int) throws {
            try decoder.extend(to: capacity)
            var made: OpaquePointer?
            try check(ctorch_decode_cache_create(decoder.handle, Int64(slots), Int64(capacity), &made))
            guard let made else { throw TorchError(.libtorch, "no cache was made") }
            handle = made
        }

        deinit { ctorch_decode_cache_release(handle) }

        /// Copies the first `length` positions of one slot into another.
        package func copy(from source: Int32, to target: Int32, length: Int) throws {
            try check(ctorch_decode_cache_copy(handle, Int64(source), Int64(target), Int64(length)))
        }
    }
}

extension Tensor {
    /// Counts the changes in place, so that copies of the value can be known to be old.
    package var version: UInt32 { ctorch_version_of(handle) }
}
