// The product behind every linear map, for the operations that contain one.
#pragma once

#include <ATen/ATen.h>

namespace ctorch {

/// a [m, k] b [n, k] -> a b^T [m, n] in the type of a, without history, in the fastest kernel; any strides. Exact
/// arithmetic has a product of its own.
at::Tensor fast_product(const at::Tensor &a, const at::Tensor &b);

/// Where a backward pass adds up the gradient of `leaf`: made of zeros if the leaf has no gradient yet. A large table's gradient is
/// added to in place, since autograd would hold one more of its size for each operation that the table takes part in.
at::Tensor gradient_of_leaf(const at::Tensor &leaf);

}  // namespace ctorch
