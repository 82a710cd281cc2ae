// Norms, rotation and activations of one decode step, for any vector width.
#pragma once

#include <cmath>

#include "decoder.hpp"
#include "panels.hpp"

namespace ctorch {

/// x / rms(x) * w for each row of x [rows, width] (Zhang and Sennrich 2019). `out` may be x.
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

/// (x - mean) / deviation * w + b for each row of x [rows, width] (Ba et al. 2016). `out` may be x.
[[gnu::always_inline]] inline void layer_norm(
    const float *x, const float *weight, const float *bias, int64_t rows, int64_t width, double epsilon, float *out) {
    for (int64_t r = 0; r < rows; r++) {
        const float *row = x + r * width;
        float part[16] = {};
        int64_t i = 0;
        for (; i + 16 <= width; i += 16) {
            for (int c = 0; c < 16; c++) part[c] += row[i + c];
        }
        for (; i < width; i++) part[0] += row[i];
        float sum = 0;
        for (float &p : part) {
            sum += p;
            p = 0;
        }
        const float mean = sum / static_cast<float>(width);
        for (i = 0; i + 16 <= width; i += 16) {
            for (int c = 0; c < 16; c++) part[c] += (row[i + c] - mean) * (row[i + c] - mean);
        }
        for (; i < width; i++) part[0] += (row[i] - mean) * (row[i] - mean);
        sum = 0;
        for (float p : part) sum += p;
        float scale = 1.f / std::sqrt(sum / static_cast<float>(width) + static_cast<float>(epsilon));
        for (int64_t j = 0; j < width; j++) out[r * width + j] = (row[j] - mean) * scale * weight[j] + bias[j];
    }
}

/// The norm that the decoder has between its parts, of `rows` rows as wide as x.
[[gnu::always_inline]] inline void normalise(
    const ctorch_decoder_shape &shape, const PackedNorm &norm, const float *x, int64_t rows, float *out) {
    if (shape.layer_norms) {
        layer_norm(x, norm.weight.get(), norm.bias.get(), rows, shape.hidden, shape.epsilon, out);
    } else {
        rms_norm(x, norm.weight.get(), rows, shape.hidden, shape.epsilon, out);
    }
}

/// Turns the first `size` elements of x by the angles of one position (halves layout).
[[gnu::always_inline]] inline void rotate(float *x, const float *cos, const float *sin, int64_t size) {
    int64_t half = size / 2;
    for (int64_t i = 0; i < half; i++) {
        float a = x[i], b = x[i + half];
        x[i] = a * cos[i] - b * sin[i];
        x[i + half] = b * cos[i + half] + a * sin[i + half];
    }
}

/// erf to 2e-7 (Abramowitz and Stegun 1964, 7.1.26).
template <int L>
[[gnu::always_inline]] inline typename Lanes<L>::type error_function(typename Lanes<L>::type x) {
    using V = typename Lanes<L>::type;
    V size = x < 0.f ? -x : x;
    V t = 1.f / (1.f + 0.3275911f * size);
    V p = V{} + 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    V value = 1.f - p * t * exponential<L>(-size * size);
    return x < 0.f ? -value : value;
}

template <int L>
[[gnu::always_inline]] inline typename Lanes<L>::type activate(
    ctorch_activation activation, typename Lanes<L>::type x) {
    using V = typename Lanes<L>::type;
    switch (activation) {
        case CTORCH_ACTIVATION_SILU: return x / (1.f + exponential<L>(-x));
        case CTORCH_ACTIVATION_GELU: return 0.5f * x * (1.f + error_function<L>(x * 0.70710678118654752f));
        case CTORCH_ACTIVATION_GELU_TANH: {
            // (1 + tanh u) / 2 is the sigmoid of 2u.
            V u = 1.5957691216057308f * (x + 0.044715f * x * x * x);
            return x / (1.f + exponential<L>(-u));
        }
        case CTORCH_ACTIVATION_RELU: return x > 0.f ? x : V{};
    }
    return x;
}

}  // namespace ctorch
