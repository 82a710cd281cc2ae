// Skinny products for decoding: x [m, k] W^T with m of a few dozen, where a general product spends its time repacking W.
//
// W is packed once into panels of `2 * L` output columns, k after k, so that weights are read as one stream. Each output is
// a sum of chains of `chunk_depth` multiply-adds in the order of k, whatever m is, however the rows are blocked and however
// many threads share the work: a row's result does not depend on the rows beside it. (One chain over all of k would round
// more often where the sum is already large.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

// Vectors are passed between functions that are always inlined, and never across a call.
#pragma GCC diagnostic ignored "-Wpsabi"

namespace ctorch {

#if defined(__x86_64__)
#define CTORCH_AVX512 __attribute__((target("avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")))
#define CTORCH_AVX2 __attribute__((target("avx2,fma")))
#endif

/// L floats.
template <int L>
struct Lanes {
    typedef float type __attribute__((vector_size(L * 4)));
    typedef int32_t integers __attribute__((vector_size(L * 4)));
};

template <int L>
[[gnu::always_inline]] inline typename Lanes<L>::type load(const float *from) {
    typename Lanes<L>::type value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <int L>
[[gnu::always_inline]] inline void store(float *to, typename Lanes<L>::type value) {
    std::memcpy(to, &value, sizeof value);
}

/// L times the same. (Adding it to a vector of zeros would cost an addition: 0 + -0 is not -0.)
template <int L>
[[gnu::always_inline]] inline typename Lanes<L>::type spread(float value) {
    typename Lanes<L>::type vector;
    for (int i = 0; i < L; i++) vector[i] = value;
    return vector;
}

/// exp to 2 units in the last place, by range reduction and a polynomial (Cephes). Below -87 it is 0.
template <int L>
[[gnu::always_inline]] inline typename Lanes<L>::type exponential(typename Lanes<L>::type x) {
    using V = typename Lanes<L>::type;
    using I = typename Lanes<L>::integers;
    const V low = V{} - 87.3f, high = V{} + 88.3f;
    I zero = x < low;
    x = x > high ? high : x;
    x = x < low ? low : x;
    const V magic = V{} + 12582912.f;  // 1.5 * 2^23: adding it rounds to an integer
    V n = (x * 1.44269504088896341f + magic) - magic;
    V r = x - n * 0.693359375f;
    r = r + n * 2.12194440e-4f;
    V p = V{} + 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.f;
    I exponent = (__builtin_convertvector(n, I) + 127) << 23;
    V scale;
    std::memcpy(&scale, &exponent, sizeof scale);
    V result = p * scale;
    return zero ? V{} : result;
}

/// Rows of a panel that are worked on at a time: they stay in the first-level cache while one block of rows of x after
/// another passes over them.
constexpr int64_t chunk_depth = 256;

/// Adds R rows of x, k deep, times a chunk of a panel to `sums` [R, 2 L], or sets them where `fresh`.
///
/// Meanwhile it asks for the memory from `ahead` on, `pace` bytes for each row of the chunk.
template <int L, int R, bool Far>
[[gnu::always_inline]] inline void rows_times_chunk(
    const float *x, int64_t stride, int64_t k, const float *chunk, bool fresh, float *sums, const char *ahead,
    int64_t pace) {
    using V = typename Lanes<L>::type;
    V sum[R][2];
    for (int r = 0; r < R; r++) sum[r][0] = sum[r][1] = V{};
    for (int64_t i = 0; i < k; i++) {
        __builtin_prefetch(ahead + i * pace, 0, 2);
        // More than one cache line for each row.
        if constexpr (Far) __builtin_prefetch(ahead + i * pace + 64, 0, 2);
        auto w0 = load<L>(chunk + i * 2 * L), w1 = load<L>(chunk + i * 2 * L + L);
        for (int r = 0; r < R; r++) {
            auto value = spread<L>(x[r * stride + i]);
            sum[r][0] = value * w0 + sum[r][0];
            sum[r][1] = value * w1 + sum[r][1];
        }
    }
    for (int r = 0; r < R; r++) {
        for (int half = 0; half < 2; half++) {
            float *to = sums + (r * 2 + half) * L;
            store<L>(to, fresh ? sum[r][half] : load<L>(to) + sum[r][half]);
        }
    }
}

/// Most rows at once that the registers hold.
template <int L>
constexpr int block_rows = L == 16 ? 12 : 5;

/// The same for a count of rows known only now; compiled once for each width, see CTORCH_BLOCK.
using Block = void (*)(
    int64_t rows, const float *x, int64_t stride, int64_t k, const float *chunk, bool fresh, float *sums,
    const char *ahead, int64_t pace);

template <int L>
[[gnu::always_inline]] inline void block_times_chunk(
    int64_t rows, const float *x, int64_t stride, int64_t k, const float *chunk, bool fresh, float *sums,
    const char *ahead, int64_t pace) {
#define CTORCH_ROWS(R) \
    case R: \
        return pace > 64 ? rows_times_chunk<L, R, true>(x, stride, k, chunk, fresh, sums, ahead, pace) \
                         : rows_times_chunk<L, R, false>(x, stride, k, chunk, fresh, sums, ahead, pace)
    switch (rows) {
        CTORCH_ROWS(1);
        CTORCH_ROWS(2);
        CTORCH_ROWS(3);
        CTORCH_ROWS(4);
        CTORCH_ROWS(5);
    }
    if constexpr (block_rows<L> > 5) {
        switch (rows) {
            CTORCH_ROWS(6);
            CTORCH_ROWS(7);
            CTORCH_ROWS(8);
            CTORCH_ROWS(9);
            CTORCH_ROWS(10);
            CTORCH_ROWS(11);
            CTORCH_ROWS(12);
        }
    }
#undef CTORCH_ROWS
}

/// The block of one width, block_<name>; for the files that compile their kernels for each.
#define CTORCH_BLOCK(name, target, L) \
    [[gnu::noinline]] target void block_##name( \
        int64_t rows, const float *x, int64_t stride, int64_t k, const float *chunk, bool fresh, float *sums, \
        const char *ahead, int64_t pace) { \
        block_times_chunk<L>(rows, x, stride, k, chunk, fresh, sums, ahead, pace); \
    }

/// Calls `finish(panel)` for each panel of [first, last) once `tile` holds x W^T of its columns, [m, 2 L].
///
/// x [m, k]. While one chunk of a panel is multiplied, the next is fetched from memory, evenly over the blocks of rows:
/// a product of many rows would otherwise wait for memory in its first block and let it rest in the others.
template <int L, typename Finish>
[[gnu::always_inline]] inline void product(
    Block block, const float *x, int64_t m, int64_t k, const float *panels, int64_t first, int64_t last, float *tile,
    Finish &&finish) {
    const int64_t blocks = (m + block_rows<L> - 1) / block_rows<L>;
    constexpr int64_t line = 2 * L * sizeof(float);
    const int64_t pace = line / blocks;
    for (int64_t panel = first; panel < last; panel++) {
        for (int64_t depth = 0; depth < k; depth += chunk_depth) {
            const int64_t deep = k - depth < chunk_depth ? k - depth : chunk_depth;
            const float *chunk = panels + (panel * k + depth) * 2 * L;
            const char *ahead = reinterpret_cast<const char *>(chunk) + deep * line;
            for (int64_t b = 0; b < blocks; b++) {
                const int64_t row = m * b / blocks, rows = m * (b + 1) / blocks - row;
                block(
                    rows, x + row * k + depth, k, deep, chunk, depth == 0, tile + row * 2 * L, ahead + b * deep * pace,
                    pace);
            }
        }
        finish(panel);
    }
}

}  // namespace ctorch
