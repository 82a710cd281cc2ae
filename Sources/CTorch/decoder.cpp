// Making decoders and their caches; the arithmetic is in decode_step.cpp.
#include "decode_step.hpp"
#include "panels.hpp"

using namespace ctorch;

namespace {

/// Weights of a decoder are fp32 on the CPU.
const at::Tensor &checked(const ctorch_tensor *tensor, at::IntArrayRef shape) {
    TORCH_CHECK(tensor != nullptr, "a decoder lacks a tensor of shape ", shape);
    const auto &t = value(tensor);
    TORCH_CHECK(
        t.scalar_type() == at::kFloat && t.is_cpu() && t.sizes() == shape,
        "a decoder needs fp32 weights on the CPU of shape ", shape, ", not ", t.sizes());
    return t;
}

const float *floats(const ctorch_tensor *tensor, at::IntArrayRef shape) {
    const auto &t = checked(tensor, shape);
    TORCH_CHECK(t.is_contiguous(), "a decoder needs contiguous norms, biases and tables");
    return t.const_data_ptr<float>();
}

Buffer copied(const ctorch_tensor *tensor, int64_t count) {
    const float *from = floats(tensor, {count});
    Buffer copy(count);
    std::memcpy(copy.get(), from, count * sizeof(float));
    return copy;
}

PackedNorm packed(const ctorch_decoder_norm &norm, int64_t width, bool biased) {
    PackedNorm made;
    if (norm.weight == nullptr) return made;
    TORCH_CHECK(biased == (norm.bias != nullptr), "a decoder's LayerNorms have biases, its RMSNorms have none");
    made.weight = copied(norm.weight, width);
    if (biased) made.bias = copied(norm.bias, width);
    return made;
}

/// Where one output column of a product comes from: `k` weights, `stride` apart; nothing for padding.
struct Column {
    const float *from = nullptr;
    int64_t stride = 0;
    float bias = 0;
};

/// The columns of x W^T + b, W [rows, k] of any strides.
std::vector<Column> columns(const ctorch_decoder_linear &linear, int64_t rows, int64_t k) {
    const auto &weight = checked(linear.weight, {rows, k});
    const float *bias = linear.bias == nullptr ? nullptr : floats(linear.bias, {rows});
    std::vector<Column> made(rows);
    for (int64_t r = 0; r < rows; r++) {
        made[r] = {
            weight.const_data_ptr<float>() + r * weight.stride(0), weight.stride(1), bias == nullptr ? 0 : bias[r]};
    }
    return made;
}

/// `parts` one above the other.
std::vector<Column> stacked(std::initializer_list<std::vector<Column>> parts) {
    std::vector<Column> made;
    for (const auto &part : parts) made.insert(made.end(), part.begin(), part.end());
    return made;
}

/// L columns of the gate, then the same L of up, and so on; the last of each are padded.
std::vector<Column> in_turn(int lanes, const std::vector<Column> &gate, const std::vector<Column> &up) {
    std::vector<Column> made((gate.size() + lanes - 1) / lanes * 2 * lanes);
    for (size_t r = 0; r < gate.size(); r++) {
        const size_t place = r / lanes * 2 * lanes + r % lanes;
        made[place] = gate[r];
        made[place + lanes] = up[r];
    }
    return made;
}

/// Writes columns in panels, every member of the team some of them.
Packed packed(ctorch_decoder &decoder, int64_t k, std::vector<Column> from) {
    const int64_t wide = 2 * decoder.lanes;
    Packed made;
    made.n = static_cast<int64_t>(from.size());
    made.k = k;
    made.panels = (made.n + wide - 1) / wide;
    made.weight = Buffer(made.panels * wide * k);
    made.bias = Buffer(made.panels * wide);
    from.resize(made.panels * wide);
    for (size_t c = 0; c < from.size(); c++) made.bias.get()[c] = from[c].bias;
    decoder.team->run([&](int member) {
        const int members = decoder.team->count();
        for (int64_t panel = made.panels * member / members; panel < made.panels * (member + 1) / members; panel++) {
            const Column *column = from.data() + panel * wide;
            float *to = made.weight.get() + panel * wide * k;
            // Some depth at a time, so that the lines read for one column serve the next rows too.
            for (int64_t depth = 0; depth < k; depth += 16) {
                const int64_t end = std::min(k, depth + 16);
                for (int64_t c = 0; c < wide; c++) {
                    for (int64_t i = depth; i < end; i++) {
                        to[i * wide + c] = column[c].from == nullptr ? 0 : column[c].from[i * column[c].stride];
                    }
                }
            }
        }
    });
    return made;
}

PackedLayer packed(ctorch_decoder &decoder, const ctorch_decoder_layer &from) {
    const auto &shape = decoder.shape;
    const int64_t d = shape.hidden, f = shape.intermediate;
    const int64_t queries = shape.heads * shape.head_size, keys = shape.kv_heads * shape.head_size;
    PackedLayer layer;
    layer.input_norm = packed(from.input_norm, d, shape.layer_norms);
    layer.feed_forward_norm = packed(from.feed_forward_norm, d, shape.layer_norms);
    layer.attention_output_norm = packed(from.attention_output_norm, d, shape.layer_norms);
    layer.feed_forward_output_norm = packed(from.feed_forward_output_norm, d, shape.layer_norms);
    layer.query_norm = packed(from.query_norm, shape.head_size, false);
    layer.key_norm = packed(from.key_norm, shape.head_size, false);
    TORCH_CHECK(layer.input_norm && layer.feed_forward_norm, "a decoder's layer needs a norm before each part");
    TORCH_CHECK(
        !shape.parallel || (!layer.attention_output_norm && !layer.feed_forward_output_norm),
        "a decoder has no norms after parts that are side by side");
    layer.qkv = packed(
        decoder, d, stacked({columns(from.q, queries, d), columns(from.k, keys, d), columns(from.v, keys, d)}));
    layer.o = packed(decoder, queries, columns(from.o, d, queries));
    layer.gated = from.gate.weight != nullptr;
    auto up = columns(from.up, f, d);
    layer.inner = packed(
        decoder, d, layer.gated ? in_turn(decoder.lanes, columns(from.gate, f, d), up) : std::move(up));
    layer.down = packed(decoder, f, columns(from.down, d, f));
    layer.window = from.window;
    return layer;
}

/// A table [positions, width] that the decoder keeps alive; it bounds the positions that can be.
const float *kept(ctorch_decoder &decoder, const ctorch_tensor *table, int64_t width) {
    TORCH_CHECK(table != nullptr && value(table).dim() == 2, "a decoder lacks a table of positions");
    const auto &t = value(table);
    decoder.positions = std::min(decoder.positions, t.size(0));
    decoder.angles.push_back(t);
    return floats(table, {t.size(0), width});
}

void reserve(ctorch_decoder &decoder, int64_t rows, int64_t capacity) {
    auto &scratch = decoder.scratch;
    const auto &shape = decoder.shape;
    const int members = decoder.team->count();
    if (scratch.rows < rows) {
        scratch.rows = rows;
        scratch.x = Buffer(rows * shape.hidden);
        scratch.part = Buffer(rows * shape.hidden);
        scratch.qkv = Buffer(rows * (shape.heads + 2 * shape.kv_heads) * shape.head_size);
        scratch.mixed = Buffer(rows * shape.heads * shape.head_size);
        scratch.inner = Buffer(rows * shape.intermediate);
        scratch.normed.clear();
        scratch.tiles.clear();
        for (int i = 0; i < members; i++) {
            scratch.normed.emplace_back(rows * shape.hidden);
            scratch.tiles.emplace_back(rows * 2 * decoder.lanes);
        }
    }
    if (scratch.capacity < capacity) {
        scratch.capacity = capacity;
        scratch.scores.clear();
        for (int i = 0; i < members; i++) scratch.scores.emplace_back(capacity);
    }
}

}  // namespace

