#!/usr/bin/env python3
"""Seconds of one PPO iteration of TRL's PPOTrainer, as JSON: {"seconds": median, "rounds": [...]}.

One iteration: 64 prompts of 16 tokens, 48 new tokens each, 4 epochs of 4 minibatches, separate critic, and a reward
and a reference model of the same size as the policy: Llama, 6 layers, d 256, ff 768, 4 heads, vocabulary 4096.
TRL turns EOS off while it samples, so every answer has its 48 tokens. Needs trl 0.19.1 and transformers 4.53.
"""
import argparse
import json
import os
import statistics
import sys
import tempfile
import time

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models
from transformers import (LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast,
                          TrainerCallback)
from trl import PPOConfig, PPOTrainer

PROMPTS, PROMPT, NEW, EPOCHS, MINIBATCHES, VOCABULARY = 64, 16, 48, 4, 4, 4096


class Clock(TrainerCallback):
    """Stamps the end of each iteration."""

    def __init__(self):
        self.stamps = []

    def on_train_begin(self, *_, **__):
        self.stamps = [time.perf_counter()]

    def on_step_end(self, *_, **__):
        self.stamps.append(time.perf_counter())


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iterations", type=int, default=1)
    parser.add_argument("--warmup", type=int, default=1, help="iterations before those that count")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)

    words = {f"w{i}": i for i in range(VOCABULARY)}
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(models.WordLevel(words, unk_token="w2")), eos_token="w1", pad_token="w0",
        padding_side="left")
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=256, intermediate_size=768, num_hidden_layers=6, num_attention_heads=4,
        num_key_value_heads=4, max_position_embeddings=256, eos_token_id=1, pad_token_id=0, bos_token_id=None,
        tie_word_embeddings=False, num_labels=1)
    policy = LlamaForCausalLM(config)
    reference = LlamaForCausalLM(config)
    reference.load_state_dict(policy.state_dict())
    reward, critic = (LlamaForSequenceClassification(config) for _ in range(2))
    for scorer in (reward, critic):
        scorer.model.load_state_dict(policy.model.state_dict())

    total = options.warmup + options.iterations
    prompts = torch.randint(3, VOCABULARY, (PROMPTS * total, PROMPT)).tolist()
    data = Dataset.from_list([{"input_ids": row} for row in prompts])
    clock = Clock()
    trainer = PPOTrainer(
        args=PPOConfig(
            output_dir=tempfile.mkdtemp(prefix="skein-bench-"), use_cpu=True, report_to=[], save_strategy="no", eval_strategy="no",
            disable_tqdm=True, logging_strategy="no", num_sample_generations=0, seed=0,
            # TRL's batch is this number; it cuts it into the minibatches, each an optimizer step, itself.
            per_device_train_batch_size=PROMPTS, gradient_accumulation_steps=1,
            num_mini_batches=MINIBATCHES, num_ppo_epochs=EPOCHS, total_episodes=PROMPTS * total,
            response_length=NEW, local_rollout_forward_batch_size=PROMPTS, temperature=1.0, learning_rate=3e-6,
            # fp32 as on our side; TRL would otherwise turn bf16 autocast on, also on a CPU.
            gradient_checkpointing=False, bf16=False, fp16=False),
        processing_class=tokenizer, model=policy, ref_model=reference, reward_model=reward, value_model=critic,
        train_dataset=data, eval_dataset=data.select(range(PROMPTS)), callbacks=[clock])
    stdout, sys.stdout = sys.stdout, sys.stderr  # the trainer prints its own lines
    trainer.train()
    sys.stdout = stdout
    rounds = [b - a for a, b in zip(clock.stamps, clock.stamps[1:])][options.warmup:]
    print(json.dumps({"seconds": statistics.median(rounds), "rounds": rounds, "threads": options.threads}))


main()
