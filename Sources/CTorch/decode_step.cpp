// One token for every row, from embedding to logits. Written once for any vector width and compiled for each.
#include "decode_step.hpp"

#include <algorithm>
#include <cmath>

#include "panels.hpp"

namespace ctorch {

namespace {

/// [first, last) of `count` pieces that a member works on.
struct Share {
    int64_t first, last;
    Share(int64_t count, int member, int members)
        : first(count * member / members), last(count * (member + 1) / members) {}
};

[[gnu::always_inline]] inline void rms_norm(
    const float *x, const float *weight, int64_t rows, int64_t width, double epsilon, float *out) {
    for (int64_t r = 0; r < rows; r++) {
        const float *row = x + r * width;
        float part[16] = {};
        int64_t i = 0;
        for (; i + 16 <= width; i += 16) {
            for (int c = 0; c < 16; c++) part[c] += row[i + c] * row[i + c];
        }
        for (; i < width; i++) part[0] += row[i] * row[i];
        float sum = 0;
        for (float p : part) sum += p;
        float scale = 1.f / std::sqrt(sum / static_cast<float>(width) + static_cast<float>(epsilon));
        for (int64_t j = 0; j < width; j++) out[r * width + j] = row[j] * scale * weight[j];
    }
}

/// Turns `x` [D] by the angles of one position (halves layout).
[[gnu::always_inline]] inline void rotate(float *x, const float *cos, const float *sin, int64_t size) {
    int64_t half = size / 2;
    for (int64_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a * cos[i] - b * sin[i];
        x[i + half] = b * cos[i + half] + a * sin[i + half];
    }
}

/// All query heads of one row that share a key head. `qkv` is the row's; `mixed` gets [H, D].
template <int L>
[[gnu::always_inline]] inline void attend(
    const Step &step, int64_t layer, int64_t row, int64_t kv, const float *qkv, float *scores, float *mixed) {
    using V = typename Lanes<L>::type;
    using I = typename Lanes<L>::integers;
    const auto &shape = step.decoder.shape;
    const int64_t size = shape.head_size, group = shape.heads / shape.kv_heads;
    const int64_t length = step.positions[row] + 1, blocks = (length + L - 1) / L;
    const int64_t base = step.cache.head(layer, step.slots[row], kv);
    const float *keys = step.cache.keys.get() + base, *values = step.cache.values.get() + base;
    const float scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(size)));
    I lane;
    for (int i = 0; i < L; i++) lane[i] = i;
    for (int64_t head = kv * group; head < (kv + 1) * group; head++) {
        const float *q = qkv + head * size;
        float highest = -INFINITY;
        for (int64_t b = 0; b < blocks; b++) {
            V sum{};
            for (int64_t d = 0; d < size; d++) sum = (V{} + q[d]) * load<L>(keys + (b * size + d) * L) + sum;
            sum = sum * scale;
            sum = lane + static_cast<int32_t>(b * L) < static_cast<int32_t>(length) ? sum : V{} - INFINITY;
            store<L>(scores + b * L, sum);
            for (int i = 0; i < L; i++) highest = std::max(highest, sum[i]);
        }
        V total{};
        for (int64_t b = 0; b < blocks; b++) {
            V weight = exponential<L>(load<L>(scores + b * L) - highest);
            store<L>(scores + b * L, weight);
            total += weight;
        }
        float sum = 0;
        for (int i = 0; i < L; i++) sum += total[i];
        float *out = mixed + head * size;
        int64_t d = 0;
        for (; d + 2 * L <= size; d += 2 * L) {
            V a{}, c{};
            for (int64_t s = 0; s < length; s++) {
                V weight = V{} + scores[s];
                a = weight * load<L>(values + s * size + d) + a;
                c = weight * load<L>(values + s * size + d + L) + c;
            }
            store<L>(out + d, a / sum);
            store<L>(out + d + L, c / sum);
        }
        for (; d < size; d++) {
            float a = 0;
            for (int64_t s = 0; s < length; s++) a = scores[s] * values[s * size + d] + a;
            out[d] = a / sum;
        }
    }
}

/// Rotates the row's new key and query heads, and files key and value in the cache.
template <int L>
[[gnu::always_inline]] inline void file(const Step &step, int64_t layer, int64_t row, int64_t kv, float *qkv) {
    const auto &shape = step.decoder.shape;
    const int64_t size = shape.head_size, group = shape.heads / shape.kv_heads, position = step.positions[row];
    const float *cos = step.decoder.cos.const_data_ptr<float>() + position * size;
    const float *sin = step.decoder.sin.const_data_ptr<float>() + position * size;
    for (int64_t head = kv * group; head < (kv + 1) * group; head++) rotate(qkv + head * size, cos, sin, size);
    float *key = qkv + (shape.heads + kv) * size, *value = qkv + (shape.heads + shape.kv_heads + kv) * size;
    rotate(key, cos, sin, size);
    const int64_t base = step.cache.head(layer, step.slots[row], kv);
    float *keys = step.cache.keys.get() + base + position / L * size * L + position % L;
    for (int64_t d = 0; d < size; d++) keys[d * L] = key[d];
    std::memcpy(step.cache.values.get() + base + position * size, value, size * sizeof(float));
}

