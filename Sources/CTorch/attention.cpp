// Scaled dot-product attention.
//
// Causal attention of whole sequences never makes a matrix of length x length: with a window, queries are taken in blocks,
// each with the keys that its window reaches, and sequences that share a line are taken one by one. What is kept for the
// backward pass is queries, keys and values as they came (not repeated for the heads that share keys), the result, and a
// number for each query.
#include <ATen/OpMathType.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>
#include <optional>

#include "exact.hpp"
#include "handles.hpp"

using namespace ctorch;

namespace {

/// Queries that are taken together where there is a window.
constexpr int64_t block = 512;

/// Where a sequence lies: `count` lines from `line` on, places from `start` on.
struct Stretch {
    int64_t line, count, start, length;
};

/// Some queries of a stretch and the keys that they reach; places count from the start of the line.
struct Block {
    Stretch in;
    int64_t query, queries, key, keys;
};

struct Shape {
    /// Of the sequences; nothing else is computed.
    std::vector<Stretch> stretches;
    /// 0 = none.
    int64_t window;
    double scale;

    template <typename Body>
    void each(Body &&body) const {
        for (const auto &one : stretches) {
            if (window <= 0 || window >= one.length) {
                body(Block{one, one.start, one.length, one.start, one.length});
                continue;
            }
            for (int64_t first = 0; first < one.length; first += block) {
                const int64_t last = std::min(one.length, first + block), key = std::max<int64_t>(0, first - window + 1);
                body(Block{one, one.start + first, last - first, one.start + key, last - key});
            }
        }
    }

    /// Whether one block is everything.
    bool whole(const at::Tensor &q) const {
        return stretches.size() == 1 && stretches[0].count == q.size(0) && stretches[0].length == q.size(2) &&
               (window <= 0 || window >= q.size(2));
    }

    bool is_causal(const Block &b) const { return window <= 0 || window >= b.in.length; }

    /// What is added to the scores of a block with a window: 0 or -infinity. [queries, keys]
    at::Tensor band(const Block &b, const at::Tensor &like) const {
        const int64_t offset = b.query - b.key;
        auto allowed = at::ones({b.queries, b.keys}, like.options().dtype(at::kBool)).tril(offset);
        if (b.keys > window) allowed = allowed.triu(offset - window + 1);
        return at::zeros({b.queries, b.keys}, like.options())
            .masked_fill_(allowed.logical_not_(), -std::numeric_limits<double>::infinity());
    }
};

/// The lines of a block and some of its places. x [B, H, T, D]
at::Tensor places(const at::Tensor &x, const Block &b, int64_t first, int64_t count) {
    return x.narrow(0, b.in.line, b.in.count).narrow(2, first, count);
}

/// Keys or values for each of `heads` query heads. x [B, K, T, D]
at::Tensor shared(const at::Tensor &x, int64_t heads) {
    if (x.size(1) == heads) return x;
    return x.size(1) == 1 ? x.expand({x.size(0), heads, x.size(2), x.size(3)})
                          : x.repeat_interleave(heads / x.size(1), 1);
}

/// Their gradients, added up for the heads that share. x [B, H, T, D] -> [B, K, T, D]
at::Tensor gathered(const at::Tensor &x, int64_t heads) {
    if (x.size(1) == heads) return x;
    return x.reshape({x.size(0), heads, x.size(1) / heads, x.size(2), x.size(3)}).sum(2);
}

/// Laid out as linear maps give and take it: [B, T, H, D].
at::Tensor zeros_like_heads(const at::Tensor &x) {
    return at::zeros({x.size(0), x.size(2), x.size(1), x.size(3)}, x.options()).transpose(1, 2);
}

struct Causal : torch::autograd::Function<Causal> {
    /// -> out [B, H, T, D] and the log-sum-exp of each query's scores [B, H, T]
    static std::pair<at::Tensor, at::Tensor> mixed(
        const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const Shape &shape) {
        if (shape.whole(q)) {
            auto [out, sums] = at::_scaled_dot_product_flash_attention_for_cpu(
                q, shared(k, q.size(1)), shared(v, q.size(1)), 0.0, true, std::nullopt, shape.scale);
            return {out, sums};
        }
        auto out = zeros_like_heads(q);
        auto sums = at::zeros({q.size(0), q.size(2), q.size(1)}, q.options().dtype(at::toOpMathType(q.scalar_type())))
                        .transpose(1, 2);
        shape.each([&](const Block &b) {
            const bool causal = shape.is_causal(b);
            std::optional<at::Tensor> mask;
            if (!causal) mask = shape.band(b, q);
            auto [result, sum] = at::_scaled_dot_product_flash_attention_for_cpu(
                places(q, b, b.query, b.queries), shared(places(k, b, b.key, b.keys), q.size(1)),
                shared(places(v, b, b.key, b.keys), q.size(1)), 0.0, causal, mask, shape.scale);
            places(out, b, b.query, b.queries).copy_(result);
            sums.narrow(0, b.in.line, b.in.count).narrow(2, b.query, b.queries).copy_(sum);
        });
        return {out, sums};
    }

