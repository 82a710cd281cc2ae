// Making decoders and their caches; the arithmetic is in decode_step.cpp.
#include "decode_step.hpp"
#include "panels.hpp"

using namespace ctorch;

namespace {

const float *floats(const ctorch_tensor *tensor, at::IntArrayRef shape) {
    const auto &t = value(tensor);
    TORCH_CHECK(
        t.scalar_type() == at::kFloat && t.is_cpu() && t.is_contiguous() && t.sizes() == shape,
        "a decoder needs contiguous fp32 weights on the CPU of shape ", shape, ", not ", t.sizes());
    return t.const_data_ptr<float>();
}

Buffer copied(const ctorch_tensor *tensor, int64_t count) {
    Buffer copy(count);
    std::memcpy(copy.get(), floats(tensor, {count}), count * sizeof(float));
    return copy;
}

/// One weight [rows, k] and its bias.
struct Part {
    const ctorch_tensor *weight, *bias;
    int64_t rows;
};

/// Room for weights of n rows together, biases zero. n is a multiple of what a panel takes, or the last panel is padded.
Packed room(int lanes, int64_t n, int64_t k) {
    Packed packed;
    packed.n = n;
    packed.k = k;
    packed.panels = (n + 2 * lanes - 1) / (2 * lanes);
    packed.weight = Buffer(packed.panels * 2 * lanes * k);
    packed.bias = Buffer(packed.panels * 2 * lanes);
    std::fill_n(packed.weight.get(), packed.panels * 2 * lanes * k, 0.f);
    std::fill_n(packed.bias.get(), packed.panels * 2 * lanes, 0.f);
    return packed;
}

/// Writes row r of `part` to column `place(r)` of the panels.
template <typename Place>
void fill(Packed &packed, int lanes, const Part &part, Place place) {
    const float *weight = floats(part.weight, {part.rows, packed.k});
    const float *bias = part.bias == nullptr ? nullptr : floats(part.bias, {part.rows});
    for (int64_t r = 0; r < part.rows; r++) {
        int64_t column = place(r);
        float *to = packed.weight.get() + column / (2 * lanes) * packed.k * 2 * lanes + column % (2 * lanes);
        for (int64_t i = 0; i < packed.k; i++) to[i * 2 * lanes] = weight[r * packed.k + i];
        if (bias != nullptr) packed.bias.get()[column] = bias[r];
    }
}

/// Weights one above the other.
Packed stacked(int lanes, int64_t k, std::initializer_list<Part> parts) {
    int64_t n = 0;
    for (const auto &part : parts) n += part.rows;
    Packed packed = room(lanes, n, k);
    int64_t first = 0;
    for (const auto &part : parts) {
        fill(packed, lanes, part, [&](int64_t r) { return first + r; });
        first += part.rows;
    }
    return packed;
}

/// Panels of L columns of the gate and the same L of up.
Packed gate_and_up(int lanes, int64_t k, const Part &gate, const Part &up) {
    Packed packed = room(lanes, (gate.rows + lanes - 1) / lanes * 2 * lanes, k);
    fill(packed, lanes, gate, [&](int64_t r) { return r / lanes * 2 * lanes + r % lanes; });
    fill(packed, lanes, up, [&](int64_t r) { return r / lanes * 2 * lanes + lanes + r % lanes; });
    return packed;
}

void reserve(ctorch_decoder &decoder, int64_t rows, int64_t capacity) {
    auto &scratch = decoder.scratch;
    const auto &shape = decoder.shape;
    if (scratch.rows < rows) {
        scratch.rows = rows;
        scratch.x = Buffer(rows * shape.hidden);
        scratch.qkv = Buffer(rows * (shape.heads + 2 * shape.kv_heads) * shape.head_size);
        scratch.mixed = Buffer(rows * shape.heads * shape.head_size);
        scratch.inner = Buffer(rows * shape.intermediate);
        scratch.normed.clear();
        for (int i = 0; i < decoder.team->count(); i++) scratch.normed.emplace_back(rows * shape.hidden);
    }
    scratch.scores.clear();
    for (int i = 0; i < decoder.team->count(); i++) scratch.scores.emplace_back(capacity);
}

}  // namespace

