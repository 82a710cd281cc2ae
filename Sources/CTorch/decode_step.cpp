// All rows of one step, from embedding to the logits that are wanted. Written once for any vector width and compiled for each.
#include "decode_step.hpp"

#include <algorithm>
#include <cstring>

#include "decode_attention.hpp"
#include "decode_norms.hpp"
#include "panels.hpp"

namespace ctorch {

namespace {

/// [first, last) of `count` pieces that a member works on.
struct Share {
    int64_t first, last;
    Share(int64_t count, int member, int members)
        : first(count * member / members), last(count * (member + 1) / members) {}
};

/// out [m, n] (or += with `residual`) for the panels of this member.
template <int L>
[[gnu::always_inline]] inline void linear(
    Block block, const float *x, int64_t m, const Packed &weight, float *out, bool residual, float *tile, Share share) {
    product<L>(block, x, m, weight.k, weight.weight.get(), share.first, share.last, tile,
        [&](int64_t panel) __attribute__((always_inline)) {
            const int64_t column = panel * 2 * L;
            const float *bias = weight.bias.get() + column;
            for (int64_t row = 0; row < m; row++) {
                float *to = out + row * weight.n + column;
                int64_t room = weight.n - column;
                for (int half = 0; half < 2; half++, to += L, room -= L) {
                    auto value = load<L>(tile + (row * 2 + half) * L) + load<L>(bias + half * L);
                    if (room >= L) {
                        store<L>(to, residual ? value + load<L>(to) : value);
                    } else {
                        for (int64_t i = 0; i < room; i++) to[i] = residual ? value[i] + to[i] : value[i];
                    }
                }
            }
        });
}

/// The middle of the feed-forward part, out [m, f]: activation(gate) * up, where a panel holds L columns of the gate and
/// then the same L of up; or activation(up).
template <int L>
[[gnu::always_inline]] inline void inner(
    Block block, const float *x, int64_t m, int64_t f, ctorch_activation activation, bool gated, const Packed &weight,
    float *out, float *tile, Share share) {
    product<L>(block, x, m, weight.k, weight.weight.get(), share.first, share.last, tile,
        [&](int64_t panel) __attribute__((always_inline)) {
            const float *bias = weight.bias.get() + panel * 2 * L;
            for (int64_t row = 0; row < m; row++) {
                const float *sums = tile + row * 2 * L;
                for (int half = 0; half < (gated ? 1 : 2); half++) {
                    const int64_t column = panel * (gated ? L : 2 * L) + half * L, room = f - column;
                    auto value = activate<L>(activation, load<L>(sums + half * L) + load<L>(bias + half * L));
                    if (gated) value = value * (load<L>(sums + L) + load<L>(bias + L));
                    float *to = out + row * f + column;
                    if (room >= L) {
                        store<L>(to, value);
                    } else {
                        for (int64_t i = 0; i < room; i++) to[i] = value[i];
                    }
                }
            }
        });
}

/// One member's work in one step.
template <int L>
struct Member {
    const Step &step;
    const int member;
    const Block block;
    ctorch_decoder &decoder = step.decoder;
    Scratch &scratch = decoder.scratch;
    Team &team = *decoder.team;
    const ctorch_decoder_shape &shape = decoder.shape;
    const int64_t m = step.rows, d = shape.hidden;
    float *x = scratch.x.get(), *normed = scratch.normed[member].get(), *tile = scratch.tiles[member].get();

    [[gnu::always_inline]] Share share(int64_t count) const { return Share(count, member, team.count()); }

    /// Embeddings, perhaps scaled, perhaps with learned positions.
    [[gnu::always_inline]] void embed() const {
        const float *table =
            decoder.embedding.defined() ? decoder.embedding.template const_data_ptr<float>() : nullptr;
        const float *learned =
            decoder.learned.defined() ? decoder.learned.template const_data_ptr<float>() : nullptr;
        const float factor = static_cast<float>(shape.embedding_scale);
        for (int64_t row = share(m).first; row < share(m).last; row++) {
            float *to = x + row * d;
            const int64_t token = step.tokens[row];
            if (table != nullptr) {
                std::memcpy(to, table + token * d, d * sizeof(float));
            } else {
                const float *column = decoder.head.weight.get() + token / (2 * L) * 2 * L * d + token % (2 * L);
                for (int64_t i = 0; i < d; i++) to[i] = column[i * 2 * L];
            }
            if (factor != 1) {
                for (int64_t i = 0; i < d; i++) to[i] *= factor;
            }
            if (learned != nullptr) {
                const float *place = learned + step.positions[row] * d;
                for (int64_t i = 0; i < d; i++) to[i] += place[i];
            }
        }
    }

