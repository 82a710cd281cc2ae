// What the decoder consists of; see ctorch_decoder.h.
#pragma once

#include <memory>
#include <vector>

#include "ctorch_decoder.h"
#include "handles.hpp"
#include "team.hpp"

namespace ctorch {

/// Floats at an address that a whole vector fits.
class Buffer {
   public:
    Buffer() = default;
    explicit Buffer(int64_t count) : data_(static_cast<float *>(std::aligned_alloc(64, (count * 4 + 63) / 64 * 64))) {
        if (data_ == nullptr) throw std::bad_alloc();
    }
    float *get() const { return data_.get(); }

   private:
    struct Free {
        void operator()(float *data) const { std::free(data); }
    };
    std::unique_ptr<float, Free> data_;
};

/// A packed weight [n, k] with its bias padded to whole panels; no bias = zeros.
struct Packed {
    int64_t n = 0, k = 0, panels = 0;
    Buffer weight, bias;
};

struct PackedLayer {
    Buffer input_norm, post_norm;
    /// q, k and v one above the other; gate and up panel by panel in turn.
    Packed qkv, o, gate_up, down;
};

/// Scratch of one step, [rows, ...].
struct Scratch {
    int64_t rows = 0;
    Buffer x, qkv, mixed, inner;
    /// One for each thread: normed rows and attention scores.
    std::vector<Buffer> normed, scores;
};

}  // namespace ctorch

struct ctorch_decoder {
    ctorch_decoder_shape shape;
    /// Floats in a vector of this machine.
    int lanes;
    std::vector<ctorch::PackedLayer> layers;
    at::Tensor embedding, cos, sin;
    ctorch::Buffer final_norm;
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
    float *logits;
};

}  // namespace ctorch
