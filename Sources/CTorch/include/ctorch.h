// A C face over libtorch. No C++ type and no exception crosses it.
//
// Every function that can fail returns CTORCH_OK or CTORCH_FAILED; after a failure ctorch_error() gives libtorch's own
// message, without its C++ backtrace, until the next failure on the same thread. A tensor that is handed out through an
// `out` argument belongs to the caller and is given back with ctorch_release. Handles may be used from one thread at a
// time; grad mode and error message belong to the calling thread.
#ifndef CTORCH_H
#define CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_tensor ctorch_tensor;
typedef int32_t ctorch_status;
enum { CTORCH_OK = 0, CTORCH_FAILED = 1 };

typedef enum ctorch_dtype {
    CTORCH_FLOAT32 = 0,
    CTORCH_BFLOAT16 = 1,
    CTORCH_FLOAT16 = 2,
    CTORCH_FLOAT64 = 3,
    CTORCH_INT64 = 4,
    CTORCH_INT32 = 5,
    CTORCH_INT16 = 6,
    CTORCH_INT8 = 7,
    CTORCH_UINT8 = 8,
    CTORCH_BOOL = 9,
} ctorch_dtype;

typedef enum ctorch_device { CTORCH_CPU = 0, CTORCH_CUDA = 1, CTORCH_MPS = 2 } ctorch_device;

/// Message of the last failure on this thread; never NULL, valid until the next failure on this thread.
const char *ctorch_error(void);
/// What a callback says of its failure.
void ctorch_set_error(const char *message);

// ---- Process ----

/// Threads inside one operation, and (once per process, before any work; 0 = leave) threads across operations.
ctorch_status ctorch_set_threads(int32_t intra_op, int32_t inter_op);
int32_t ctorch_intra_op_threads(void);
int32_t ctorch_inter_op_threads(void);
/// glibc hands large blocks back to the kernel after every step and gets cleared pages again; this keeps them.
void ctorch_keep_freed_memory(void);
const char *ctorch_version(void);
ctorch_status ctorch_manual_seed(uint64_t seed);
/// State of libtorch's CPU generator as a uint8 tensor.
ctorch_status ctorch_rng_state(ctorch_tensor **out);
ctorch_status ctorch_set_rng_state(const ctorch_tensor *state);
bool ctorch_has_cuda(void);
bool ctorch_has_mps(void);
/// Whether fused forms are used where there are some (the default); off = libtorch's plain operations everywhere.
void ctorch_set_fused(bool enabled);
bool ctorch_fused(void);

// ---- Life, shape and bytes ----

void ctorch_release(ctorch_tensor *tensor);
/// Another handle of the same tensor.
ctorch_status ctorch_alias(const ctorch_tensor *tensor, ctorch_tensor **out);
/// Copies `bytes` (little endian, row-major) into a new CPU tensor; `byte_count` must fit shape and dtype exactly.
ctorch_status ctorch_from_bytes(
    const void *bytes, size_t byte_count, ctorch_dtype dtype, const int64_t *shape, int32_t rank, ctorch_tensor **out);
ctorch_status ctorch_full(
    const int64_t *shape, int32_t rank, double value, ctorch_dtype dtype, ctorch_device device, int32_t index,
    ctorch_tensor **out);
ctorch_status ctorch_arange(
    int64_t start, int64_t end, ctorch_dtype dtype, ctorch_device device, int32_t index, ctorch_tensor **out);
/// Copies the elements, row-major, to `bytes`; `byte_count` must be exactly the tensor's.
ctorch_status ctorch_copy_out(const ctorch_tensor *tensor, void *bytes, size_t byte_count);
ctorch_status ctorch_dtype_of(const ctorch_tensor *tensor, ctorch_dtype *out);
int32_t ctorch_rank(const ctorch_tensor *tensor);
int64_t ctorch_size(const ctorch_tensor *tensor, int32_t dimension);
int64_t ctorch_count(const ctorch_tensor *tensor);
void ctorch_device_of(const ctorch_tensor *tensor, ctorch_device *device, int32_t *index);
/// Start of the elements of a contiguous CPU tensor; NULL for any other.
void *ctorch_data(const ctorch_tensor *tensor);
ctorch_status ctorch_to(
    const ctorch_tensor *tensor, ctorch_dtype dtype, ctorch_device device, int32_t index, ctorch_tensor **out);

// ---- Elementwise ----

typedef enum ctorch_unary_op {
    CTORCH_NEGATIVE,
    CTORCH_EXP,
    CTORCH_LOG,
    CTORCH_SQRT,
    CTORCH_RSQRT,
    CTORCH_SQUARE,
    CTORCH_ABS,
    CTORCH_SIGMOID,
    CTORCH_LOG_SIGMOID,
    CTORCH_SOFTPLUS,
    CTORCH_TANH,
    CTORCH_SILU,
    CTORCH_RELU,
    CTORCH_GELU,
    CTORCH_GELU_TANH,
    CTORCH_SIN,
    CTORCH_COS,
    CTORCH_NOT,
    CTORCH_IS_FINITE,
    CTORCH_CONTIGUOUS,
    CTORCH_CLONE,
    CTORCH_DETACH,
} ctorch_unary_op;
ctorch_status ctorch_unary(ctorch_unary_op op, const ctorch_tensor *a, ctorch_tensor **out);