ctorch_status ctorch_decoder_create(
    const ctorch_decoder_shape *shape, const ctorch_decoder_layer *layers, const ctorch_tensor *embedding,
    const ctorch_tensor *final_norm, const ctorch_tensor *head, const ctorch_tensor *cos, const ctorch_tensor *sin,
    int32_t threads, ctorch_decoder **out) {
    return guarded([&] {
        auto decoder = std::make_unique<ctorch_decoder>();
        decoder->shape = *shape;
        const int lanes = decoder->lanes = vector_lanes();
        const int64_t d = shape->hidden, queries = shape->heads * shape->head_size;
        const int64_t keys = shape->kv_heads * shape->head_size;
        for (int64_t i = 0; i < shape->layers; i++) {
            const auto &from = layers[i];
            PackedLayer layer;
            layer.input_norm = copied(from.input_norm, d);
            layer.post_norm = copied(from.post_norm, d);
            layer.qkv = stacked(
                lanes, d, {{from.q, from.q_bias, queries}, {from.k, from.k_bias, keys}, {from.v, from.v_bias, keys}});
            layer.o = stacked(lanes, queries, {{from.o, from.o_bias, d}});
            layer.gate_up = gate_and_up(
                lanes, d, {from.gate, from.gate_bias, shape->intermediate}, {from.up, from.up_bias, shape->intermediate});
            layer.down = stacked(lanes, shape->intermediate, {{from.down, from.down_bias, d}});
            decoder->layers.push_back(std::move(layer));
        }
        floats(embedding, {shape->vocabulary, d});
        floats(cos, {value(cos).size(0), shape->head_size});
        floats(sin, value(cos).sizes());
        decoder->embedding = value(embedding);
        decoder->cos = value(cos);
        decoder->sin = value(sin);
        decoder->final_norm = copied(final_norm, d);
        decoder->head = stacked(lanes, d, {{head, nullptr, shape->vocabulary}});
        decoder->team = std::make_unique<Team>(std::max(1, threads));
        *out = decoder.release();
    });
}

void ctorch_decoder_release(ctorch_decoder *decoder) { delete decoder; }

ctorch_status ctorch_decode_cache_create(
    const ctorch_decoder *decoder, int64_t slots, int64_t capacity, ctorch_decode_cache **out) {
    return guarded([&] {
        auto cache = std::make_unique<ctorch_decode_cache>();
        const auto &shape = decoder->shape;
        cache->layers = shape.layers;
        cache->slots = slots;
        cache->kv_heads = shape.kv_heads;
        cache->head_size = shape.head_size;
        cache->lanes = decoder->lanes;
        cache->capacity = (capacity + 15) / 16 * 16;
        int64_t count = shape.layers * slots * shape.kv_heads * cache->capacity * shape.head_size;
        cache->keys = Buffer(count);
        cache->values = Buffer(count);
        // A vector of keys reaches beyond the last position: what lies there must at least be a number.
        std::fill_n(cache->keys.get(), count, 0.f);
        *out = cache.release();
    });
}

void ctorch_decode_cache_release(ctorch_decode_cache *cache) { delete cache; }

ctorch_status ctorch_decode_cache_import(
    ctorch_decode_cache *cache, int64_t layer, int64_t slot, const ctorch_tensor *keys, const ctorch_tensor *values,
    int64_t row, int64_t from, int64_t length) {
    return guarded([&] {
        const auto &k = value(keys), &v = value(values);
        TORCH_CHECK(
            k.dim() == 4 && k.sizes() == v.sizes() && k.size(1) == cache->kv_heads && k.size(3) == cache->head_size &&
                k.stride(3) == 1 && v.stride(3) == 1 && k.scalar_type() == at::kFloat && v.scalar_type() == at::kFloat &&
                row < k.size(0) && from + length <= k.size(2) && length <= cache->capacity && slot < cache->slots &&
                layer < cache->layers,
            "keys and values ", k.sizes(), " do not fit the decoder's cache");
        const int64_t size = cache->head_size, lanes = cache->lanes;
        for (int64_t head = 0; head < cache->kv_heads; head++) {
            float *key_to = cache->keys.get() + cache->head(layer, slot, head);
            float *value_to = cache->values.get() + cache->head(layer, slot, head);
            for (int64_t s = 0; s < length; s++) {
                const float *key = k.const_data_ptr<float>() + row * k.stride(0) + head * k.stride(1) + (from + s) * k.stride(2);
                const float *val = v.const_data_ptr<float>() + row * v.stride(0) + head * v.stride(1) + (from + s) * v.stride(2);
                for (int64_t d = 0; d < size; d++) key_to[(s / lanes * size + d) * lanes + s % lanes] = key[d];
                std::memcpy(value_to + s * size, val, size * sizeof(float));
            }
        }
    });
}

ctorch_status ctorch_decoder_step(
    ctorch_decoder *decoder, ctorch_decode_cache *cache, int64_t rows, const int32_t *tokens,
    const int32_t *positions, const int32_t *slots, const ctorch_tensor *logits) {
    return guarded([&] {
        for (int64_t r = 0; r < rows; r++) {
            TORCH_CHECK(
                tokens[r] >= 0 && tokens[r] < decoder->shape.vocabulary && slots[r] >= 0 && slots[r] < cache->slots &&
                    positions[r] >= 0 && positions[r] < cache->capacity && positions[r] < decoder->cos.size(0),
                "row ", r, " of a decode step is out of range");
        }
        floats(logits, {rows, decoder->shape.vocabulary});
        reserve(*decoder, rows, cache->capacity);
        Step step{*decoder, *cache, rows, tokens, positions, slots, value(logits).mutable_data_ptr<float>()};
        decoder->team->run([&](int member) { decode_step(step, member); });
    });
}

uint32_t ctorch_version_of(const ctorch_tensor *tensor) {
    const auto &t = value(tensor);
    return t.is_inference() ? 0 : static_cast<uint32_t>(t._version());
}