/// out [m, n] (or += with `residual`) for the panels of this member.
template <int L>
[[gnu::always_inline]] inline void linear(
    const float *x, int64_t m, const Packed &weight, float *out, bool residual, Share share) {
    product<L>(x, m, weight.k, weight.weight.get(), share.first, share.last,
        [&](int64_t row, int64_t panel, typename Lanes<L>::type *sums) __attribute__((always_inline)) {
            int64_t column = panel * 2 * L, room = weight.n - column;
            float *to = out + row * weight.n + column;
            for (int half = 0; half < 2; half++, to += L, room -= L) {
                auto value = sums[half] + load<L>(weight.bias.get() + column + half * L);
                if (room >= L) {
                    store<L>(to, residual ? value + load<L>(to) : value);
                } else {
                    for (int64_t i = 0; i < room; i++) to[i] = residual ? value[i] + to[i] : value[i];
                }
            }
        });
}

/// out [m, f] = silu(gate) * up; a panel holds L columns of the gate, then the same L of up.
template <int L>
[[gnu::always_inline]] inline void gated(
    const float *x, int64_t m, int64_t f, const Packed &weight, float *out, Share share) {
    product<L>(x, m, weight.k, weight.weight.get(), share.first, share.last,
        [&](int64_t row, int64_t panel, typename Lanes<L>::type *sums) __attribute__((always_inline)) {
            const float *bias = weight.bias.get() + panel * 2 * L;
            auto gate = sums[0] + load<L>(bias), up = sums[1] + load<L>(bias + L);
            auto value = gate / (1.f + exponential<L>(-gate)) * up;
            int64_t column = panel * L, room = f - column;
            float *to = out + row * f + column;
            if (room >= L) {
                store<L>(to, value);
            } else {
                for (int64_t i = 0; i < room; i++) to[i] = value[i];
            }
        });
}

template <int L>
[[gnu::always_inline]] inline void member_step(const Step &step, int member) {
    auto &decoder = step.decoder;
    auto &scratch = decoder.scratch;
    auto &team = *decoder.team;
    const auto &shape = decoder.shape;
    const int members = team.count();
    const int64_t m = step.rows, d = shape.hidden, f = shape.intermediate;
    const int64_t queries = shape.heads * shape.head_size;
    float *x = scratch.x.get(), *qkv = scratch.qkv.get(), *mixed = scratch.mixed.get(), *inner = scratch.inner.get();
    float *normed = scratch.normed[member].get(), *scores = scratch.scores[member].get();
    auto share = [&](int64_t count) { return Share(count, member, members); };
    const float *table = decoder.embedding.const_data_ptr<float>();
    for (int64_t row = share(m).first; row < share(m).last; row++) {
        std::memcpy(x + row * d, table + step.tokens[row] * d, d * sizeof(float));
    }
    team.barrier();
    for (int64_t index = 0; index < shape.layers; index++) {
        const auto &layer = decoder.layers[index];
        // Every member normalises all rows for itself: cheaper than one more barrier.
        rms_norm(x, layer.input_norm.get(), m, d, shape.epsilon, normed);
        linear<L>(normed, m, layer.qkv, qkv, false, share(layer.qkv.panels));
        team.barrier();
        auto heads = share(m * shape.kv_heads);
        for (int64_t at = heads.first; at < heads.last; at++) {
            int64_t row = at / shape.kv_heads, kv = at % shape.kv_heads;
            file<L>(step, index, row, kv, qkv + row * layer.qkv.n);
            attend<L>(step, index, row, kv, qkv + row * layer.qkv.n, scores, mixed + row * queries);
        }
        team.barrier();
        linear<L>(mixed, m, layer.o, x, true, share(layer.o.panels));
        team.barrier();
        rms_norm(x, layer.post_norm.get(), m, d, shape.epsilon, normed);
        gated<L>(normed, m, f, layer.gate_up, inner, share(layer.gate_up.panels));
        team.barrier();
        linear<L>(inner, m, layer.down, x, true, share(layer.down.panels));
        team.barrier();
    }
    rms_norm(x, decoder.final_norm.get(), m, d, shape.epsilon, normed);
    linear<L>(normed, m, decoder.head, step.logits, false, share(decoder.head.panels));
}

#if defined(__x86_64__)
CTORCH_AVX512 void step_512(const Step &step, int member) { member_step<16>(step, member); }
CTORCH_AVX2 void step_256(const Step &step, int member) { member_step<8>(step, member); }
#endif
void step_any(const Step &step, int member) { member_step<8>(step, member); }

}  // namespace

int vector_lanes() {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq")) {
        return 16;
    }
#endif
    return 8;
}

void decode_step(const Step &step, int member) {
#if defined(__x86_64__)
    if (step.decoder.lanes == 16) return step_512(step, member);
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return step_256(step, member);
#endif
    step_any(step, member);
}

}  // namespace ctorch
