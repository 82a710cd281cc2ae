#pragma once

#include "decoder.hpp"

namespace ctorch {

/// Floats in the widest vector of this machine that the step is compiled for.
int vector_lanes();

/// A member's part of one step; all members of the decoder's team call it together.
void decode_step(const Step &step, int member);

}  // namespace ctorch
