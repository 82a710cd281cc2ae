// Fused decoding in fp32 on the CPU: one call a token instead of some thirty operations a layer. One description holds
// for every family of models; what a family does not have is NULL or 0.
#ifndef CTORCH_DECODER_H
#define CTORCH_DECODER_H

#include "ctorch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_decoder ctorch_decoder;
typedef struct ctorch_decode_cache ctorch_decode_cache;

/// Vector instructions that the kernels are compiled for.
typedef enum ctorch_vectors {
    CTORCH_VECTORS_ANY,
    /// AVX2 with FMA
    CTORCH_VECTORS_256,
    /// AVX-512
    CTORCH_VECTORS_512,
} ctorch_vectors;

/// On this thread, decoders are made for, and exact arithmetic uses, at most these; for tests of what another machine
/// would do. Returns the former limit. The default is what the machine has.
ctorch_vectors ctorch_limit_vectors(ctorch_vectors most);
/// Of this thread, now.
ctorch_vectors ctorch_vectors_in_use(void);

typedef enum ctorch_activation {
    CTORCH_ACTIVATION_SILU,
    CTORCH_ACTIVATION_GELU,
    CTORCH_ACTIVATION_GELU_TANH,
    CTORCH_ACTIVATION_RELU,
} ctorch_activation;

typedef struct ctorch_decoder_shape {
    int64_t layers, hidden, intermediate, heads, kv_heads, head_size, vocabulary;
    /// Elements of a head that are turned, from the first; even, 0 = none.
    int64_t rotary_size;
    double epsilon;
    /// What scores are multiplied by before the softmax, and embeddings before all else.
    double attention_scale, embedding_scale;
    ctorch_activation activation;
    /// Norms are LayerNorms rather than RMSNorms.
    bool layer_norms;
    /// Attention and feed-forward part read the same x.
    bool parallel;
} ctorch_decoder_shape;

/// A weight [out, in], or [groups, out / groups, in], of any strides, and a bias [out], which may be NULL.
typedef struct ctorch_decoder_linear {
    const ctorch_tensor *weight, *bias;
} ctorch_decoder_linear;

/// Weight and perhaps bias; no weight = no such norm.
typedef struct ctorch_decoder_norm {
    const ctorch_tensor *weight, *bias;
} ctorch_decoder_norm;

/// One layer; fp32 on the CPU.
typedef struct ctorch_decoder_layer {
    ctorch_decoder_norm input_norm, feed_forward_norm;
    /// Over what each part gives, before it is added to x. Not with `parallel`.
    ctorch_decoder_norm attention_output_norm, feed_forward_output_norm;
    /// RMSNorms [D] over each query and key head, before they are turned.
    ctorch_decoder_norm query_norm, key_norm;
    ctorch_decoder_linear q, k, v, o;
    /// down(activation(gate(x)) * up(x)), or down(activation(up(x))) without a gate.
    ctorch_decoder_linear gate, up, down;
    /// A token looks at itself and the `window` - 1 before it; 0 = at all before it.
    int64_t window;
    /// Turned by the local tables.
    bool local;
} ctorch_decoder_layer;

/// What the layers share. `embedding` [V, d], or NULL where the head serves as such, and learned `positions` [P, d] or
/// NULL are kept as they are. `head` [V, d] is copied.
typedef struct ctorch_decoder_tables {
    const ctorch_tensor *embedding, *positions, *head;
    ctorch_decoder_norm final_norm;
} ctorch_decoder_tables;

/// Cosines and sines [P, rotary size] of the first P positions, kept as they are; local ones may be NULL.
typedef struct ctorch_decoder_angles {
    const ctorch_tensor *cos, *sin, *local_cos, *local_sin;
} ctorch_decoder_angles;

/// Copies weights into its own packed form. The layers follow one by one, `shape->layers` of them.
///
/// With `consume` the memory of each weight that was copied is given back to the system at once, so that the weights
/// need not fit twice: what the tensors hold afterwards is undefined.
ctorch_status ctorch_decoder_create(
    const ctorch_decoder_shape *shape, const ctorch_decoder_tables *tables, bool consume, int32_t threads,
    ctorch_decoder **out);
ctorch_status ctorch_decoder_add(ctorch_decoder *decoder, const ctorch_decoder_layer *layer);
/// In place of those before.
ctorch_status ctorch_decoder_set_angles(ctorch_decoder *decoder, const ctorch_decoder_angles *angles);
void ctorch_decoder_release(ctorch_decoder *decoder);

/// Room for keys and values of `slots` sequences of at most `capacity` positions.
ctorch_status ctorch_decode_cache_create(
    const ctorch_decoder *decoder, int64_t slots, int64_t capacity, ctorch_decode_cache **out);
void ctorch_decode_cache_release(ctorch_decode_cache *cache);

/// Copies the first `length` positions of one slot into another.
ctorch_status ctorch_decode_cache_copy(ctorch_decode_cache *cache, int64_t from, int64_t to, int64_t length);

/// `rows` tokens, one or several of a sequence: tokens[r] stands at positions[r] of slot slots[r], whose earlier positions
/// have been filled, be it by this very step. Hands out logits [wanted count, V] of the rows `wanted`.
ctorch_status ctorch_decoder_step(
    ctorch_decoder *decoder, ctorch_decode_cache *cache, int64_t rows, const int32_t *tokens,
    const int32_t *positions, const int32_t *slots, int64_t wanted_count, const int32_t *wanted,
    ctorch_tensor **logits);

/// Counts the changes in place of a tensor; tensors without a counter give 0.
uint32_t ctorch_version_of(const ctorch_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
