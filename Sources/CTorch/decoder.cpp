// Making decoders and their caches; the arithmetic is in decode_step.cpp.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

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

/// The columns of x W^T + b, W [rows, k] or [groups, rows / groups, k] of any strides.
std::vector<Column> columns(const ctorch_decoder_linear &linear, int64_t rows, int64_t k) {
    TORCH_CHECK(linear.weight != nullptr, "a decoder lacks a weight of shape ", at::IntArrayRef{rows, k});
    const auto &given = value(linear.weight);
    const auto &weight = given.dim() == 3 ? checked(linear.weight, {given.size(0), rows / given.size(0), k})
                                          : checked(linear.weight, {rows, k});
    const auto group = weight.size(-2);
    TORCH_CHECK(weight.numel() == rows * k, "a decoder's groups of rows do not make up ", rows);
    const float *bias = linear.bias == nullptr ? nullptr : floats(linear.bias, {rows});
    const int64_t further = weight.dim() == 3 ? weight.stride(0) : 0;
    std::vector<Column> made(rows);
    for (int64_t r = 0; r < rows; r++) {
        made[r] = {
            weight.const_data_ptr<float>() + r / group * further + r % group * weight.stride(-2), weight.stride(-1),
            bias == nullptr ? 0 : bias[r]};
    }
    return made;
}

/// Gives the pages that lie wholly in [from, from + bytes) back to the system; they read as anything later.
void give_back(const void *from, size_t bytes) {
    const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto start = reinterpret_cast<uintptr_t>(from);
    const uintptr_t first = (start + page - 1) / page * page, last = (start + bytes) / page * page;
#if defined(MADV_DONTNEED)
    if (last > first) madvise(reinterpret_cast<void *>(first), last - first, MADV_DONTNEED);
#endif
}

