// Elementwise operations, reductions, layers.
#include <cmath>
#include <optional>

#include "exact.hpp"
#include "handles.hpp"

using namespace ctorch;

namespace {

/// An activation of a feed-forward part.
template <typename Plain>
at::Tensor activated(ctorch_activation activation, const at::Tensor &x, Plain plain) {
    return exact_arithmetic() ? exact_activation(activation, x, plain) : plain();
}

}  // namespace

ctorch_status ctorch_unary(ctorch_unary_op op, const ctorch_tensor *a, ctorch_tensor **out) {
    return produce(out, [&]() -> at::Tensor {
        const auto &x = value(a);
        switch (op) {
            case CTORCH_NEGATIVE: return x.neg();
            case CTORCH_EXP: return x.exp();
            case CTORCH_LOG: return x.log();
            case CTORCH_SQRT: return x.sqrt();
            case CTORCH_RSQRT: return x.rsqrt();
            case CTORCH_SQUARE: return x * x;
            case CTORCH_ABS: return x.abs();
            case CTORCH_SIGMOID: return x.sigmoid();
            case CTORCH_LOG_SIGMOID: return at::log_sigmoid(x);
            case CTORCH_SOFTPLUS: return at::softplus(x);
            case CTORCH_TANH: return x.tanh();
            case CTORCH_SILU: return activated(CTORCH_ACTIVATION_SILU, x, [&] { return at::silu(x); });
            case CTORCH_RELU: return activated(CTORCH_ACTIVATION_RELU, x, [&] { return x.relu(); });
            case CTORCH_GELU: return activated(CTORCH_ACTIVATION_GELU, x, [&] { return at::gelu(x); });
            case CTORCH_GELU_TANH:
                return activated(CTORCH_ACTIVATION_GELU_TANH, x, [&] { return at::gelu(x, "tanh"); });
            case CTORCH_SIN: return x.sin();
            case CTORCH_COS: return x.cos();
            case CTORCH_NOT: return x.logical_not();
            case CTORCH_IS_FINITE: return at::isfinite(x);
            case CTORCH_CONTIGUOUS: return x.contiguous();
            case CTORCH_CLONE: return x.clone(at::MemoryFormat::Contiguous);
            case CTORCH_DETACH: return x.detach();
        }
        TORCH_CHECK(false, "unknown unary operation");
    });
}

ctorch_status ctorch_binary(
    ctorch_binary_op op, const ctorch_tensor *a, const ctorch_tensor *b, ctorch_tensor **out) {
    return produce(out, [&]() -> at::Tensor {
        const auto &x = value(a), &y = value(b);
        switch (op) {
            case CTORCH_ADD: return x + y;
            case CTORCH_SUBTRACT: return x - y;
            case CTORCH_MULTIPLY: return x * y;
            case CTORCH_DIVIDE: return x / y;
            case CTORCH_MAXIMUM: return at::maximum(x, y);
            case CTORCH_MINIMUM: return at::minimum(x, y);
            case CTORCH_EQUAL: return x.eq(y);
            case CTORCH_LESS: return x.lt(y);
            case CTORCH_LESS_EQUAL: return x.le(y);
            case CTORCH_GREATER: return x.gt(y);
            case CTORCH_GREATER_EQUAL: return x.ge(y);
            case CTORCH_AND: return x.logical_and(y);
            case CTORCH_OR: return x.logical_or(y);
            case CTORCH_MATMUL: return at::matmul(x, y);
        }
        TORCH_CHECK(false, "unknown binary operation");
    });
}

ctorch_status ctorch_binary_scalar(ctorch_binary_op op, const ctorch_tensor *a, double b, ctorch_tensor **out) {
    return produce(out, [&]() -> at::Tensor {
        const auto &x = value(a);
        switch (op) {
            case CTORCH_ADD: return x + b;
            case CTORCH_SUBTRACT: return x - b;
            case CTORCH_MULTIPLY: return x * b;
            case CTORCH_DIVIDE: return x / b;
            case CTORCH_EQUAL: return x.eq(b);
            case CTORCH_LESS: return x.lt(b);
            case CTORCH_LESS_EQUAL: return x.le(b);
            case CTORCH_GREATER: return x.gt(b);
            case CTORCH_GREATER_EQUAL: return x.ge(b);
            default: break;
        }
        TORCH_CHECK(false, "this operation takes no scalar");
    });
}

ctorch_status ctorch_power(const ctorch_tensor *a, double exponent, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).pow(exponent); });
}