    [[gnu::always_inline]] void attention(int64_t index) const {
        const int64_t kv_heads = shape.kv_heads, width = decoder.layers[index].qkv.n;
        auto heads = share(m * kv_heads);
        auto each = [&](auto &&body) __attribute__((always_inline)) {
            for (int64_t at = heads.first; at < heads.last; at++) {
                const int64_t row = at / kv_heads;
                body(row, at % kv_heads, scratch.qkv.get() + row * width);
            }
        };
        auto filed = [&](int64_t row, int64_t kv, float *qkv) __attribute__((always_inline)) {
            file<L>(step, index, row, kv, qkv);
        };
        auto attended = [&](int64_t row, int64_t kv, float *qkv) __attribute__((always_inline)) {
            attend<L>(
                step, index, row, kv, qkv, scratch.scores[member].get(),
                scratch.mixed.get() + row * shape.heads * shape.head_size);
        };
        if (step.several) {
            each(filed);
            team.barrier();
            each(attended);
        } else {
            each([&](int64_t row, int64_t kv, float *qkv) __attribute__((always_inline)) {
                filed(row, kv, qkv);
                attended(row, kv, qkv);
            });
        }
    }

    [[gnu::always_inline]] void feed(const PackedLayer &layer) const {
        // Every member normalises all rows for itself: cheaper than one more barrier.
        normalise(shape, layer.feed_forward_norm, x, m, normed);
        inner<L>(
            block, normed, m, shape.intermediate, shape.activation, layer.gated, layer.inner, scratch.inner.get(), tile,
            share(layer.inner.panels));
    }

    /// x += norm(from W^T); a barrier must follow before anyone reads x.
    [[gnu::always_inline]] void add(const float *from, const Packed &weight, const PackedNorm &norm) const {
        float *part = scratch.part.get();
        linear<L>(block, from, m, weight, norm ? part : x, !norm, tile, share(weight.panels));
        if (!norm) return;
        team.barrier();
        auto rows = share(m);
        normalise(shape, norm, part + rows.first * d, rows.last - rows.first, part + rows.first * d);
        for (int64_t i = rows.first * d; i < rows.last * d; i++) x[i] += part[i];
    }

    [[gnu::always_inline]] void layer(int64_t index) const {
        const auto &layer = decoder.layers[index];
        normalise(shape, layer.input_norm, x, m, normed);
        linear<L>(block, normed, m, layer.qkv, scratch.qkv.get(), false, tile, share(layer.qkv.panels));
        if (shape.parallel) feed(layer);
        team.barrier();
        attention(index);
        team.barrier();
        add(scratch.mixed.get(), layer.o, layer.attention_output_norm);
        if (!shape.parallel) {
            team.barrier();
            feed(layer);
            team.barrier();
        }
        // With `parallel` at once: a member adds to the columns that it has just added to.
        add(scratch.inner.get(), layer.down, layer.feed_forward_output_norm);
        team.barrier();
    }

    [[gnu::always_inline]] void run() const {
        embed();
        team.barrier();
        for (int64_t index = 0; index < shape.layers; index++) layer(index);
        const int64_t count = step.wanted_count;
        for (int64_t i = 0; i < count; i++) {
            normalise(shape, decoder.final_norm, x + step.wanted[i] * d, 1, normed + i * d);
        }
        if (count == 0) return;
        linear<L>(block, normed, count, decoder.head, step.logits, false, tile, share(decoder.head.panels));
    }
};

#define CTORCH_STEP(name, target, L) \
    CTORCH_BLOCK(name, target, L) \
    target void step_##name(const Step &step, int member) { Member<L>{step, member, block_##name}.run(); }

#if defined(__x86_64__)
CTORCH_STEP(512, CTORCH_AVX512, 16)
CTORCH_STEP(256, CTORCH_AVX2, 8)
#endif
CTORCH_STEP(any, , 8)

#undef CTORCH_STEP

}  // namespace

void decode_step(const Step &step, int member) {
    switch (step.decoder.vectors) {
#if defined(__x86_64__)
        case CTORCH_VECTORS_512: return step_512(step, member);
        case CTORCH_VECTORS_256: return step_256(step, member);
#endif
        default: return step_any(step, member);
    }
}

}  // namespace ctorch

namespace {

ctorch_vectors of_this_machine() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq")) {
        return CTORCH_VECTORS_512;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return CTORCH_VECTORS_256;
#endif
    return CTORCH_VECTORS_ANY;
}

thread_local ctorch_vectors limit = CTORCH_VECTORS_512;

}  // namespace

ctorch_vectors ctorch_limit_vectors(ctorch_vectors most) {
    ctorch_vectors former = limit;
    limit = most;
    return former;
}

ctorch_vectors ctorch_vectors_in_use(void) {
    static const ctorch_vectors widest = of_this_machine();
    return std::min(limit, widest);
}
