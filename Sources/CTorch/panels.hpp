// Skinny products for decoding: x [m, k] W^T with m of a few dozen, where a general product spends its time repacking W.
//
// W is packed once into panels of `2 * L` output columns, k after k, so that a panel streams through the cache. Each
// output is one chain of fused multiply-adds in the order of k, whatever m is and however many threads share the work:
// a row's result does not depend on the rows beside it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

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

/// R rows times one panel: sums[r] = two vectors.
template <int L, int R>
[[gnu::always_inline]] inline void rows_times_panel(
    const float *x, int64_t stride, int64_t k, const float *panel, typename Lanes<L>::type (&sums)[R][2]) {
    for (int r = 0; r < R; r++) sums[r][0] = sums[r][1] = typename Lanes<L>::type{};
    for (int64_t i = 0; i < k; i++) {
        auto w0 = load<L>(panel + i * 2 * L), w1 = load<L>(panel + i * 2 * L + L);
        for (int r = 0; r < R; r++) {
            auto value = typename Lanes<L>::type{} + x[r * stride + i];
            sums[r][0] = value * w0 + sums[r][0];
            sums[r][1] = value * w1 + sums[r][1];
        }
    }
}

/// Most rows at once that the registers hold.
template <int L>
constexpr int block_rows = L == 16 ? 12 : 5;

/// Calls `finish(row, panel, sums[2])` for each row and panel of [first, last).
template <int L, int R, typename Finish>
[[gnu::always_inline]] inline void block(
    const float *x, int64_t k, const float *panels, int64_t panel, int64_t row, Finish &finish) {
    typename Lanes<L>::type sums[R][2];
    rows_times_panel<L, R>(x + row * k, k, k, panels + panel * k * 2 * L, sums);
    for (int r = 0; r < R; r++) finish(row + r, panel, sums[r]);
}

template <int L, typename Finish>
[[gnu::always_inline]] inline void product(
    const float *x, int64_t m, int64_t k, const float *panels, int64_t first, int64_t last, Finish &&finish) {
    for (int64_t panel = first; panel < last; panel++) {
        int64_t row = 0;
        while (row < m) {
            switch (m - row < block_rows<L> ? m - row : block_rows<L>) {
                case 1: block<L, 1>(x, k, panels, panel, row, finish); row += 1; break;
                case 2: block<L, 2>(x, k, panels, panel, row, finish); row += 2; break;
                case 3: block<L, 3>(x, k, panels, panel, row, finish); row += 3; break;
                case 4: block<L, 4>(x, k, panels, panel, row, finish); row += 4; break;
                case 5: block<L, 5>(x, k, panels, panel, row, finish); row += 5; break;
                // Never reached with 8 lanes, which hold five rows.
                case 6: block<L, 6>(x, k, panels, panel, row, finish); row += 6; break;
                case 7: block<L, 7>(x, k, panels, panel, row, finish); row += 7; break;
                case 8: block<L, 8>(x, k, panels, panel, row, finish); row += 8; break;
                case 9: block<L, 9>(x, k, panels, panel, row, finish); row += 9; break;
                case 10: block<L, 10>(x, k, panels, panel, row, finish); row += 10; break;
                case 11: block<L, 11>(x, k, panels, panel, row, finish); row += 11; break;
                default: block<L, 12>(x, k, panels, panel, row, finish); row += 12; break;
            }
        }
    }
}

}  // namespace ctorch
