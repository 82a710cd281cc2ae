// Memory for vectors: aligned, and for weights on huge pages.
#pragma once

#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>

namespace ctorch {

/// Gives memory back to where it came from.
struct Unmap {
    /// Of the mapping; 0 = from the allocator.
    size_t bytes = 0;
    void *start = nullptr;

    void operator()(float *data) const {
        if (bytes == 0) {
            std::free(data);
        } else {
            munmap(start, bytes);
        }
    }
};

/// Floats at an address that a whole vector fits.
///
/// Large ones lie on huge pages where the system has them: weights are read from end to end for every token, and with
/// pages of 4 KiB the walk through the page tables, and the prefetchers that stop at the end of each, cost bandwidth.
class Buffer {
   public:
    Buffer() = default;

    explicit Buffer(int64_t count) {
        size_t bytes = (static_cast<size_t>(count) * sizeof(float) + 63) / 64 * 64;
        if (bytes < huge) {
            data_ = {static_cast<float *>(std::aligned_alloc(64, bytes)), Unmap{}};
            if (data_ == nullptr) throw std::bad_alloc();
            return;
        }
        // One page more than needed, so that a whole one begins somewhere in the first.
        bytes = (bytes + huge - 1) / huge * huge + huge;
        void *start = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == MAP_FAILED) throw std::bad_alloc();
#if defined(MADV_HUGEPAGE)
        madvise(start, bytes, MADV_HUGEPAGE);  // Only advice: without it all works, a little slower.
#endif
        auto address = reinterpret_cast<uintptr_t>(start);
        uintptr_t first = (address + huge - 1) / huge * huge;
        data_ = {reinterpret_cast<float *>(first), Unmap{bytes, start}};
    }

    float *get() const { return data_.get(); }

   private:
    static constexpr size_t huge = 2 << 20;

    std::unique_ptr<float, Unmap> data_;
};

}  // namespace ctorch
