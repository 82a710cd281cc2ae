// x W^T + b in fp32 through oneDNN, forward and backward.
//
// at::linear calls MKL, which uses no AVX-512 on processors of other makers; oneDNN, in the same library, does: 2.2 times
// the speed where this was written. Other types and devices take at::linear, and so does everything when fused
// operations are switched off, which is what tests compare with. Exact arithmetic has its own product forward, whatever
// the switch, and the same backward.
#include <ATen/Context.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <torch/csrc/autograd/custom_function.h>

#include <atomic>

#include "exact.hpp"
#include "handles.hpp"
#include "linear.hpp"

using namespace ctorch;

namespace {

std::atomic<bool> fused{true};

using Pointwise = at::Tensor(
    const at::Tensor &, const at::Tensor &, const std::optional<at::Tensor> &, std::string_view,
    c10::List<std::optional<at::Scalar>>, std::optional<std::string_view>);

/// oneDNN's x W^T + b without a function after it; nothing when this build has none.
const std::optional<c10::TypedOperatorHandle<Pointwise>> &pointwise() {
    static const auto handle = []() -> std::optional<c10::TypedOperatorHandle<Pointwise>> {
        auto schema = c10::Dispatcher::singleton().findSchema({"mkldnn::_linear_pointwise", ""});
        if (!schema || !at::hasMKLDNN()) return std::nullopt;
        return schema->typed<Pointwise>();
    }();
    return handle;
}

/// a [m, k] b [n, k] -> a b^T [m, n]. Transposed views are fine: oneDNN reads any strides.
at::Tensor product(const at::Tensor &a, const at::Tensor &b, const std::optional<at::Tensor> &bias = std::nullopt) {
    if (!pointwise() || b.size(0) <= 1) return at::linear(a, b, bias);
    return pointwise()->call(a, b, bias, "none", c10::List<std::optional<at::Scalar>>(), "");
}

struct Linear : torch::autograd::Function<Linear> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &x, const at::Tensor &weight,
        const std::optional<at::Tensor> &bias) {
        context->save_for_backward({x, weight});
        context->saved_data["bias"] = bias.has_value();
        return exact_arithmetic() ? exact_product(x, weight, bias) : product(x, weight, bias);
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
        auto saved = context->get_saved_variables();
        const auto &x = saved[0], &weight = saved[1];
        auto gradient = gradients[0].contiguous();
        at::Tensor to_x, to_weight, to_bias;
        if (context->needs_input_grad(0)) to_x = product(gradient, weight.t());
        if (context->needs_input_grad(1)) {
            // The wide side as columns: a head of a whole vocabulary is slow the other way round.
            to_weight = gradient.size(1) > 4 * x.size(1) ? product(x.t(), gradient.t()).t().contiguous()
                                                         : product(gradient.t(), x.t());
        }
        if (context->saved_data["bias"].toBool()) to_bias = gradient.sum(0);
        return {to_x, to_weight, to_bias};
    }
};

bool suits(const at::Tensor &x, const at::Tensor &weight) {
    return fused.load(std::memory_order_relaxed) && x.scalar_type() == at::kFloat && x.is_cpu() && x.dim() >= 2 &&
           x.numel() > 0 && weight.scalar_type() == at::kFloat && weight.is_cpu() && weight.dim() == 2 &&
           weight.size(1) == x.size(-1) && weight.size(0) > 1 && pointwise().has_value();
}

}  // namespace

namespace ctorch {

at::Tensor fast_product(const at::Tensor &a, const at::Tensor &b) {
    return suits(a, b) ? product(a, b) : at::matmul(a, b.t());
}

at::Tensor gradient_of_leaf(const at::Tensor &leaf) {
    at::Tensor owner = leaf;
    if (!owner.grad().defined()) owner.mutable_grad() = at::zeros_like(leaf, at::MemoryFormat::Contiguous);
    return owner.grad();
}

}  // namespace ctorch

void ctorch_set_fused(bool enabled) { fused = enabled; }

bool ctorch_fused(void) { return fused; }

ctorch_status ctorch_linear(
    const ctorch_tensor *x, const ctorch_tensor *weight, const ctorch_tensor *bias, ctorch_tensor **out) {
    return produce(out, [&] {
        const auto &input = value(x), &w = value(weight);
        std::optional<at::Tensor> b;
        if (bias != nullptr) b = value(bias);
        if (!exact_arithmetic() && !suits(input, w)) return at::linear(input, w, b);
        auto shape = input.sizes().vec();
        shape.back() = w.size(0);
        auto flat = input.reshape({-1, input.size(-1)}).contiguous();
        bool differentiable = at::GradMode::is_enabled() &&
                              (flat.requires_grad() || w.requires_grad() || (b && b->requires_grad()));
        if (differentiable) return Linear::apply(flat, w, b).reshape(shape);
        return (exact_arithmetic() ? exact_product(flat, w, b) : product(flat, w, b)).reshape(shape);
    });
}
