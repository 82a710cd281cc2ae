// Autograd, AdamW, gradient norm, finite check.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>

#include <atomic>
#include <cmath>
#include <cstring>

#include "handles.hpp"

using namespace ctorch;

bool ctorch_set_grad_enabled(bool enabled) {
    bool former = at::GradMode::is_enabled();
    at::GradMode::set_enabled(enabled);
    return former;
}

bool ctorch_grad_enabled(void) { return at::GradMode::is_enabled(); }

ctorch_status ctorch_set_requires_grad(const ctorch_tensor *tensor, bool required) {
    return guarded([&] { value(tensor).set_requires_grad(required); });
}

bool ctorch_requires_grad(const ctorch_tensor *tensor) { return value(tensor).requires_grad(); }

ctorch_status ctorch_backward(const ctorch_tensor *tensor, const ctorch_tensor *gradient) {
    return guarded([&] { value(tensor).backward(gradient == nullptr ? at::Tensor() : value(gradient)); });
}

ctorch_status ctorch_grad(const ctorch_tensor *tensor, ctorch_tensor **out) {
    *out = nullptr;
    return guarded([&] {
        const auto &gradient = value(tensor).grad();
        if (gradient.defined()) *out = new ctorch_tensor{gradient};
    });
}

ctorch_status ctorch_set_grad(const ctorch_tensor *tensor, const ctorch_tensor *gradient) {
    return guarded([&] {
        at::Tensor target = value(tensor);
        target.mutable_grad() = gradient == nullptr ? at::Tensor() : value(gradient);
    });
}

ctorch_status ctorch_adamw_step(
    ctorch_tensor *const *parameters, ctorch_tensor *const *first_moments, ctorch_tensor *const *second_moments,
    int32_t count, const ctorch_adamw_options *options) {
    return guarded([&] {
        TORCH_CHECK(options->step >= 1, "AdamW counts steps from 1, not ", options->step);
        at::NoGradGuard no_grad;
        std::vector<at::Tensor> weights, gradients, first, second, steps;
        for (int32_t i = 0; i < count; ++i) {
            const auto &gradient = value(parameters[i]).grad();
            if (!gradient.defined()) continue;
            weights.push_back(value(parameters[i]));
            gradients.push_back(gradient.contiguous());
            first.push_back(value(first_moments[i]));
            second.push_back(value(second_moments[i]));
            // The kernel takes the count of steps already with this one.
            steps.push_back(at::full({}, static_cast<double>(options->step), gradient.options().dtype(at::kFloat)));
        }
        if (weights.empty()) return;
        // sqrt(v) + eps instead of sqrt(v / c) + eps is the same as eps / sqrt(c) in PyTorch's form.
        double correction = 1 - std::pow(options->beta2, static_cast<double>(options->step));
        double epsilon = options->tensorflow ? options->epsilon / std::sqrt(correction) : options->epsilon;
        at::_fused_adamw_(
            weights, gradients, first, second, /*max_exp_avg_sqs=*/{}, steps, options->learning_rate, options->beta1,
            options->beta2, options->weight_decay, epsilon, /*amsgrad=*/false, /*maximize=*/false);
        // The kernel does not count its changes, and copies of the weights must be known to be old.
        for (const auto &weight : weights) weight.unsafeGetTensorImpl()->bump_version();
    });
}

ctorch_status ctorch_clip_grad_norm(ctorch_tensor *const *parameters, int32_t count, double limit, double *norm) {
    return guarded([&] {
        at::NoGradGuard no_grad;
        std::vector<at::Tensor> gradients;
        for (int32_t i = 0; i < count; ++i) {
            const auto &gradient = value(parameters[i]).grad();
            if (gradient.defined()) gradients.push_back(gradient);
        }
        *norm = 0;
        if (gradients.empty()) return;
        double squares = 0;
        for (const auto &one : at::_foreach_norm(gradients, 2)) {
            double length = one.item<double>();
            squares += length * length;
        }
        *norm = std::sqrt(squares);
        if (!std::isfinite(*norm) || !(*norm > limit)) return;
        at::_foreach_mul_(gradients, limit / (*norm + 1e-6));
    });
}

namespace {

/// Whether no element has all bits of `exponent` set, which only NaN and infinity have.
template <typename Bits>
bool exponents_below(const void *data, int64_t count, Bits exponent) {
    const auto *bits = static_cast<const Bits *>(data);
    std::atomic<bool> finite{true};
    at::parallel_for(0, count, 1 << 16, [&](int64_t begin, int64_t end) {
        Bits found = 0;
        for (int64_t i = begin; i < end; ++i) found |= static_cast<Bits>((bits[i] & exponent) == exponent);
        if (found != 0) finite = false;
    });
    return finite;
}

}  // namespace

ctorch_status ctorch_all_finite(const ctorch_tensor *tensor, bool *out) {
    return guarded([&] {
        const auto &t = value(tensor);
        if (!t.is_floating_point()) {
            *out = true;
        } else if (t.is_cpu() && t.is_contiguous() && t.scalar_type() == at::kFloat) {
            *out = exponents_below<uint32_t>(t.data_ptr(), t.numel(), 0x7f80'0000u);
        } else if (t.is_cpu() && t.is_contiguous() && t.scalar_type() == at::kBFloat16) {
            *out = exponents_below<uint16_t>(t.data_ptr(), t.numel(), 0x7f80u);
        } else if (t.is_cpu() && t.is_contiguous() && t.scalar_type() == at::kHalf) {
            *out = exponents_below<uint16_t>(t.data_ptr(), t.numel(), 0x7c00u);
        } else {
            *out = at::isfinite(t).all().item<bool>();
        }
    });
}
