// Gradient checkpointing (Chen et al. 2016, "Training deep nets with sublinear memory cost").
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "handles.hpp"

using namespace ctorch;

namespace {

/// The caller's part of a network, alive as long as the graph that may run it again.
struct Segment : torch::CustomClassHolder {
    Segment(ctorch_segment run, void (*release)(void *), void *context)
        : run(run), release(release), context(context) {}
    ~Segment() override { release(context); }

    at::Tensor operator()(const at::Tensor &x) const {
        ctorch_tensor input{x};
        ctorch_tensor *output = nullptr;
        TORCH_CHECK(run(context, &input, &output) == CTORCH_OK && output != nullptr, ctorch_error());
        at::Tensor y = output->value;
        delete output;
        return y;
    }

    ctorch_segment run;
    void (*release)(void *);
    void *context;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
    /// Runs without history, as every forward of a custom function does: nothing inside is kept but x.
    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &x, const c10::intrusive_ptr<Segment> &segment) {
        context->save_for_backward({x});
        context->saved_data["segment"] = c10::IValue::make_capsule(segment);
        return (*segment)(x);
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, torch::autograd::variable_list gradients) {
        auto segment = c10::static_intrusive_pointer_cast<Segment>(context->saved_data["segment"].toCapsule());
        at::AutoGradMode with_history(true);
        at::Tensor x = context->get_saved_variables()[0].detach();
        x.set_requires_grad(true);
        at::Tensor y = (*segment)(x);
        // Leaves inside the segment get their gradients here, x through the result.
        torch::autograd::backward({y}, {gradients[0]});
        return {x.grad(), at::Tensor()};
    }
};

}  // namespace

ctorch_status ctorch_recomputed(
    ctorch_segment run, void (*release)(void *), void *context, const ctorch_tensor *x, ctorch_tensor **out) {
    return guarded([&] {
        auto segment = c10::make_intrusive<Segment>(run, release, context);
        *out = new ctorch_tensor{Recomputed::apply(value(x), segment)};
    });
}

void ctorch_set_error(const char *message) { set_error(message); }
