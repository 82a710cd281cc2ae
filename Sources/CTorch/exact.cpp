#include "exact.hpp"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "exact_kernels.hpp"
#include "handles.hpp"

using namespace ctorch;

namespace {

thread_local bool exact = false;

/// The values of one tensor with the gradient of another, which is the same but for rounding.
struct Replaced : torch::autograd::Function<Replaced> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *, const at::Tensor & /*plain*/, const at::Tensor &values) {
        return values.detach();
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *, const torch::autograd::variable_list &gradients) {
        return {gradients[0], at::Tensor()};
    }
};

at::Tensor differentiable(const at::Tensor &values, const std::function<at::Tensor()> &plain, bool required) {
    return at::GradMode::is_enabled() && required ? Replaced::apply(plain(), values) : values;
}

/// Without history.
at::Tensor ready(const at::Tensor &tensor, bool contiguous = true) {
    TORCH_CHECK(
        tensor.scalar_type() == at::kFloat && tensor.is_cpu(), "exact arithmetic is in fp32 on the CPU, not ",
        tensor.scalar_type(), " on ", tensor.device());
    auto values = tensor.detach();
    return contiguous ? values.contiguous() : values;
}

const float *floats(const at::Tensor &tensor) { return tensor.const_data_ptr<float>(); }

}  // namespace

bool ctorch_set_exact(bool enabled) {
    bool former = exact;
    exact = enabled;
    return former;
}

bool ctorch_exact(void) { return exact; }

namespace ctorch {

bool exact_arithmetic() { return exact; }

at::Tensor exact_product(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias) {
    const auto input = ready(x), w = ready(weight, false);
    TORCH_CHECK(
        input.dim() == 2 && w.dim() == 2 && input.size(1) == w.size(1), "a product of ", x.sizes(), " and ",
        weight.sizes(), " has no meaning");
    auto out = at::empty({input.size(0), w.size(0)}, input.options());
    if (out.numel() == 0) return out;
    const auto shift = bias ? ready(*bias) : at::Tensor();
    TORCH_CHECK(!bias || (shift.dim() == 1 && shift.size(0) == w.size(0)), "a bias does not fit its weight");
    const ProductWork work{
        floats(input), floats(w), bias ? floats(shift) : nullptr, w.stride(0), w.stride(1), input.size(0),
        w.size(0), w.size(1), out.mutable_data_ptr<float>()};
    const auto &kernels = exact_kernels();
    at::parallel_for(0, (work.n + kernels.panel - 1) / kernels.panel, 1, [&](int64_t first, int64_t last) {
        kernels.product(work, first, last);
    });
    return out;
}

at::Tensor exact_activation(
    ctorch_activation activation, const at::Tensor &x, const std::function<at::Tensor()> &plain) {
    const auto input = ready(x);
    auto out = at::empty(input.sizes(), input.options());
    const float *from = floats(input);
    float *to = out.mutable_data_ptr<float>();
    const auto &kernels = exact_kernels();
    at::parallel_for(0, input.numel(), 1 << 14, [&](int64_t first, int64_t last) {
        kernels.activate(activation, from, to, first, last);
    });
    return differentiable(out, plain, x.requires_grad());
}

at::Tensor exact_norm(
    const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, double epsilon,
    const std::function<at::Tensor()> &plain) {
    const auto input = ready(x), w = ready(weight), shift = bias ? ready(*bias) : at::Tensor();
    TORCH_CHECK(
        input.dim() >= 1 && w.dim() == 1 && w.size(0) == input.size(-1) && w.size(0) > 0 &&
            (!bias || shift.sizes() == w.sizes()),
        "a norm of ", w.sizes(), " does not fit ", x.sizes());
    auto out = at::empty(input.sizes(), input.options());
    const NormWork work{
        floats(input), floats(w), bias ? floats(shift) : nullptr, w.size(0), epsilon, out.mutable_data_ptr<float>()};
    const auto &kernels = exact_kernels();
    at::parallel_for(0, input.numel() / work.width, 64, [&](int64_t first, int64_t last) {
        kernels.norm(work, first, last);
    });
    return differentiable(
        out, plain, x.requires_grad() || weight.requires_grad() || (bias && bias->requires_grad()));
}

at::Tensor exact_rotation(
    const at::Tensor &x, const at::Tensor &cos, const at::Tensor &sin, const std::function<at::Tensor()> &plain) {
    const auto c = ready(cos), s = ready(sin);
    auto out = ready(x).clone();
    TORCH_CHECK(
        out.dim() == 4 && c.dim() == 4 && c.sizes() == s.sizes() && (c.size(0) == 1 || c.size(0) == out.size(0)) &&
            c.size(1) == 1 && c.size(2) == out.size(2) && c.size(3) <= out.size(3),
        "angles ", c.sizes(), " do not fit heads ", x.sizes());
    const int64_t heads = out.size(1), length = out.size(2), size = out.size(3), turned = c.size(3);
    const float *cosines = floats(c), *sines = floats(s);
    float *to = out.mutable_data_ptr<float>();
    const auto &kernels = exact_kernels();
    at::parallel_for(0, out.size(0) * heads * length, 256, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last; i++) {
            const int64_t row = c.size(0) == 1 ? 0 : i / (heads * length), at = (row * length + i % length) * turned;
            kernels.rotate(to + i * size, cosines + at, sines + at, turned);
        }
    });
    return differentiable(out, plain, x.requires_grad());
}

at::Tensor exact_attention(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t window, double scale,
    const std::function<at::Tensor()> &plain) {
    const auto queries = ready(q), keys = ready(k), values = ready(v);
    TORCH_CHECK(
        queries.dim() == 4 && keys.dim() == 4 && keys.sizes() == values.sizes() && keys.size(1) > 0 &&
            queries.size(0) == keys.size(0) && queries.size(1) % keys.size(1) == 0 &&
            queries.size(2) == keys.size(2) && queries.size(3) == keys.size(3),
        "queries ", q.sizes(), " and keys ", k.sizes(), " do not fit");
    auto out = at::empty(queries.sizes(), queries.options());
    const AttentionWork work{
        floats(queries), floats(keys), floats(values), queries.size(1), keys.size(1), queries.size(2),
        queries.size(3), window, static_cast<float>(scale), out.mutable_data_ptr<float>()};
    const auto &kernels = exact_kernels();
    at::parallel_for(0, keys.size(0) * keys.size(1), 1, [&](int64_t first, int64_t last) {
        kernels.attention(work, first, last);
    });
    return differentiable(out, plain, q.requires_grad() || k.requires_grad() || v.requires_grad());
}

}  // namespace ctorch
