// Fused decoding for Llama-like models in fp32 on the CPU: one call a token instead of some thirty operations a layer.
#ifndef CTORCH_DECODER_H
#define CTORCH_DECODER_H

#include "ctorch.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ctorch_decoder ctorch_decoder;
typedef struct ctorch_decode_cache ctorch_decode_cache;

typedef struct ctorch_decoder_shape {
    int64_t layers, hidden, intermediate, heads, kv_heads, head_size, vocabulary;
    double epsilon;
} ctorch_decoder_shape;

/// Weights of one layer; fp32 on the CPU, contiguous. Biases may be NULL.
typedef struct ctorch_decoder_layer {
    const ctorch_tensor *input_norm, *post_norm;
    const ctorch_tensor *q, *k, *v, *o, *gate, *up, *down;
    const ctorch_tensor *q_bias, *k_bias, *v_bias, *o_bias, *gate_bias, *up_bias, *down_bias;
} ctorch_decoder_layer;

/// Copies the weights into its own packed form; `cos` and `sin` [positions, D] are kept as they are.
ctorch_status ctorch_decoder_create(
    const ctorch_decoder_shape *shape, const ctorch_decoder_layer *layers, const ctorch_tensor *embedding,
    const ctorch_tensor *final_norm, const ctorch_tensor *head, const ctorch_tensor *cos, const ctorch_tensor *sin,
    int32_t threads, ctorch_decoder **out);
void ctorch_decoder_release(ctorch_decoder *decoder);

/// Room for keys and values of `slots` sequences of at most `capacity` positions.
ctorch_status ctorch_decode_cache_create(
    const ctorch_decoder *decoder, int64_t slots, int64_t capacity, ctorch_decode_cache **out);
void ctorch_decode_cache_release(ctorch_decode_cache *cache);

/// Copies positions [from, from + length) of row `row` of keys and values [B, K, S, D] of a layer into a slot, as its first.
ctorch_status ctorch_decode_cache_import(
    ctorch_decode_cache *cache, int64_t layer, int64_t slot, const ctorch_tensor *keys, const ctorch_tensor *values,
    int64_t row, int64_t from, int64_t length);

/// One token for each of `rows` sequences: tokens[r] stands at positions[r] of slot slots[r]. logits: [rows, V].
ctorch_status ctorch_decoder_step(
    ctorch_decoder *decoder, ctorch_decode_cache *cache, int64_t rows, const int32_t *tokens,
    const int32_t *positions, const int32_t *slots, const ctorch_tensor *logits);

/// Counts the changes in place of a tensor; tensors without a counter give 0.
uint32_t ctorch_version_of(const ctorch_tensor *tensor);

#ifdef __cplusplus
}
#endif
#endif