ctorch_status ctorch_decoder_create(
    const ctorch_decoder_shape *shape, const ctorch_decoder_layer *layers, const ctorch_decoder_tables *tables,
    int32_t threads, ctorch_decoder **out) {
    return guarded([&] {
        auto decoder = std::make_unique<ctorch_decoder>();
        decoder->shape = *shape;
        decoder->lanes = vector_lanes();
        decoder->positions = INT32_MAX;
        decoder->team = std::make_unique<Team>(std::max(1, threads));
        const int64_t d = shape->hidden, turned = shape->rotary_size;
        floats(tables->embedding, {shape->vocabulary, d});
        decoder->embedding = value(tables->embedding);
        if (tables->positions != nullptr) {
            kept(*decoder, tables->positions, d);
            decoder->learned = value(tables->positions);
        }
        for (int64_t i = 0; i < shape->layers; i++) {
            PackedLayer layer = packed(*decoder, layers[i]);
            if (turned > 0) {
                layer.cos = kept(*decoder, layers[i].local ? tables->local_cos : tables->cos, turned);
                layer.sin = kept(*decoder, layers[i].local ? tables->local_sin : tables->sin, turned);
            }
            decoder->layers.push_back(std::move(layer));
        }
        decoder->final_norm = packed(tables->final_norm, d, shape->layer_norms);
        TORCH_CHECK(decoder->final_norm, "a decoder needs a norm after its layers");
        decoder->head = packed(*decoder, d, columns({tables->head, nullptr}, shape->vocabulary, d));
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
    const int32_t *positions, const int32_t *slots, ctorch_tensor **logits) {
    return produce(logits, [&] {
        for (int64_t r = 0; r < rows; r++) {
            TORCH_CHECK(
                tokens[r] >= 0 && tokens[r] < decoder->shape.vocabulary && slots[r] >= 0 && slots[r] < cache->slots &&
                    positions[r] >= 0 && positions[r] < cache->capacity && positions[r] < decoder->positions,
                "row ", r, " of a decode step is out of range");
        }
        auto result = at::empty({rows, decoder->shape.vocabulary}, at::kFloat);
        if (rows == 0) return result;
        reserve(*decoder, rows, cache->capacity);
        Step step{*decoder, *cache, rows, tokens, positions, slots, result.mutable_data_ptr<float>()};
        decoder->team->run([&](int member) { decode_step(step, member); });
        return result;
    });
}

uint32_t ctorch_version_of(const ctorch_tensor *tensor) {
    const auto &t = value(tensor);
    return t.is_inference() ? 0 : static_cast<uint32_t>(t._version());
}