    static at::Tensor forward(
        torch::autograd::AutogradContext *context, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v,
        const Shape &shape) {
        auto [out, sums] = mixed(q, k, v, shape);
        std::vector<int64_t> stretches;
        for (const auto &one : shape.stretches) {
            stretches.insert(stretches.end(), {one.line, one.count, one.start, one.length});
        }
        context->saved_data["stretches"] = stretches;
        context->saved_data["window"] = shape.window;
        context->saved_data["scale"] = shape.scale;
        context->save_for_backward({q, k, v, out, sums});
        return out;
    }

    static torch::autograd::variable_list backward(
        torch::autograd::AutogradContext *context, const torch::autograd::variable_list &gradients) {
        const auto saved = context->get_saved_variables();
        const auto &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3], &sums = saved[4];
        Shape shape{{}, context->saved_data["window"].toInt(), context->saved_data["scale"].toDouble()};
        const auto stretches = context->saved_data["stretches"].toIntVector();
        for (size_t i = 0; i < stretches.size(); i += 4) {
            shape.stretches.push_back({stretches[i], stretches[i + 1], stretches[i + 2], stretches[i + 3]});
        }
        const auto gradient = gradients[0].stride(-1) == 1 ? gradients[0] : gradients[0].contiguous();
        if (shape.whole(q)) {
            auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
                gradient, q, shared(k, q.size(1)), shared(v, q.size(1)), out, sums, 0.0, true, std::nullopt,
                shape.scale);
            return {dq, gathered(dk, k.size(1)), gathered(dv, v.size(1)), at::Tensor()};
        }
        auto to_q = zeros_like_heads(q), to_k = zeros_like_heads(k), to_v = zeros_like_heads(v);
        shape.each([&](const Block &b) {
            const bool causal = shape.is_causal(b);
            std::optional<at::Tensor> mask;
            if (!causal) mask = shape.band(b, q);
            auto queries = [&](const at::Tensor &x) { return places(x, b, b.query, b.queries); };
            auto [dq, dk, dv] = at::_scaled_dot_product_flash_attention_for_cpu_backward(
                queries(gradient), queries(q), shared(places(k, b, b.key, b.keys), q.size(1)),
                shared(places(v, b, b.key, b.keys), q.size(1)), queries(out), queries(sums), 0.0, causal, mask,
                shape.scale);
            queries(to_q).copy_(dq);
            places(to_k, b, b.key, b.keys).add_(gathered(dk, k.size(1)));
            places(to_v, b, b.key, b.keys).add_(gathered(dv, v.size(1)));
        });
        return {to_q, to_k, to_v, at::Tensor()};
    }
};

/// The same in libtorch's operations, for other devices and for comparison.
at::Tensor plain(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const Shape &shape) {
    auto out = at::zeros_like(q);
    shape.each([&](const Block &b) {
        const bool causal = shape.is_causal(b);
        std::optional<at::Tensor> mask;
        if (!causal) mask = shape.band(b, q);
        auto keys = shared(places(k, b, b.key, b.keys), q.size(1)), values = shared(places(v, b, b.key, b.keys), q.size(1));
        const auto result = at::scaled_dot_product_attention(
            places(q, b, b.query, b.queries), keys, values, mask, 0.0, causal, shape.scale);
        if (b.in.count == q.size(0) && b.queries == q.size(2)) {
            out = result;
        } else {
            places(out, b, b.query, b.queries).copy_(result);
        }
    });
    return out;
}