ctorch_status ctorch_clamp(const ctorch_tensor *a, double low, double high, ctorch_tensor **out) {
    return produce(out, [&] {
        std::optional<at::Scalar> least, most;
        if (!std::isnan(low)) least = low;
        if (!std::isnan(high)) most = high;
        return value(a).clamp(least, most);
    });
}

ctorch_status ctorch_where(
    const ctorch_tensor *condition, const ctorch_tensor *a, const ctorch_tensor *b, ctorch_tensor **out) {
    return produce(out, [&] { return at::where(value(condition), value(a), value(b)); });
}

ctorch_status ctorch_masked_fill(const ctorch_tensor *a, const ctorch_tensor *mask, double fill, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).masked_fill(value(mask), fill); });
}

ctorch_status ctorch_reduce(
    ctorch_reduce_op op, const ctorch_tensor *a, const int64_t *dims, int32_t rank, bool keep, ctorch_tensor **out) {
    return produce(out, [&]() -> at::Tensor {
        const auto &x = value(a);
        std::vector<int64_t> over(dims, dims + rank);
        if (over.empty()) {
            for (int64_t d = 0; d < x.dim(); ++d) over.push_back(d);
        }
        switch (op) {
            case CTORCH_SUM: return x.sum(over, keep);
            case CTORCH_MEAN: return x.mean(over, keep);
            case CTORCH_MAX: return x.amax(over, keep);
            case CTORCH_MIN: return x.amin(over, keep);
            case CTORCH_LOG_SUM_EXP: return x.logsumexp(over, keep);
            case CTORCH_VARIANCE: return x.var(over, /*unbiased=*/true, keep);
        }
        TORCH_CHECK(false, "unknown reduction");
    });
}

ctorch_status ctorch_argmax(const ctorch_tensor *a, int64_t dim, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).argmax(dim); });
}

ctorch_status ctorch_softmax(const ctorch_tensor *a, int64_t dim, bool logarithm, ctorch_tensor **out) {
    return produce(out, [&] { return logarithm ? value(a).log_softmax(dim) : value(a).softmax(dim); });
}

ctorch_status ctorch_cumulative_sum(const ctorch_tensor *a, int64_t dim, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).cumsum(dim); });
}

ctorch_status ctorch_rms_norm(
    const ctorch_tensor *x, const ctorch_tensor *weight, double epsilon, ctorch_tensor **out) {
    return produce(out, [&] {
        const auto &w = value(weight);
        auto plain = [&] {
            // As the Llama family defines it: the mean of squares in fp32, the gain after the cast back.
            auto wide = value(x).scalar_type() == at::kDouble ? value(x) : value(x).to(at::kFloat);
            auto scaled = wide * (wide * wide).mean(-1, /*keepdim=*/true).add(epsilon).rsqrt();
            return scaled.to(value(x).scalar_type()) * w;
        };
        return exact_arithmetic() ? exact_norm(value(x), w, std::nullopt, epsilon, plain) : plain();
    });
}

ctorch_status ctorch_layer_norm(
    const ctorch_tensor *x, const ctorch_tensor *weight, const ctorch_tensor *bias, double epsilon,
    ctorch_tensor **out) {
    return produce(out, [&] {
        std::optional<at::Tensor> shift;
        if (bias != nullptr) shift = value(bias);
        auto plain = [&] { return at::layer_norm(value(x), value(weight).sizes(), value(weight), shift, epsilon); };
        if (!exact_arithmetic()) return plain();
        TORCH_CHECK(shift, "exact arithmetic has no LayerNorm without a bias");
        return exact_norm(value(x), value(weight), shift, epsilon, plain);
    });
}

ctorch_status ctorch_rotate(
    const ctorch_tensor *x, const ctorch_tensor *cos, const ctorch_tensor *sin, ctorch_tensor **out) {
    return produce(out, [&] {
        const auto &heads = value(x), &c = value(cos), &s = value(sin);
        auto plain = [&] {
            const int64_t turned = c.size(-1), half = turned / 2;
            auto first = heads.narrow(-1, 0, turned);
            auto crossed = at::cat({-heads.narrow(-1, half, half), heads.narrow(-1, 0, half)}, -1);
            auto result = first * c + crossed * s;
            if (turned == heads.size(-1)) return result;
            return at::cat({result, heads.narrow(-1, turned, heads.size(-1) - turned)}, -1);
        };
        return exact_arithmetic() ? exact_rotation(heads, c, s, plain) : plain();
    });
}
