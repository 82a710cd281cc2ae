"""Writes the models of `skein-engine-bench weights` as fp32 GGUF files, for llama.cpp."""
import json

import gguf
import numpy
from safetensors.numpy import load_file


def common(writer, config, hidden, inner, layers, heads, context, vocabulary):
    writer.add_context_length(context)
    writer.add_embedding_length(hidden)
    writer.add_feed_forward_length(inner)
    writer.add_block_count(layers)
    writer.add_head_count(heads)
    writer.add_vocab_size(vocabulary)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    # Token ids go in and come out.
    writer.add_tokenizer_model("no_vocab")


def finish(writer, tensors):
    for name, tensor in tensors.items():
        writer.add_tensor(name, numpy.ascontiguousarray(tensor, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def gpt2(folder, target):
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    writer = gguf.GGUFWriter(target, "gpt2")
    common(writer, config, config["n_embd"], config["n_inner"] or 4 * config["n_embd"], config["n_layer"],
           config["n_head"], config["n_positions"], config["vocab_size"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    tensors = {
        "token_embd.weight": weights["transformer.wte.weight"],
        "position_embd.weight": weights["transformer.wpe.weight"],
        "output_norm.weight": weights["transformer.ln_f.weight"],
        "output_norm.bias": weights["transformer.ln_f.bias"],
    }
    for index in range(config["n_layer"]):
        for ours, theirs in [("ln_1", "attn_norm"), ("ln_2", "ffn_norm"), ("attn.c_attn", "attn_qkv"),
                             ("attn.c_proj", "attn_output"), ("mlp.c_fc", "ffn_up"), ("mlp.c_proj", "ffn_down")]:
            weight = weights[f"transformer.h.{index}.{ours}.weight"]
            tensors[f"blk.{index}.{theirs}.weight"] = weight.T if weight.ndim == 2 else weight
            tensors[f"blk.{index}.{theirs}.bias"] = weights[f"transformer.h.{index}.{ours}.bias"]
    finish(writer, tensors)


def llama(folder, target):
    config = json.loads((folder / "config.json").read_text())
    weights = load_file(folder / "model.safetensors")
    heads, size = config["num_attention_heads"], config["head_dim"]
    writer = gguf.GGUFWriter(target, "llama")
    common(writer, config, config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"], heads,
           config["max_position_embeddings"], config["vocab_size"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_rope_dimension_count(size)
    tensors = {
        "token_embd.weight": weights["model.embed_tokens.weight"],
        "output_norm.weight": weights["model.norm.weight"],
        "output.weight": weights["lm_head.weight"],
    }

    def turned(weight):
        """llama.cpp turns neighbours, Hugging Face halves."""
        return weight.reshape(-1, 2, size // 2, weight.shape[1]).swapaxes(1, 2).reshape(weight.shape)

    for index in range(config["num_hidden_layers"]):
        for ours, theirs in [
            ("input_layernorm", "attn_norm"), ("post_attention_layernorm", "ffn_norm"), ("self_attn.q_proj", "attn_q"),
            ("self_attn.k_proj", "attn_k"), ("self_attn.v_proj", "attn_v"), ("self_attn.o_proj", "attn_output"),
            ("mlp.gate_proj", "ffn_gate"), ("mlp.up_proj", "ffn_up"), ("mlp.down_proj", "ffn_down"),
        ]:
            weight = weights[f"model.layers.{index}.{ours}.weight"]
            tensors[f"blk.{index}.{theirs}.weight"] = turned(weight) if theirs in ("attn_q", "attn_k") else weight
    finish(writer, tensors)
