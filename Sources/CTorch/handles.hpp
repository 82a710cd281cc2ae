// What the C++ files of this target share; never seen from outside.
#pragma once

#include <ATen/ATen.h>

#include <exception>
#include <string>

#include "ctorch.h"

struct ctorch_tensor {
    at::Tensor value;
};

namespace ctorch {

/// Keeps the message for ctorch_error() on this thread.
void set_error(const std::string &message) noexcept;

/// Runs `body` and turns any exception into CTORCH_FAILED with its message.
template <typename Body>
ctorch_status guarded(Body &&body) noexcept {
    try {
        body();
        return CTORCH_OK;
    } catch (const c10::Error &error) {
        set_error(error.what_without_backtrace());
    } catch (const std::bad_alloc &) {
        set_error("out of memory");
    } catch (const std::exception &error) {
        set_error(error.what());
    } catch (...) {
        set_error("unknown C++ exception");
    }
    return CTORCH_FAILED;
}

/// Runs `body`, which returns a tensor, and hands that out.
template <typename Body>
ctorch_status produce(ctorch_tensor **out, Body &&body) noexcept {
    return guarded([&] { *out = new ctorch_tensor{body()}; });
}

inline const at::Tensor &value(const ctorch_tensor *tensor) { return tensor->value; }

inline at::IntArrayRef sizes(const int64_t *shape, int32_t rank) {
    return at::IntArrayRef(shape, static_cast<size_t>(rank));
}

at::ScalarType scalar_type(ctorch_dtype dtype);
at::Device device(ctorch_device type, int32_t index);

}  // namespace ctorch