typedef enum ctorch_binary_op {
    CTORCH_ADD,
    CTORCH_SUBTRACT,
    CTORCH_MULTIPLY,
    CTORCH_DIVIDE,
    CTORCH_MAXIMUM,
    CTORCH_MINIMUM,
    CTORCH_EQUAL,
    CTORCH_LESS,
    CTORCH_LESS_EQUAL,
    CTORCH_GREATER,
    CTORCH_GREATER_EQUAL,
    CTORCH_AND,
    CTORCH_OR,
    CTORCH_MATMUL,
} ctorch_binary_op;
ctorch_status ctorch_binary(
    ctorch_binary_op op, const ctorch_tensor *a, const ctorch_tensor *b, ctorch_tensor **out);
ctorch_status ctorch_binary_scalar(ctorch_binary_op op, const ctorch_tensor *a, double b, ctorch_tensor **out);
ctorch_status ctorch_power(const ctorch_tensor *a, double exponent, ctorch_tensor **out);
/// NaN as a bound = no bound.
ctorch_status ctorch_clamp(const ctorch_tensor *a, double low, double high, ctorch_tensor **out);
ctorch_status ctorch_where(
    const ctorch_tensor *condition, const ctorch_tensor *a, const ctorch_tensor *b, ctorch_tensor **out);
ctorch_status ctorch_masked_fill(const ctorch_tensor *a, const ctorch_tensor *mask, double value, ctorch_tensor **out);

// ---- Reductions; rank 0 of `dims` = over everything ----

typedef enum ctorch_reduce_op {
    CTORCH_SUM,
    CTORCH_MEAN,
    CTORCH_MAX,
    CTORCH_MIN,
    CTORCH_LOG_SUM_EXP,
    CTORCH_VARIANCE,
} ctorch_reduce_op;
ctorch_status ctorch_reduce(
    ctorch_reduce_op op, const ctorch_tensor *a, const int64_t *dims, int32_t rank, bool keep, ctorch_tensor **out);
ctorch_status ctorch_argmax(const ctorch_tensor *a, int64_t dim, ctorch_tensor **out);
ctorch_status ctorch_softmax(const ctorch_tensor *a, int64_t dim, bool logarithm, ctorch_tensor **out);
ctorch_status ctorch_cumulative_sum(const ctorch_tensor *a, int64_t dim, ctorch_tensor **out);

// ---- Shape ----

ctorch_status ctorch_reshape(const ctorch_tensor *a, const int64_t *shape, int32_t rank, ctorch_tensor **out);
ctorch_status ctorch_expand(const ctorch_tensor *a, const int64_t *shape, int32_t rank, ctorch_tensor **out);
ctorch_status ctorch_transpose(const ctorch_tensor *a, int64_t first, int64_t second, ctorch_tensor **out);
ctorch_status ctorch_slice(const ctorch_tensor *a, int64_t dim, int64_t start, int64_t end, ctorch_tensor **out);
ctorch_status ctorch_unsqueeze(const ctorch_tensor *a, int64_t dim, ctorch_tensor **out);
ctorch_status ctorch_squeeze(const ctorch_tensor *a, int64_t dim, ctorch_tensor **out);
ctorch_status ctorch_cat(ctorch_tensor *const *tensors, int32_t count, int64_t dim, ctorch_tensor **out);
ctorch_status ctorch_repeat_interleave(const ctorch_tensor *a, int64_t repeats, int64_t dim, ctorch_tensor **out);
ctorch_status ctorch_gather(const ctorch_tensor *a, int64_t dim, const ctorch_tensor *index, ctorch_tensor **out);
ctorch_status ctorch_index_select(const ctorch_tensor *a, int64_t dim, const ctorch_tensor *index, ctorch_tensor **out);

// ---- Layers ----

/// x W^T + b; `bias` may be NULL.
ctorch_status ctorch_linear(
    const ctorch_tensor *x, const ctorch_tensor *weight, const ctorch_tensor *bias, ctorch_tensor **out);
ctorch_status ctorch_embedding(const ctorch_tensor *weight, const ctorch_tensor *indices, ctorch_tensor **out);
ctorch_status ctorch_rms_norm(const ctorch_tensor *x, const ctorch_tensor *weight, double epsilon, ctorch_tensor **out);
ctorch_status ctorch_layer_norm(
    const ctorch_tensor *x, const ctorch_tensor *weight, const ctorch_tensor *bias, double epsilon,
    ctorch_tensor **out);
/// x [B, H, T, D] whose first R elements are turned by the angles of its positions, in the halves layout; cos and sin
/// [1 or B, 1, T, R].
ctorch_status ctorch_rotate(
    const ctorch_tensor *x, const ctorch_tensor *cos, const ctorch_tensor *sin, ctorch_tensor **out);
