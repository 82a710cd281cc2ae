// Process-wide settings, errors, random state.
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <malloc.h>
#include <torch/version.h>

#include <cstdlib>
#include <mutex>

#include "handles.hpp"

namespace ctorch {

namespace {
std::string &message() noexcept {
    thread_local std::string text;
    return text;
}

/// libtorch and oneDNN below it each keep 1,024 compiled products by their shapes, hundreds of kilobytes apiece. How many
/// rows a product has differs from batch to batch, so most are never used again. These hold all shapes of one pass.
/// Before `main`, because the environment must not change once there are threads.
__attribute__((constructor)) void keep_few_compiled_products() {
    setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "32", 0);
    setenv("LRU_CACHE_CAPACITY", "32", 0);
}
}  // namespace

void set_error(const std::string &text) noexcept {
    try {
        // The rest is source locations and advice for people who build libtorch.
        message() = text.substr(0, text.find('\n'));
    } catch (...) {
        message().clear();
    }
}

at::ScalarType scalar_type(ctorch_dtype dtype) {
    switch (dtype) {
        case CTORCH_FLOAT32: return at::kFloat;
        case CTORCH_BFLOAT16: return at::kBFloat16;
        case CTORCH_FLOAT16: return at::kHalf;
        case CTORCH_FLOAT64: return at::kDouble;
        case CTORCH_INT64: return at::kLong;
        case CTORCH_INT32: return at::kInt;
        case CTORCH_INT16: return at::kShort;
        case CTORCH_INT8: return at::kChar;
        case CTORCH_UINT8: return at::kByte;
        case CTORCH_BOOL: return at::kBool;
    }
    throw std::runtime_error("unknown dtype code " + std::to_string(static_cast<int>(dtype)));
}

at::Device device(ctorch_device type, int32_t index) {
    switch (type) {
        case CTORCH_CUDA: return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(index));
        case CTORCH_MPS: return at::Device(at::kMPS);
        case CTORCH_CPU: break;
    }
    return at::Device(at::kCPU);
}

}  // namespace ctorch

using namespace ctorch;

const char *ctorch_error(void) { return message().c_str(); }

ctorch_status ctorch_set_threads(int32_t intra_op, int32_t inter_op) {
    return guarded([&] {
        static std::mutex mutex;
        static int32_t inter_op_set = 0;
        std::lock_guard<std::mutex> lock(mutex);
        TORCH_CHECK(intra_op >= 1, "threads must be at least 1, not ", intra_op);
        at::set_num_threads(intra_op);
        if (inter_op >= 1 && inter_op != inter_op_set) {
            TORCH_CHECK(inter_op_set == 0, "inter-op threads are already set to ", inter_op_set);
            at::set_num_interop_threads(inter_op);
            inter_op_set = inter_op;
        }
    });
}

int32_t ctorch_intra_op_threads(void) { return at::get_num_threads(); }
int32_t ctorch_inter_op_threads(void) { return at::get_num_interop_threads(); }

void ctorch_keep_freed_memory(void) {
    // One heap that grows and never shrinks. Without mmap for large blocks and without trimming, a freed activation is
    // found again with its pages in place; clearing fresh pages was seen to cost a tenth of a training step.
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, 32 << 20);
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_TOP_PAD, 64 << 20);
}

const char *ctorch_version(void) { return TORCH_VERSION; }

ctorch_status ctorch_manual_seed(uint64_t seed) {
    return guarded([&] { at::manual_seed(seed); });
}

ctorch_status ctorch_rng_state(ctorch_tensor **out) {
    return produce(out, [] {
        auto generator = at::detail::getDefaultCPUGenerator();
        std::lock_guard<std::mutex> lock(generator.mutex());
        return generator.get_state();
    });
}

ctorch_status ctorch_set_rng_state(const ctorch_tensor *state) {
    return guarded([&] {
        auto generator = at::detail::getDefaultCPUGenerator();
        std::lock_guard<std::mutex> lock(generator.mutex());
        generator.set_state(value(state));
    });
}

bool ctorch_has_cuda(void) { return at::hasCUDA(); }

bool ctorch_has_mps(void) { return at::hasMPS(); }
