// Exact arithmetic: forward passes whose every number is, to the bit, the one that the fused decoder computes.
//
// The kernels are the decoder's own, so a position's result depends neither on the rows beside it nor on whether its past
// came from a cache. Gradients are those of libtorch's operations at the same values.
#pragma once

#include <ATen/ATen.h>

#include "ctorch_decoder.h"

namespace ctorch {

/// Whether this thread computes so.
bool exact_arithmetic();

// fp32 on the CPU; anything else is an error. All but the product are differentiable.

/// x [m, k] W^T + b, without history. W [n, k] of any strides.
at::Tensor exact_product(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias);

/// `plain` is the same in libtorch's operations: called for the gradient only.
at::Tensor exact_activation(
    ctorch_activation activation, const at::Tensor &x, const std::function<at::Tensor()> &plain);
at::Tensor exact_norm(
    const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias, double epsilon,
    const std::function<at::Tensor()> &plain);
at::Tensor exact_rotation(
    const at::Tensor &x, const at::Tensor &cos, const at::Tensor &sin, const std::function<at::Tensor()> &plain);
at::Tensor exact_attention(
    const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, int64_t window, double scale,
    const std::function<at::Tensor()> &plain);

}  // namespace ctorch
