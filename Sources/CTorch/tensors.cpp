// Creation, bytes, shape.
#include <cstring>

#include "handles.hpp"

using namespace ctorch;

void ctorch_release(ctorch_tensor *tensor) { delete tensor; }

ctorch_status ctorch_alias(const ctorch_tensor *tensor, ctorch_tensor **out) {
    return produce(out, [&] { return value(tensor); });
}

ctorch_status ctorch_from_bytes(
    const void *bytes, size_t byte_count, ctorch_dtype dtype, const int64_t *shape, int32_t rank, ctorch_tensor **out) {
    return produce(out, [&] {
        auto result = at::empty(sizes(shape, rank), at::TensorOptions().dtype(scalar_type(dtype)));
        TORCH_CHECK(result.nbytes() == byte_count, "a tensor of shape ", result.sizes(), " and type ",
                    result.scalar_type(), " has ", result.nbytes(), " bytes, not ", byte_count);
        if (byte_count > 0) std::memcpy(result.data_ptr(), bytes, byte_count);
        return result;
    });
}

ctorch_status ctorch_full(
    const int64_t *shape, int32_t rank, double fill, ctorch_dtype dtype, ctorch_device type, int32_t index,
    ctorch_tensor **out) {
    return produce(out, [&] {
        return at::full(sizes(shape, rank), fill,
                        at::TensorOptions().dtype(scalar_type(dtype)).device(device(type, index)));
    });
}

ctorch_status ctorch_arange(
    int64_t start, int64_t end, ctorch_dtype dtype, ctorch_device type, int32_t index, ctorch_tensor **out) {
    return produce(out, [&] {
        return at::arange(start, end, at::TensorOptions().dtype(scalar_type(dtype)).device(device(type, index)));
    });
}

ctorch_status ctorch_copy_out(const ctorch_tensor *tensor, void *bytes, size_t byte_count) {
    return guarded([&] {
        auto source = value(tensor).detach().to(at::kCPU).contiguous();
        TORCH_CHECK(source.nbytes() == byte_count, "the tensor has ", source.nbytes(), " bytes, the target ", byte_count);
        if (byte_count > 0) std::memcpy(bytes, source.data_ptr(), byte_count);
    });
}

ctorch_status ctorch_dtype_of(const ctorch_tensor *tensor, ctorch_dtype *out) {
    return guarded([&] {
        for (int code = CTORCH_FLOAT32; code <= CTORCH_BOOL; ++code) {
            if (scalar_type(static_cast<ctorch_dtype>(code)) == value(tensor).scalar_type()) {
                *out = static_cast<ctorch_dtype>(code);
                return;
            }
        }
        TORCH_CHECK(false, "dtype ", value(tensor).scalar_type(), " is not supported");
    });
}

int32_t ctorch_rank(const ctorch_tensor *tensor) { return static_cast<int32_t>(value(tensor).dim()); }

int64_t ctorch_size(const ctorch_tensor *tensor, int32_t dimension) {
    auto shape = value(tensor).sizes();
    return dimension >= 0 && static_cast<size_t>(dimension) < shape.size() ? shape[dimension] : 0;
}

int64_t ctorch_count(const ctorch_tensor *tensor) { return value(tensor).numel(); }

void ctorch_device_of(const ctorch_tensor *tensor, ctorch_device *type, int32_t *index) {
    auto device = value(tensor).device();
    *type = device.is_cuda() ? CTORCH_CUDA : device.is_mps() ? CTORCH_MPS : CTORCH_CPU;
    *index = device.has_index() ? device.index() : 0;
}

void *ctorch_data(const ctorch_tensor *tensor) {
    const auto &t = value(tensor);
    return t.is_cpu() && t.is_contiguous() ? t.data_ptr() : nullptr;
}

ctorch_status ctorch_to(
    const ctorch_tensor *tensor, ctorch_dtype dtype, ctorch_device type, int32_t index, ctorch_tensor **out) {
    return produce(out, [&] { return value(tensor).to(device(type, index), scalar_type(dtype)); });
}

ctorch_status ctorch_reshape(const ctorch_tensor *a, const int64_t *shape, int32_t rank, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).reshape(sizes(shape, rank)); });
}

ctorch_status ctorch_expand(const ctorch_tensor *a, const int64_t *shape, int32_t rank, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).expand(sizes(shape, rank)); });
}

ctorch_status ctorch_transpose(const ctorch_tensor *a, int64_t first, int64_t second, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).transpose(first, second); });
}

ctorch_status ctorch_slice(const ctorch_tensor *a, int64_t dim, int64_t start, int64_t end, ctorch_tensor **out) {
    return produce(out, [&] {
        // at::slice would clip a bad range in silence.
        auto size = value(a).size(dim);
        TORCH_CHECK(0 <= start && start <= end && end <= size, "slice ", start, "..<", end, " of a dimension of ", size);
        return value(a).slice(dim, start, end);
    });
}

ctorch_status ctorch_unsqueeze(const ctorch_tensor *a, int64_t dim, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).unsqueeze(dim); });
}

ctorch_status ctorch_squeeze(const ctorch_tensor *a, int64_t dim, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).squeeze(dim); });
}

ctorch_status ctorch_cat(ctorch_tensor *const *tensors, int32_t count, int64_t dim, ctorch_tensor **out) {
    return produce(out, [&] {
        std::vector<at::Tensor> list;
        list.reserve(count);
        for (int32_t i = 0; i < count; ++i) list.push_back(value(tensors[i]));
        return at::cat(list, dim);
    });
}

ctorch_status ctorch_repeat_interleave(const ctorch_tensor *a, int64_t repeats, int64_t dim, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).repeat_interleave(repeats, dim); });
}

ctorch_status ctorch_gather(const ctorch_tensor *a, int64_t dim, const ctorch_tensor *index, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).gather(dim, value(index)); });
}

ctorch_status ctorch_index_select(const ctorch_tensor *a, int64_t dim, const ctorch_tensor *index, ctorch_tensor **out) {
    return produce(out, [&] { return value(a).index_select(dim, value(index)); });
}

ctorch_status ctorch_copy_into(const ctorch_tensor *target, const ctorch_tensor *source) {
    return guarded([&] {
        TORCH_CHECK(value(target).sizes() == value(source).sizes(), "copying shape ", value(source).sizes(),
                    " into shape ", value(target).sizes());
        at::Tensor(value(target)).copy_(value(source));
    });
}

ctorch_status ctorch_fill(const ctorch_tensor *target, double fill) {
    return guarded([&] { at::Tensor(value(target)).fill_(fill); });
}

ctorch_status ctorch_scale(const ctorch_tensor *target, double factor) {
    return guarded([&] { at::Tensor(value(target)).mul_(factor); });
}

ctorch_status ctorch_add_into(const ctorch_tensor *target, const ctorch_tensor *source, double alpha) {
    return guarded([&] { at::Tensor(value(target)).add_(value(source), alpha); });
}
