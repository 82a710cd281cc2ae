// Head, temperature, softmax and the choice of one entry in each row as one operation, which holds the logits of a few
// rows at a time: for 4,096 tokens and 262,144 entries all of them would be 4.3 GB, several times over.
//
// Forward, rows are taken in chunks; a row's result does not depend on the others. What is kept of a row is its
// log-sum-exp. The derivative of a log-probability by the hidden state, (W[target] - sum_v p_v W_v) / temperature, does
// not depend on the loss: where the head is frozen, the sum is formed while the probabilities are at hand, and the
// backward pass needs no logits. Where the head learns, they are computed again, some columns of the vocabulary at a time
// for all rows, so that each part of the head's gradient is written once. (Wijmans et al. 2024, "Cut your losses in
// large-vocabulary language models", compute them again too.)
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "exact.hpp"
#include "handles.hpp"
#include "linear.hpp"

using namespace ctorch;

namespace {

/// Logits that exist at a time: 201 MB.
constexpr int64_t most_logits = 48 << 20;
/// Rows of which some columns are computed again, and those columns.
constexpr int64_t tile_rows = 4096, tile_columns = most_logits / tile_rows;
/// Elements of a softmax that are worked on at a time.
constexpr int64_t slice = 4 << 20;

/// What log-probabilities are asked of.
struct Question {
    /// [N, d]
    at::Tensor hidden;
    /// [V, d]
    at::Tensor head;
    /// [N]
    at::Tensor targets;
    double temperature;
};

/// [N] each, fp32; `mean_row` [N, d] is the mean row of the head under each distribution.
struct Answer {
    at::Tensor values, log_sums, entropy, mean_row;
};

/// hidden [n, d], head [c, d] -> logits over the temperature [n, c], fp32 and nobody else's.
at::Tensor scores(const at::Tensor &hidden, const at::Tensor &head, double temperature, bool exact) {
    auto logits = exact ? exact_product(hidden, head, std::nullopt) : fast_product(hidden, head).to(at::kFloat);
    return temperature == 1 ? logits : logits.div_(temperature);
}

/// x [n, c] fp32 -> the sum of each row. On the CPU in one order, whatever the number of rows and of threads: libtorch cuts
/// the sum of a single long row into as many parts as there are threads.
at::Tensor row_sums(const at::Tensor &x) {
    if (!x.is_cpu() || x.scalar_type() != at::kFloat) return x.sum(-1);
    const auto dense = x.contiguous();
    const int64_t rows = dense.size(0), width = dense.size(1);
    auto sums = at::empty({rows}, dense.options());
    const float *from = dense.const_data_ptr<float>();
    float *to = sums.mutable_data_ptr<float>();
    at::parallel_for(0, rows, 1, [&](int64_t begin, int64_t end) {
        for (int64_t row = begin; row < end; row++) {
            constexpr int64_t lanes = 16;
            double parts[lanes] = {};
            const float *values = from + row * width;
            int64_t at = 0;
            for (; at + lanes <= width; at += lanes)
                for (int64_t lane = 0; lane < lanes; lane++) parts[lane] += values[at + lane];
            double sum = 0;
            for (; at < width; at++) sum += values[at];
            for (double part : parts) sum += part;
            to[row] = static_cast<float>(sum);
        }
    });
    return sums;
}

Answer answer(const Question &question, bool wants_entropy, bool wants_mean_row) {
    const auto &[hidden, head, targets, temperature] = question;
    const int64_t count = hidden.size(0), vocabulary = head.size(0);
    const int64_t rows = std::max<int64_t>(1, most_logits / vocabulary);
    const int64_t some = std::max<int64_t>(1, slice / vocabulary);
    const auto wide = hidden.options().dtype(at::kFloat);
    Answer result{at::empty({count}, wide), at::empty({count}, wide)};
    if (wants_entropy) result.entropy = at::empty({count}, wide);
    if (wants_mean_row) result.mean_row = at::empty({count, hidden.size(1)}, wide);
    for (int64_t first = 0; first < count; first += rows) {
        const int64_t taken = std::min(rows, count - first);
        auto logits = scores(hidden.narrow(0, first, taken), head, temperature, exact_arithmetic());
        for (int64_t row = 0; row < taken; row += some) {
            const int64_t at = first + row, n = std::min(some, taken - row);
            auto part = logits.narrow(0, row, n);
            const auto target = targets.narrow(0, at, n).unsqueeze(1);
            auto logarithms = at::log_softmax(part, -1);
            const auto picked = logarithms.gather(1, target).squeeze(1);
            result.values.narrow(0, at, n).copy_(picked);
            result.log_sums.narrow(0, at, n).copy_(part.gather(1, target).squeeze(1) - picked);
            if (!wants_entropy && !wants_mean_row) continue;
            at::exp_out(part, logarithms);
            if (wants_entropy) result.entropy.narrow(0, at, n).copy_(row_sums(logarithms.mul_(part)).neg_());
        }
        if (!wants_mean_row) continue;
        result.mean_row.narrow(0, first, taken).copy_(fast_product(logits.to(head.scalar_type()), head.t()));
    }
    return result;
}

/// d loss / d hidden and, added to `to_head` where that is defined, d loss / d head.
///
/// by_value and by_entropy [N]: d loss / d result over the temperature; the latter may be undefined.
at::Tensor differentiated(
    const Question &question, const at::Tensor &log_sums, const at::Tensor &entropy, const at::Tensor &by_value,
    const at::Tensor &by_entropy, bool wants_hidden, at::Tensor to_head) {
    const auto &[hidden, head, targets, temperature] = question;
    const int64_t count = hidden.size(0), vocabulary = head.size(0);
    at::Tensor to_hidden;
    if (wants_hidden) to_hidden = at::zeros(hidden.sizes(), hidden.options().dtype(at::kFloat));
    for (int64_t row = 0; row < count; row += tile_rows) {
        const int64_t n = std::min(tile_rows, count - row);
        const auto x = hidden.narrow(0, row, n), target = targets.narrow(0, row, n);
        const auto weight = by_value.narrow(0, row, n), log_sum = log_sums.narrow(0, row, n).unsqueeze(1);
        for (int64_t column = 0; column < vocabulary; column += tile_columns) {
            const int64_t c = std::min(tile_columns, vocabulary - column);
            const auto part = head.narrow(0, column, c);
            auto slope = scores(x, part, temperature, /*exact=*/false).sub_(log_sum);
            if (by_entropy.defined()) {
                // d entropy / d logit is -p (log p + entropy).
                const auto p = slope.exp();
                slope.add_(entropy.narrow(0, row, n).unsqueeze(1)).mul_(by_entropy.narrow(0, row, n).unsqueeze(1));
                slope.add_(weight.unsqueeze(1)).neg_().mul_(p);
            } else {
                slope.exp_().mul_(weight.neg().unsqueeze(1));
            }
            const auto inside = (target >= column).logical_and_(target < column + c).nonzero().squeeze(1);
            if (inside.numel() > 0) {
                slope.index_put_(
                    {inside, target.index_select(0, inside) - column}, weight.index_select(0, inside), true);
            }
            slope = slope.to(head.scalar_type());
            if (wants_hidden) to_hidden.narrow(0, row, n).add_(fast_product(slope, part.t()));
            // The wide side as columns, as in linear.cpp.
            if (to_head.defined()) to_head.narrow(0, column, c).add_(fast_product(x.t(), slope.t()).t());
        }
    }
    return wants_hidden ? to_hidden.to(hidden.scalar_type()) : at::Tensor();
}

struct Scoring : torch::autograd::Function<Scoring> {
    static torch::autograd::variable_list forward(
        torch::autograd::AutogradContext *context, const at::Tensor &hidden, const at::Tensor &head,
        const at::Tensor &targets, double temperature, bool wants_entropy, bool through_entropy) {
        const bool frozen = !head.requires_grad() && !through_entropy;
        const auto result = answer({hidden, head, targets, temperature}, wants_entropy, frozen);
        context->saved_data["temperature"] = temperature;
        context->saved_data["frozen"] = frozen;
        context->saved_data["through_entropy"] = through_entropy;
        context->save_for_backward(
            {hidden, head, targets, frozen ? result.mean_row : result.log_sums,
             through_entropy ? result.entropy : at::Tensor()});
        if (!wants_entropy) return {result.values};
        if (!through_entropy) context->mark_non_differentiable({result.entropy});
        return {result.values, result.entropy};
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
        auto saved = context->get_saved_variables();
        const double temperature = context->saved_data["temperature"].toDouble();
        const Question question{saved[0], saved[1], saved[2], temperature};
        const auto &[hidden, head, targets, _] = question;
        const bool wants_hidden = context->needs_input_grad(0);
        auto scaled = [&](const at::Tensor &gradient) {
            return gradient.defined() ? gradient / temperature : at::zeros({hidden.size(0)}, hidden.options().dtype(at::kFloat));
        };
        const auto by_value = scaled(gradients[0]);
        at::Tensor to_hidden, to_head;
        if (context->saved_data["frozen"].toBool()) {
            if (wants_hidden) {
                auto slope = head.index_select(0, targets).to(at::kFloat).sub_(saved[3]).mul_(by_value.unsqueeze(1));
                to_hidden = slope.to(hidden.scalar_type());
            }
        } else {
            const bool learns = context->needs_input_grad(1), leaf = head.is_leaf();
            if (learns) to_head = leaf ? gradient_of_leaf(head) : at::zeros_like(head);
            const bool through_entropy = context->saved_data["through_entropy"].toBool();
            to_hidden = differentiated(
                question, saved[3], saved[4], by_value, through_entropy ? scaled(gradients[1]) : at::Tensor(),
                wants_hidden, to_head);
            if (leaf) to_head = at::Tensor();
        }
        return {to_hidden, to_head, at::Tensor(), at::Tensor(), at::Tensor(), at::Tensor()};
    }
};

}  // namespace

