#!/usr/bin/env python3
"""Tokens a second of transformers, as JSON: generation and a training step of the model of `skein-engine-bench engine`, or with
`--model gpt2` of `skein-engine-bench gpt2`.

Llama, 6 layers, d 256, ff 768, 4 heads, vocabulary 4096, batch 32; or GPT-2 124M, batch 8. Prompts of 16 tokens, 48 new
ones with EOS off; forward, backward and AdamW over rows of 64 tokens. The best of five after one that does not count.
"""
import argparse
import json
import os
import time

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import torch
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

PROMPT, NEW = 16, 48


def small():
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=4096, hidden_size=256, intermediate_size=768, num_hidden_layers=6, num_attention_heads=4,
        max_position_embeddings=256, eos_token_id=None, bos_token_id=None, pad_token_id=0))


def gpt2():
    # Skein trains without dropout.
    return GPT2LMHeadModel(GPT2Config(
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, eos_token_id=None, bos_token_id=None, pad_token_id=0))


def fastest(repeats, work):
    best = float("inf")
    for number in range(repeats + 1):
        start = time.perf_counter()
        work()
        if number > 0:
            best = min(best, time.perf_counter() - start)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", choices=["small", "gpt2"], default="small")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    make, rows = {"small": (small, 32), "gpt2": (gpt2, 8)}[options.model]
    model = make()
    model.eval()
    vocabulary = model.config.vocab_size
    prompts = torch.randint(3, vocabulary, (rows, PROMPT))
    seen = torch.ones_like(prompts)

    def generate():
        with torch.inference_mode():
            model.generate(prompts, attention_mask=seen, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                           min_new_tokens=NEW, max_new_tokens=NEW, pad_token_id=0)

    generation = fastest(options.repeats, generate)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
    batch = torch.randint(3, vocabulary, (rows, PROMPT + NEW))

    def train():
        optimizer.zero_grad()
        model(batch, labels=batch).loss.backward()
        optimizer.step()

    training = fastest(options.repeats, train)
    print(json.dumps({
        "generate_tokens_per_s": rows * NEW / generation,
        "train_tokens_per_s": rows * (PROMPT + NEW) / training,
        "threads": options.threads,
    }))


main()
