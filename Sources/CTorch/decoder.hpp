// What the decoder consists of; see ctorch_decoder.h.
#pragma once

#include <memory>
#include <vector>

#include "buffer.hpp"
#include "ctorch_decoder.h"
#include "handles.hpp"
#include "team.hpp"

namespace ctorch {

/// A packed weight [n, k] with its bias padded to whole panels; no bias = zeros.
struct Packed {
    int64_t n = 0, k = 0, panels = 0;
    Buffer weight, bias;
};

/// A norm that the model lacks has no weight.
struct PackedNorm {
    Buffer weight, bias;
    explicit operator bool() const { return weight.get() != nullptr; }
};

struct PackedLayer {
    PackedNorm input_norm, feed_forward_norm, attention_output_norm, feed_forward_output_norm, query_norm, key_norm;
    /// q, k and v one above the other; gate and up panel by panel in turn, or up alone.
    Packed qkv, o, inner, down;
    bool gated = false;
    /// 0 = none.
    int64_t window = 0;
    /// Turned by the local angles.
    bool local = false;
};

/// Cosines and sines of positions, [P, rotary size].
struct Angles {
    at::Tensor cos, sin;
};

/// Scratch of one step, [rows, ...].
struct Scratch {
    int64_t rows = 0, capacity = 0;
    /// `part` holds what a part of a layer gives where a norm comes before it is added.
    Buffer x, qkv, mixed, inner, part;
    /// One for each thread: normed rows, attention scores, and sums of one panel for all rows.
    std::vector<Buffer> normed, scores, tiles;
};

}  // namespace ctorch

struct ctorch_decoder {
    ctorch_decoder_shape shape;
    ctorch_vectors vectors;
    /// Floats in one of them.
    int lanes;
    /// Positions that the learned ones hold, and the angles.
    int64_t learned_positions, turned_positions;
    std::vector<ctorch::PackedLayer> layers;
    /// The embeddings, unless the head serves as such, and positions that are learned.
    at::Tensor embedding, learned;
    ctorch::Angles angles, local_angles;
    /// The memory of weights that were packed is given back.
    bool consumes = false;
    ctorch::PackedNorm final_norm;
    ctorch::Packed head;
    ctorch::Scratch scratch;
    std::unique_ptr<ctorch::Team> team;
};

struct ctorch_decode_cache {
    int64_t layers, slots, kv_heads, capacity, head_size;
    int lanes;
    /// keys [layer, slot, head, position / L, D, L]: a vector holds one component of L positions. values
    /// [layer, slot, head, position, D].
    ctorch::Buffer keys, values;

    int64_t head(int64_t layer, int64_t slot, int64_t head) const {
        return ((layer * slots + slot) * kv_heads + head) * capacity * head_size;
    }
};

namespace ctorch {

struct Step {
    ctorch_decoder &decoder;
    ctorch_decode_cache &cache;
    int64_t rows;
    const int32_t *tokens, *positions, *slots;
    /// Some slot has several rows: all must be filed before one attends.
    bool several;
    int64_t wanted_count;
    const int32_t *wanted;
    /// [wanted count, V]
    float *logits;
};

}  // namespace ctorch
