#!/usr/bin/env python3
"""Tokens a second of transformers, as JSON: generation and a training step of the model of `skein bench engine`.

Llama, 6 layers, d 256, ff 768, 4 heads, vocabulary 4096; batch 32, prompts of 16 tokens, 48 new ones with EOS off;
forward, backward and AdamW over 32 rows of 64 tokens. The best of five after one that does not count.
"""
import argparse
import json
import os
import time

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import torch
from transformers import LlamaConfig, LlamaForCausalLM

ROWS, PROMPT, NEW, VOCABULARY = 32, 16, 48, 4096


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
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=768, num_hidden_layers=6, num_attention_heads=4,
        max_position_embeddings=256, eos_token_id=None, bos_token_id=None, pad_token_id=0))
    model.eval()
    prompts = torch.randint(3, VOCABULARY, (ROWS, PROMPT))
    seen = torch.ones_like(prompts)

    def generate():
        with torch.inference_mode():
            model.generate(prompts, attention_mask=seen, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                           min_new_tokens=NEW, max_new_tokens=NEW, pad_token_id=0)

    generation = fastest(options.repeats, generate)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.0)
    rows = torch.randint(3, VOCABULARY, (ROWS, PROMPT + NEW))

    def train():
        optimizer.zero_grad()
        model(rows, labels=rows).loss.backward()
        optimizer.step()

    training = fastest(options.repeats, train)
    print(json.dumps({
        "generate_tokens_per_s": ROWS * NEW / generation,
        "train_tokens_per_s": ROWS * (PROMPT + NEW) / training,
        "threads": options.threads,
    }))


main()