/// q [B, H, T, D], k and v [B, K, S, D] with K dividing H; `mask` (bool, true = may look) may be NULL; NaN scale = 1/sqrt(D).
ctorch_status ctorch_attention(
    const ctorch_tensor *q, const ctorch_tensor *k, const ctorch_tensor *v, const ctorch_tensor *mask, bool causal,
    double scale, ctorch_tensor **out);

/// Causal attention of T = S positions, each of which sees itself and the `window` - 1 before it; 0 = all before it.
ctorch_status ctorch_causal_attention(
    const ctorch_tensor *q, const ctorch_tensor *k, const ctorch_tensor *v, int64_t window, double scale,
    ctorch_tensor **out);
/// The same of `count` sequences that share lines: `starts` are places in [B * T], none reaches into another line or
/// sequence. Places of no sequence get 0.
ctorch_status ctorch_packed_attention(
    const ctorch_tensor *q, const ctorch_tensor *k, const ctorch_tensor *v, const int64_t *starts,
    const int64_t *lengths, int32_t count, int64_t window, double scale, ctorch_tensor **out);

typedef enum ctorch_entropy {
    CTORCH_ENTROPY_NONE = 0,
    /// No gradient flows through it.
    CTORCH_ENTROPY_MEASURED = 1,
    CTORCH_ENTROPY_DIFFERENTIABLE = 2,
} ctorch_entropy;
/// Of each row of softmax(hidden head^T / temperature): the logarithm at its target, and the entropy. hidden [N, d],
/// head [V, d], targets [N] int64 -> values and, if `entropy` asks for them, entropies [N] fp32. No tensor of N x V elements
/// is made. A backward pass adds the gradient of a head that is a leaf to it in place.
ctorch_status ctorch_token_log_probabilities(
    const ctorch_tensor *hidden, const ctorch_tensor *head, const ctorch_tensor *targets, double temperature,
    ctorch_entropy entropy, ctorch_tensor **values, ctorch_tensor **entropies);

// ---- Exact arithmetic ----

/// On this thread, linear maps, norms, rotations, activations and causal attention give to the bit what the decoder of
/// ctorch_decoder.h computes; fp32 on the CPU alone. Returns the former mode.
bool ctorch_set_exact(bool enabled);
bool ctorch_exact(void);

// ---- In place ----

ctorch_status ctorch_copy_into(const ctorch_tensor *target, const ctorch_tensor *source);
ctorch_status ctorch_fill(const ctorch_tensor *target, double value);
/// target *= factor
ctorch_status ctorch_scale(const ctorch_tensor *target, double factor);
/// target += alpha * source
ctorch_status ctorch_add_into(const ctorch_tensor *target, const ctorch_tensor *source, double alpha);

// ---- Autograd ----

/// Returns the former mode of this thread.
bool ctorch_set_grad_enabled(bool enabled);
bool ctorch_grad_enabled(void);
ctorch_status ctorch_set_requires_grad(const ctorch_tensor *tensor, bool required);
bool ctorch_requires_grad(const ctorch_tensor *tensor);
/// `gradient` has the tensor's shape; NULL = 1, for a tensor of one element.
ctorch_status ctorch_backward(const ctorch_tensor *tensor, const ctorch_tensor *gradient);
/// NULL in `out` when there is no gradient.
ctorch_status ctorch_grad(const ctorch_tensor *tensor, ctorch_tensor **out);
/// NULL drops the gradient.
ctorch_status ctorch_set_grad(const ctorch_tensor *tensor, const ctorch_tensor *gradient);
/// A part of a network: y from x, with what `context` points to. Called on the thread that runs the pass.
typedef ctorch_status (*ctorch_segment)(void *context, const ctorch_tensor *x, ctorch_tensor **y);
/// run(x), whose inner results are computed again in the backward pass in place of being kept. x must require gradients.
/// `release` is called once with `context`, also after a failure, when nothing can call `run` any more.
ctorch_status ctorch_recomputed(
    ctorch_segment run, void (*release)(void *), void *context, const ctorch_tensor *x, ctorch_tensor **out);

// ---- Optimizer ----

typedef struct ctorch_adamw_options {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    /// Count of steps, this one included; from 1.
    int64_t step;
    /// Epsilon before the bias correction, as TensorFlow 1 places it.
    bool tensorflow;
} ctorch_adamw_options;
/// One AdamW step over lists of the same length; parameters without gradient keep value and moments.
ctorch_status ctorch_adamw_step(
    ctorch_tensor *const *parameters, ctorch_tensor *const *first_moments, ctorch_tensor *const *second_moments,
    int32_t count, const ctorch_adamw_options *options);
/// L2 norm over the gradients of all; they are scaled by limit / (norm + 1e-6) when the norm is above `limit`.
/// A limit of infinity only measures. Nothing is scaled when the norm is not finite.
ctorch_status ctorch_clip_grad_norm(ctorch_tensor *const *parameters, int32_t count, double limit, double *norm);
/// Whether each element is finite.
ctorch_status ctorch_all_finite(const ctorch_tensor *tensor, bool *out);

#ifdef __cplusplus
}
#endif
#endif
