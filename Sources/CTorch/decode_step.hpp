#pragma once

#include "decoder.hpp"

namespace ctorch {

/// Floats in a vector.
constexpr int lanes_of(ctorch_vectors vectors) { return vectors == CTORCH_VECTORS_512 ? 16 : 8; }

/// A member's part of one step; all members of the decoder's team call it together.
void decode_step(const Step &step, int member);

}  // namespace ctorch