at::Tensor causal_attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const Shape &shape) {
    TORCH_CHECK(
        q.dim() == 4 && k.dim() == 4 && k.sizes() == v.sizes() && k.size(1) > 0 && q.size(0) == k.size(0) &&
            q.size(1) % k.size(1) == 0 && q.size(2) == k.size(2) && q.size(3) == k.size(3),
        "queries ", q.sizes(), " and keys ", k.sizes(), " do not fit");
    if (!q.is_cpu() || !ctorch_fused()) return plain(q, k, v, shape);
    auto ready = [](const at::Tensor &x) { return x.stride(-1) == 1 ? x : x.contiguous(); };
    const auto queries = ready(q), keys = ready(k), values = ready(v);
    const bool differentiable =
        at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
    return differentiable ? Causal::apply(queries, keys, values, shape) : Causal::mixed(queries, keys, values, shape).first;
}

}  // namespace

ctorch_status ctorch_attention(
    const ctorch_tensor *q, const ctorch_tensor *k, const ctorch_tensor *v, const ctorch_tensor *mask, bool causal,
    double scale, ctorch_tensor **out) {
    return produce(out, [&] {
        auto query = value(q), keys = value(k), values = value(v);
        auto heads = query.size(1), shared = keys.size(1);
        TORCH_CHECK(shared > 0 && heads % shared == 0, heads, " query heads cannot share ", shared, " key heads");
        std::optional<at::Tensor> allowed;
        if (mask != nullptr) allowed = value(mask);
        std::optional<double> factor;
        if (!std::isnan(scale)) factor = scale;
        if (heads != shared && query.size(2) == 1 && !causal && (mask == nullptr || allowed->size(1) == 1)) {
            // One position: the heads that share keys are to attention what positions are. Saves copies of the cache.
            query = query.reshape({query.size(0), shared, heads / shared, query.size(3)});
            auto mixed = at::scaled_dot_product_attention(query, keys, values, allowed, 0.0, false, factor);
            return mixed.reshape({mixed.size(0), heads, 1, mixed.size(3)});
        }
        if (heads != shared) {
            keys = keys.repeat_interleave(heads / shared, 1);
            values = values.repeat_interleave(heads / shared, 1);
        }
        return at::scaled_dot_product_attention(query, keys, values, allowed, 0.0, causal, factor);
    });
}

ctorch_status ctorch_causal_attention(
    const ctorch_tensor *q, const ctorch_tensor *k, const ctorch_tensor *v, int64_t window, double scale,
    ctorch_tensor **out) {
    return produce(out, [&] {
        const auto &query = value(q), &keys = value(k), &values = value(v);
        TORCH_CHECK(query.dim() == 4, "queries have four dimensions, not ", query.dim());
        const Shape shape{{{0, query.size(0), 0, query.size(2)}}, window, scale};
        auto plainly = [&] { return causal_attention(query, keys, values, shape); };
        return exact_arithmetic() ? exact_attention(query, keys, values, window, scale, plainly) : plainly();
    });
}

ctorch_status ctorch_packed_attention(
    const ctorch_tensor *q, const ctorch_tensor *k, const ctorch_tensor *v, const int64_t *starts,
    const int64_t *lengths, int32_t count, int64_t window, double scale, ctorch_tensor **out) {
    return produce(out, [&] {
        const auto &query = value(q);
        TORCH_CHECK(query.dim() == 4 && query.size(2) > 0, "queries ", query.sizes(), " have no places");
        TORCH_CHECK(!exact_arithmetic(), "exact arithmetic reads whole sequences padded on the right, one to a line");
        Shape shape{{}, window, scale};
        const int64_t width = query.size(2);
        for (int32_t i = 0; i < count; i++) {
            const Stretch one{starts[i] / width, 1, starts[i] % width, lengths[i]};
            TORCH_CHECK(
                starts[i] >= 0 && lengths[i] > 0 && one.line < query.size(0) && one.start + one.length <= width,
                "a sequence of ", lengths[i], " places from ", starts[i], " on does not fit ", query.size(0),
                " lines of ", width);
            shape.stretches.push_back(one);
        }
        return causal_attention(query, value(k), value(v), shape);
    });
}