/// The memory of a weight that was packed, and of all that lies in the same tensor.
void give_back(const ctorch_decoder &decoder, const ctorch_decoder_linear &linear) {
    if (!decoder.consumes || linear.weight == nullptr) return;
    const auto &storage = value(linear.weight).storage();
    give_back(storage.data(), storage.nbytes());
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

/// Room for `n` columns.
Packed unfilled(const ctorch_decoder &decoder, int64_t n, int64_t k) {
    const int64_t wide = 2 * decoder.lanes;
    Packed made;
    made.n = n;
    made.k = k;
    made.panels = (n + wide - 1) / wide;
    made.weight = Buffer(made.panels * wide * k);
    made.bias = Buffer(made.panels * wide);
    return made;
}

/// Writes the columns of the panels from `first` on, every member of the team some of them.
void fill(ctorch_decoder &decoder, const Packed &packed, int64_t first, std::vector<Column> from) {
    const int64_t wide = 2 * decoder.lanes, k = packed.k;
    const int64_t panels = (static_cast<int64_t>(from.size()) + wide - 1) / wide;
    from.resize(panels * wide);
    for (size_t c = 0; c < from.size(); c++) packed.bias.get()[first * wide + c] = from[c].bias;
    decoder.team->run([&](int member) {
        const int members = decoder.team->count();
        for (int64_t panel = panels * member / members; panel < panels * (member + 1) / members; panel++) {
            const Column *column = from.data() + panel * wide;
            float *to = packed.weight.get() + (first + panel) * wide * k;
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
}

Packed packed(ctorch_decoder &decoder, int64_t k, std::vector<Column> from) {
    Packed made = unfilled(decoder, static_cast<int64_t>(from.size()), k);
    fill(decoder, made, 0, std::move(from));
    return made;
}

/// The largest weight of all: packed, and given back, some rows at a time.
Packed packed_head(ctorch_decoder &decoder, const ctorch_tensor *head) {
    const int64_t wide = 2 * decoder.lanes, rows = decoder.shape.vocabulary, k = decoder.shape.hidden;
    const auto all = columns({head, nullptr}, rows, k);
    const auto &weight = value(head);
    Packed made = unfilled(decoder, rows, k);
    const int64_t some = 256 * wide;
    for (int64_t row = 0; row < rows; row += some) {
        const int64_t end = std::min(rows, row + some);
        fill(decoder, made, row / wide, {all.begin() + row, all.begin() + end});
        if (decoder.consumes && weight.is_contiguous()) {
            give_back(weight.const_data_ptr<float>() + row * k, (end - row) * k * sizeof(float));
        }
    }
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
    for (const auto *linear : {&from.q, &from.k, &from.v, &from.o, &from.gate, &from.up, &from.down}) {
        give_back(decoder, *linear);
    }
    layer.window = from.window;
    layer.local = from.local;
    return layer;
}

/// A table [positions, width].
at::Tensor table(const ctorch_tensor *given, int64_t width) {
    TORCH_CHECK(given != nullptr && value(given).dim() == 2, "a decoder lacks a table of positions");
    floats(given, {value(given).size(0), width});
    return value(given);
}

void reserve(ctorch_decoder &decoder, int64_t rows, int64_t capacity) {
    auto &scratch = decoder.scratch;
    const auto &shape = decoder.shape;
    const int members = decoder.team->count();
    // The counts come last: memory may run out on the way.
    if (scratch.rows < rows) {
        scratch.rows = 0;
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
        scratch.rows = rows;
    }
    if (scratch.capacity < capacity) {
        scratch.capacity = 0;
        scratch.scores.clear();
        for (int i = 0; i < members; i++) scratch.scores.emplace_back(capacity);
        scratch.capacity = capacity;
    }
}

}  // namespace

ctorch_status ctorch_decoder_create(
    const ctorch_decoder_shape *shape, const ctorch_decoder_tables *tables, bool consume, int32_t threads,
    ctorch_decoder **out) {
    return guarded([&] {
        auto decoder = std::make_unique<ctorch_decoder>();
        decoder->shape = *shape;
        decoder->vectors = ctorch_vectors_in_use();
        decoder->lanes = lanes_of(decoder->vectors);
        decoder->learned_positions = decoder->turned_positions = INT32_MAX;
        decoder->consumes = consume;
        decoder->team = std::make_unique<Team>(std::max(1, threads));
        const int64_t d = shape->hidden;
        if (tables->embedding != nullptr) {
            floats(tables->embedding, {shape->vocabulary, d});
            decoder->embedding = value(tables->embedding);
        }
        if (tables->positions != nullptr) {
            decoder->learned = table(tables->positions, d);
            decoder->learned_positions = decoder->learned.size(0);
        }
        decoder->final_norm = packed(tables->final_norm, d, shape->layer_norms);
        TORCH_CHECK(decoder->final_norm, "a decoder needs a norm after its layers");
        decoder->head = packed_head(*decoder, tables->head);
        *out = decoder.release();
    });
}

ctorch_status ctorch_decoder_add(ctorch_decoder *decoder, const ctorch_decoder_layer *layer) {
    return guarded([&] {
        TORCH_CHECK(
            static_cast<int64_t>(decoder->layers.size()) < decoder->shape.layers, "a decoder has all its layers");
        decoder->layers.push_back(packed(*decoder, *layer));
    });
}

ctorch_status ctorch_decoder_set_angles(ctorch_decoder *decoder, const ctorch_decoder_angles *angles) {
    return guarded([&] {
        const int64_t turned = decoder->shape.rotary_size;
        Angles all{table(angles->cos, turned), table(angles->sin, turned)}, local;
        int64_t positions = std::min(all.cos.size(0), all.sin.size(0));
        if (angles->local_cos != nullptr) {
            local = {table(angles->local_cos, turned), table(angles->local_sin, turned)};
            positions = std::min({positions, local.cos.size(0), local.sin.size(0)});
        }
        decoder->angles = all;
        decoder->local_angles = local;
        decoder->turned_positions = positions;
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
        *out = cache.release();
    });
}

void ctorch_decode_cache_release(ctorch_decode_cache *cache) { delete cache; }

ctorch_status ctorch_decode_cache_copy(ctorch_decode_cache *cache, int64_t from, int64_t to, int64_t length) {
    return guarded([&] {
        TORCH_CHECK(
            from >= 0 && from < cache->slots && to >= 0 && to < cache->slots && from != to && length >= 0 &&
                length <= cache->capacity,
            "there is no copy of ", length, " positions from slot ", from, " to ", to);
        // Whole vectors of keys: nobody looks at what lies beyond the last position.
        const int64_t keys = (length + cache->lanes - 1) / cache->lanes * cache->lanes * cache->head_size;
        const int64_t values = length * cache->head_size;
        for (int64_t layer = 0; layer < cache->layers; layer++) {
            for (int64_t head = 0; head < cache->kv_heads; head++) {
                const int64_t source = cache->head(layer, from, head), target = cache->head(layer, to, head);
                std::copy_n(cache->keys.get() + source, keys, cache->keys.get() + target);
                std::copy_n(cache->values.get() + source, values, cache->values.get() + target);
            }
        }
    });
}

ctorch_status ctorch_decoder_step(
    ctorch_decoder *decoder, ctorch_decode_cache *cache, int64_t rows, const int32_t *tokens,
    const int32_t *positions, const int32_t *slots, int64_t wanted_count, const int32_t *wanted,
    ctorch_tensor **logits) {
    return produce(logits, [&] {
        TORCH_CHECK(
            static_cast<int64_t>(decoder->layers.size()) == decoder->shape.layers, "a decoder lacks layers");
        for (const auto &layer : decoder->layers) {
            const auto &angles = layer.local ? decoder->local_angles : decoder->angles;
            TORCH_CHECK(decoder->shape.rotary_size == 0 || angles.cos.defined(), "a decoder lacks its angles");
        }
        const int64_t reach =
            std::min({cache->capacity, decoder->learned_positions, decoder->turned_positions});
        std::vector<bool> seen(cache->slots);
        bool several = false;
        for (int64_t r = 0; r < rows; r++) {
            TORCH_CHECK(
                tokens[r] >= 0 && tokens[r] < decoder->shape.vocabulary && slots[r] >= 0 && slots[r] < cache->slots &&
                    positions[r] >= 0 && positions[r] < reach,
                "row ", r, " of a decode step is out of range");
            several = several || seen[slots[r]];
            seen[slots[r]] = true;
        }
        for (int64_t i = 0; i < wanted_count; i++) {
            TORCH_CHECK(wanted[i] >= 0 && wanted[i] < rows, "a decode step has no row ", wanted[i]);
        }
        TORCH_CHECK(wanted_count <= rows, "a decode step has logits for each row at most once");
        auto result = at::empty({wanted_count, decoder->shape.vocabulary}, at::kFloat);
        if (rows == 0) return result;
        reserve(*decoder, rows, cache->capacity);
        Step step{*decoder, *cache, rows, tokens, positions, slots, several, wanted_count, wanted,
                  result.mutable_data_ptr<float>()};
        decoder->team->run([&](int member) { decode_step(step, member); });
        return result;
    });
}

uint32_t ctorch_version_of(const ctorch_tensor *tensor) {
    const auto &t = value(tensor);
    return t.is_inference() ? 0 : static_cast<uint32_t>(t._version());
}
