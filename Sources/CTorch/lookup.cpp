// Rows of an embedding table. libtorch's backward pass makes a gradient of the whole table for each pass, which is then
// added to the one there is: 0.7 GB each time for 262,144 rows of 640. Here the rows are added in place.
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "handles.hpp"
#include "linear.hpp"

using namespace ctorch;

namespace {

struct Lookup : torch::autograd::Function<Lookup> {
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &table, const at::Tensor &indices) {
        context->save_for_backward({table, indices});
        return at::embedding(table, indices);
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
        const auto saved = context->get_saved_variables();
        const auto &table = saved[0];
        const int64_t width = table.size(1);
        const auto gradient = gradients[0].reshape({-1, width}).contiguous();
        const auto indices = saved[1].reshape({-1}).to(at::kLong).contiguous();
        auto sum = gradient_of_leaf(table);
        const auto *from = gradient.const_data_ptr<float>();
        const auto *rows = indices.const_data_ptr<int64_t>();
        auto *to = sum.mutable_data_ptr<float>();
        // Threads share the columns, so that each element is added up in the order of the tokens.
        at::parallel_for(0, width, 64, [&](int64_t first, int64_t last) {
            for (int64_t i = 0; i < indices.numel(); i++) {
                float *row = to + rows[i] * width;
                for (int64_t c = first; c < last; c++) row[c] += from[i * width + c];
            }
        });
        return {at::Tensor(), at::Tensor()};
    }
};

}  // namespace

ctorch_status ctorch_embedding(const ctorch_tensor *weight, const ctorch_tensor *indices, ctorch_tensor **out) {
    return produce(out, [&] {
        const auto &table = value(weight), &places = value(indices);
        const bool in_place = at::GradMode::is_enabled() && table.requires_grad() && table.is_leaf() &&
                              table.is_cpu() && table.scalar_type() == at::kFloat && table.dim() == 2 &&
                              (!table.grad().defined() || table.grad().is_contiguous());
        return in_place ? Lookup::apply(table, places) : at::embedding(table, places);
    });
}
