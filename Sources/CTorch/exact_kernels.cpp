// Written once for any vector width and compiled for each, as decode_step.cpp is.
#include "exact_kernels.hpp"

#include <algorithm>

#include "buffer.hpp"
#include "decode_attention.hpp"
#include "decode_norms.hpp"
#include "decode_step.hpp"
#include "panels.hpp"

namespace ctorch {

namespace {

/// Rows whose sums of one panel are kept at a time: they fit the first-level cache.
constexpr int64_t product_rows = 120;

template <int L>
[[gnu::always_inline]] inline void product_panels(Block block, const ProductWork &work, int64_t first, int64_t last) {
    constexpr int64_t wide = 2 * L;
    const int64_t k = work.k;
    Buffer packed(wide * k), tile(std::min(work.rows, product_rows) * wide);
    float *panel = packed.get(), *sums = tile.get();
    for (int64_t p = first; p < last; p++) {
        const int64_t column = p * wide, columns = std::min(wide, work.n - column);
        float bias[wide] = {};
        for (int64_t c = 0; c < columns && work.bias != nullptr; c++) bias[c] = work.bias[column + c];
        // Some depth at a time, so that the lines read for one column serve the next rows too.
        for (int64_t depth = 0; depth < k; depth += 16) {
            const int64_t end = std::min(k, depth + 16);
            for (int64_t c = 0; c < wide; c++) {
                const float *from = work.weight + (column + c) * work.column_stride;
                for (int64_t i = depth; i < end; i++) panel[i * wide + c] = c < columns ? from[i * work.depth_stride] : 0;
            }
        }
        for (int64_t row = 0; row < work.rows; row += product_rows) {
            const int64_t rows = std::min(product_rows, work.rows - row);
            product<L>(block, work.x + row * k, rows, k, panel, 0, 1, sums,
                [&](int64_t) __attribute__((always_inline)) {
                    for (int64_t r = 0; r < rows; r++) {
                        float *to = work.out + (row + r) * work.n + column;
                        for (int half = 0; half < 2; half++) {
                            auto value = load<L>(sums + (r * 2 + half) * L) + load<L>(bias + half * L);
                            const int64_t room = columns - half * L;
                            if (room >= L) {
                                store<L>(to + half * L, value);
                            } else {
                                for (int64_t i = 0; i < room; i++) to[half * L + i] = value[i];
                            }
                        }
                    }
                });
        }
    }
}

[[gnu::always_inline]] inline void norm_rows(const NormWork &work, int64_t first, int64_t last) {
    const int64_t from = first * work.width;
    if (work.bias == nullptr) {
        rms_norm(work.x + from, work.weight, last - first, work.width, work.epsilon, work.out + from);
    } else {
        layer_norm(work.x + from, work.weight, work.bias, last - first, work.width, work.epsilon, work.out + from);
    }
}

template <int L>
[[gnu::always_inline]] inline void activate_elements(
    ctorch_activation activation, const float *x, float *out, int64_t first, int64_t last) {
    int64_t i = first;
    for (; i + L <= last; i += L) store<L>(out + i, activate<L>(activation, load<L>(x + i)));
    if (i == last) return;
    float rest[L] = {};
    std::copy(x + i, x + last, rest);
    store<L>(rest, activate<L>(activation, load<L>(rest)));
    std::copy(rest, rest + (last - i), out + i);
}

template <int L>
[[gnu::always_inline]] inline void attend_heads(const AttentionWork &work, int64_t first, int64_t last) {
    const int64_t size = work.size, length = work.length, group = work.heads / work.kv_heads;
    const int64_t padded = (length + L - 1) / L * L;
    Buffer packed(padded * size), scores(padded);
    for (int64_t pair = first; pair < last; pair++) {
        const float *key = work.k + pair * length * size, *values = work.v + pair * length * size;
        float *keys = packed.get();
        for (int64_t s = 0; s < padded; s++) {
            for (int64_t d = 0; d < size; d++) {
                keys[(s / L * size + d) * L + s % L] = s < length ? key[s * size + d] : 0;
            }
        }
        for (int64_t head = 0; head < group; head++) {
            // [B, K, H / K] is [B, H].
            const int64_t base = (pair * group + head) * length * size;
            for (int64_t t = 0; t < length; t++) {
                const int64_t begin = work.window > 0 ? std::max<int64_t>(0, t + 1 - work.window) : 0;
                attend_to<L>(
                    work.q + base + t * size, keys, values, size, begin, t + 1, work.scale, scores.get(),
                    work.out + base + t * size);
            }
        }
    }
}

#define CTORCH_EXACT(name, target, L) \
    CTORCH_BLOCK(name, target, L) \
    target void product_##name(const ProductWork &work, int64_t first, int64_t last) { \
        product_panels<L>(block_##name, work, first, last); \
    } \
    target void norm_##name(const NormWork &work, int64_t first, int64_t last) { norm_rows(work, first, last); } \
    target void activate_##name( \
        ctorch_activation activation, const float *x, float *out, int64_t first, int64_t last) { \
        activate_elements<L>(activation, x, out, first, last); \
    } \
    target void rotate_##name(float *x, const float *cos, const float *sin, int64_t size) { \
        rotate(x, cos, sin, size); \
    } \
    target void attention_##name(const AttentionWork &work, int64_t first, int64_t last) { \
        attend_heads<L>(work, first, last); \
    } \
    const ExactKernels kernels_##name{ \
        2 * L, product_##name, norm_##name, activate_##name, rotate_##name, attention_##name};

#if defined(__x86_64__)
CTORCH_EXACT(512, CTORCH_AVX512, 16)
CTORCH_EXACT(256, CTORCH_AVX2, 8)
#endif
CTORCH_EXACT(any, , 8)

#undef CTORCH_EXACT

}  // namespace

const ExactKernels &exact_kernels() {
    switch (ctorch_vectors_in_use()) {
#if defined(__x86_64__)
        case CTORCH_VECTORS_512: return kernels_512;
        case CTORCH_VECTORS_256: return kernels_256;
#endif
        default: return kernels_any;
    }
}

}  // namespace ctorch
