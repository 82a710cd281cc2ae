// Attention of one decode step: each new position over all that the cache holds of its sequence up to it.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>

#include "decode_norms.hpp"
#include "decoder.hpp"
#include "panels.hpp"

namespace ctorch {

/// Norms and rotates the row's new key and query heads, and files key and value in the cache.
template <int L>
[[gnu::always_inline]] inline void file(const Step &step, int64_t index, int64_t row, int64_t kv, float *qkv) {
    const auto &shape = step.decoder.shape;
    const auto &layer = step.decoder.layers[index];
    const int64_t size = shape.head_size, group = shape.heads / shape.kv_heads, position = step.positions[row];
    float *queries = qkv + kv * group * size, *key = qkv + (shape.heads + kv) * size;
    float *value = qkv + (shape.heads + shape.kv_heads + kv) * size;
    if (layer.query_norm) rms_norm(queries, layer.query_norm.weight.get(), group, size, shape.epsilon, queries);
    if (layer.key_norm) rms_norm(key, layer.key_norm.weight.get(), 1, size, shape.epsilon, key);
    if (shape.rotary_size > 0) {
        const auto &angles = layer.local ? step.decoder.local_angles : step.decoder.angles;
        const float *cos = angles.cos.const_data_ptr<float>() + position * shape.rotary_size;
        const float *sin = angles.sin.const_data_ptr<float>() + position * shape.rotary_size;
        for (int64_t head = 0; head < group; head++) rotate(queries + head * size, cos, sin, shape.rotary_size);
        rotate(key, cos, sin, shape.rotary_size);
    }
    const int64_t base = step.cache.head(index, step.slots[row], kv);
    float *keys = step.cache.keys.get() + base + position / L * size * L + position % L;
    for (int64_t d = 0; d < size; d++) keys[d * L] = key[d];
    std::memcpy(step.cache.values.get() + base + position * size, value, size * sizeof(float));
}

/// Scores of N vectors of positions at once: sums[n] = one vector. Independent chains hide the latency of each.
template <int L, int N>
[[gnu::always_inline]] inline void score(
    const float *q, const float *keys, int64_t size, typename Lanes<L>::type (&sums)[N]) {
    for (int n = 0; n < N; n++) sums[n] = typename Lanes<L>::type{};
    for (int64_t d = 0; d < size; d++) {
        auto value = spread<L>(q[d]);
        for (int n = 0; n < N; n++) sums[n] = value * load<L>(keys + (n * size + d) * L) + sums[n];
    }
}

/// N vectors of the mixture of the values at positions [first, length), divided by `sum`.
template <int L, int N>
[[gnu::always_inline]] inline void mix(
    const float *scores, const float *values, int64_t size, int64_t first, int64_t length, float sum, float *out) {
    typename Lanes<L>::type mixed[N];
    for (int n = 0; n < N; n++) mixed[n] = typename Lanes<L>::type{};
    for (int64_t s = first; s < length; s++) {
        auto weight = spread<L>(scores[s]);
        for (int n = 0; n < N; n++) mixed[n] = weight * load<L>(values + s * size + n * L) + mixed[n];
    }
    for (int n = 0; n < N; n++) store<L>(out + n * L, mixed[n] / sum);
}

/// softmax(q . keys * scale) values over positions [first, length), for one query head [D].
///
/// keys [position / L, D, L], values [position, D]; `scores` has room for the positions in whole vectors. Vectors of keys
/// are read whole; what they hold outside of [first, length) has no influence.
template <int L>
[[gnu::always_inline]] inline void attend_to(
    const float *q, const float *keys, const float *values, int64_t size, int64_t first, int64_t length, float scale,
    float *scores, float *out) {
    using V = typename Lanes<L>::type;
    using I = typename Lanes<L>::integers;
    I lane;
    for (int i = 0; i < L; i++) lane[i] = i;
    V most = V{} - INFINITY;
    auto keep = [&](int64_t block, V sum) __attribute__((always_inline)) {
        I place = lane + static_cast<int32_t>(block * L);
        sum = sum * scale;
        sum = place < static_cast<int32_t>(length) ? sum : V{} - INFINITY;
        sum = place >= static_cast<int32_t>(first) ? sum : V{} - INFINITY;
        store<L>(scores + block * L, sum);
        most = sum > most ? sum : most;
    };
    const int64_t from = first / L, blocks = (length + L - 1) / L;
    int64_t b = from;
    for (; b + 4 <= blocks; b += 4) {
        V sums[4];
        score<L, 4>(q, keys + b * size * L, size, sums);
        for (int n = 0; n < 4; n++) keep(b + n, sums[n]);
    }
    for (; b < blocks; b++) {
        V sums[1];
        score<L, 1>(q, keys + b * size * L, size, sums);
        keep(b, sums[0]);
    }
    float highest = most[0];
    for (int i = 1; i < L; i++) highest = std::max(highest, most[i]);
    V total{};
    for (b = from; b < blocks; b++) {
        V weight = exponential<L>(load<L>(scores + b * L) - highest);
        store<L>(scores + b * L, weight);
        total += weight;
    }
    float sum = 0;
    for (int i = 0; i < L; i++) sum += total[i];
    int64_t d = 0;
    for (; d + 4 * L <= size; d += 4 * L) mix<L, 4>(scores, values + d, size, first, length, sum, out + d);
    for (; d + L <= size; d += L) mix<L, 1>(scores, values + d, size, first, length, sum, out + d);
    for (; d < size; d++) {
        float a = 0;
        for (int64_t s = first; s < length; s++) a = scores[s] * values[s * size + d] + a;
        out[d] = a / sum;
    }
}

/// All query heads of one row that share a key head. `qkv` is the row's; `mixed` gets [H, D].
template <int L>
[[gnu::always_inline]] inline void attend(
    const Step &step, int64_t layer, int64_t row, int64_t kv, const float *qkv, float *scores, float *mixed) {
    const auto &shape = step.decoder.shape;
    const int64_t size = shape.head_size, group = shape.heads / shape.kv_heads;
    const int64_t window = step.decoder.layers[layer].window, length = step.positions[row] + 1;
    const int64_t first = window > 0 && window < length ? length - window : 0;
    const int64_t base = step.cache.head(layer, step.slots[row], kv);
    for (int64_t head = kv * group; head < (kv + 1) * group; head++) {
        attend_to<L>(
            qkv + head * size, step.cache.keys.get() + base, step.cache.values.get() + base, size, first, length,
            static_cast<float>(shape.attention_scale), scores, mixed + head * size);
    }
}

}  // namespace ctorch
