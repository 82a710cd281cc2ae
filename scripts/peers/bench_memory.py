#!/usr/bin/env python3
"""Peak memory on Gemma 3 270M, as JSON: {"sft_gb", "ppo_gb", ...}.

    bench_memory.py ours --skein PATH --engine-bench PATH --model DIR    both figures of Skein
    bench_memory.py peer --model DIR                 transformers' figure, and what Skein's PPO took before

SFT: one step, 8 rows of 512 tokens, forward, backward, AdamW in fp32, each in a process of its own. Where the machine
has too little memory for transformers, its peak at 4,096 tokens is drawn out from those at 1,536 and 2,048: logits and
activations grow in proportion to the tokens.

PPO: the peak of the learner's process (VmHWM) in a run of one step, LoRA as in deploy/runs/gemma-sentiment.yaml,
128 answers of up to 24 tokens in micro-batches of `token_budget: 4096`.
"""
import argparse
import glob
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

TOKENS = 4096
# GB that the learner took before logits were computed a few rows at a time, measured by this script.
PPO_BEFORE = 20.77
# GB that transformers needs for the step.
PEER_NEEDS = 28

RUN = """
name: memory
seed: 1
run_directory: {folder}/run
stages: [ppo]
models: {{base: {model}}}
data: {{prompts: {prompts}}}
rollout: {{prompts_per_step: 64, samples_per_prompt: 2, prompts_per_job: 16, max_new_tokens: 24, temperature: 1.0}}
rewards: [{{kind: length, target: 16}}]
ppo:
  steps: 1
  epochs: 1
  minibatches: 1
  token_budget: 4096
  learning_rate: 3e-4
  critic_learning_rate: 5e-4
  critic_from: policy
  missing_eos_penalty: 0
  kl: {{controller: fixed, coefficient: 0.04}}
  shared_reference: true
  lora: {{rank: 16, alpha: 32, targets: [q_proj, v_proj, o_proj, gate_proj, up_proj, down_proj]}}
  guard: {{truncated_alarm: null}}
coordinator: {{status: "127.0.0.1:0", lease_s: 600, grace_s: 600}}
roles: {{generator: {{count: 1, threads: 2}}, scorer: {{count: 1, threads: 1}}, learner: {{threads: 2}}}}
"""


def available_gb():
    for line in open("/proc/meminfo"):
        if line.startswith("MemAvailable"):
            return int(line.split()[1]) * 1024 / 1e9
    return float("inf")


def transformers_step(model, tokens):
    """In this process, which does nothing else."""
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(os.cpu_count())
    model = AutoModelForCausalLM.from_pretrained(model, torch_dtype=torch.float32)
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, weight_decay=0.0)
    length = min(512, tokens)
    batch = torch.tensor([[1000 + place * 7919 % 41_000 for place in range(row * length, (row + 1) * length)]
                          for row in range(max(1, tokens // length))])
    start = time.perf_counter()
    loss = model(batch, labels=batch).loss
    loss.backward()
    optimizer.step()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    print(json.dumps({"gigabytes": peak, "seconds": time.perf_counter() - start, "loss": loss.item()}))


def last_line(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with exit code {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def peer(model):
    def step(tokens):
        return last_line([sys.executable, __file__, "step", "--model", model, "--tokens", str(tokens)])

    if available_gb() > PEER_NEEDS:
        whole = step(TOKENS)
        return {"sft_gb": whole["gigabytes"], "sft_seconds": whole["seconds"], "ppo_gb": PPO_BEFORE}
    few, more = step(1536)["gigabytes"], step(2048)["gigabytes"]
    return {"sft_gb": more + (more - few) * (TOKENS - 2048) / 512, "sft_drawn_out": True, "ppo_gb": PPO_BEFORE}


def descendants(pid):
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            children = [int(word) for word in open(path).read().split()]
        except OSError:
            continue
        for child in children:
            yield child
            yield from descendants(child)


def learner_peak(pid):
    """GB; 0 when there is no learner below this process."""
    for child in descendants(pid):
        try:
            if b"learner" not in open(f"/proc/{child}/cmdline", "rb").read().split(b"\0"):
                continue
            for line in open(f"/proc/{child}/status"):
                if line.startswith("VmHWM"):
                    return int(line.split()[1]) * 1024 / 1e9
        except OSError:
            continue
    return 0


def ppo(skein, model):
    with tempfile.TemporaryDirectory(prefix="skein-bench-") as folder:
        prompts = pathlib.Path(__file__).resolve().parents[2] / "deploy/runs/film-openings.jsonl"
        file = pathlib.Path(folder) / "run.yaml"
        file.write_text(RUN.format(folder=folder, model=model, prompts=prompts))
        run = subprocess.Popen([skein, "run", file], stdout=sys.stderr)
        peak = 0
        while run.poll() is None:
            peak = max(peak, learner_peak(run.pid))
            time.sleep(0.2)
        if run.returncode != 0 or peak == 0:
            sys.exit(f"bench: the run ended with exit code {run.returncode}, the learner's peak was {peak} GB")
    return peak


def ours(skein, bench, model):
    step = last_line([bench, "memory", "--model", model, "--tokens", str(TOKENS)])
    return {"sft_gb": step["gigabytes"], "sft_seconds": step["seconds"], "ppo_gb": ppo(skein, model)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["ours", "peer", "step", "ppo"])
    parser.add_argument("--skein")
    parser.add_argument("--engine-bench")
    parser.add_argument("--model", required=True)
    parser.add_argument("--tokens", type=int, default=TOKENS)
    options = parser.parse_args()
    if options.what == "step":
        transformers_step(options.model, options.tokens)
    elif options.what == "peer":
        print(json.dumps(peer(options.model)))
    elif options.what == "ppo":
        print(json.dumps({"ppo_gb": ppo(options.skein, options.model)}))
    else:
        print(json.dumps(ours(options.skein, options.engine_bench, options.model)))


main()
