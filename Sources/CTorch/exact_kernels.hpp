// The kernels of exact arithmetic for one width of vectors; see exact.hpp.
#pragma once

#include <cstdint>

#include "ctorch_decoder.h"

namespace ctorch {

/// out [rows, n] = x [rows, k] W^T + b, everything contiguous but W.
struct ProductWork {
    const float *x, *weight, *bias;
    /// Of W [n, k].
    int64_t column_stride, depth_stride;
    int64_t rows, n, k;
    float *out;
};

/// Rows of x [rows, width]; no bias = an RMSNorm.
struct NormWork {
    const float *x, *weight, *bias;
    int64_t width;
    double epsilon;
    float *out;
};

/// q and out [B, H, T, D], k and v [B, K, T, D].
struct AttentionWork {
    const float *q, *k, *v;
    int64_t heads, kv_heads, length, size;
    /// 0 = none.
    int64_t window;
    float scale;
    float *out;
};

/// Each does the pieces [first, last) of its work.
struct ExactKernels {
    /// Output columns in a piece of a product.
    int64_t panel;
    /// Pieces are panels.
    void (*product)(const ProductWork &work, int64_t first, int64_t last);
    /// Pieces are rows.
    void (*norm)(const NormWork &work, int64_t first, int64_t last);
    /// Pieces are elements.
    void (*activate)(ctorch_activation activation, const float *x, float *out, int64_t first, int64_t last);
    /// Turns one head's first `size` elements in place.
    void (*rotate)(float *x, const float *cos, const float *sin, int64_t size);
    /// Pieces are key heads of all rows, B * K.
    void (*attention)(const AttentionWork &work, int64_t first, int64_t last);
};

/// Those for this thread's vectors, which the decoder uses too. Ask on the thread that the call came from.
const ExactKernels &exact_kernels();

}  // namespace ctorch