ctorch_status ctorch_token_log_probabilities(
    const ctorch_tensor *hidden, const ctorch_tensor *head, const ctorch_tensor *targets, double temperature,
    ctorch_entropy entropy, ctorch_tensor **values, ctorch_tensor **entropies) {
    *entropies = nullptr;
    return guarded([&] {
        const auto states = value(hidden).contiguous();
        const auto &w = value(head), &t = value(targets);
        TORCH_CHECK(
            states.dim() == 2 && w.dim() == 2 && states.size(1) == w.size(1) && w.size(0) > 0 && t.dim() == 1 &&
                t.size(0) == states.size(0) && t.scalar_type() == at::kLong,
            "hidden states ", states.sizes(), ", a head ", w.sizes(), " and targets ", t.sizes(), " do not fit");
        const bool wants_entropy = entropy != CTORCH_ENTROPY_NONE;
        if (at::GradMode::is_enabled() && (states.requires_grad() || w.requires_grad())) {
            auto results = Scoring::apply(
                states, w, t, temperature, wants_entropy, entropy == CTORCH_ENTROPY_DIFFERENTIABLE);
            if (wants_entropy) *entropies = new ctorch_tensor{results[1]};
            *values = new ctorch_tensor{results[0]};
        } else {
            auto result = answer({states, w, t, temperature}, wants_entropy, false);
            if (wants_entropy) *entropies = new ctorch_tensor{result.entropy};
            *values = new ctorch_tensor{result.values};
        }
    });
}
