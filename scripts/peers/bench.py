"""Runs each measurement and its peer in turn, round after round, and reports the ratio of medians.

A measurement is a command that prints one JSON object on its last line. Skein and the peer alternate, so that a noisy
neighbour hits both. The sgemm peak of the machine is measured in the same run as a yardstick.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

here = pathlib.Path(__file__).parent


def measure(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=3600)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with exit code {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def suites(build):
    skein = build / "skein"
    ours = build / "skein-engine-bench"
    python = sys.executable
    gemma = os.environ.get("SKEIN_BENCH_MODEL", "")
    return {
        # name: (our command, the peer's command, [(title, our key, peer's key, higher is better, target)])
        "engine": (
            [ours, "engine"],
            [python, here / "bench_engine.py"],
            [
                ("generation, tokens/s, against transformers", "generate_tokens_per_s", "generate_tokens_per_s", True, 5.0),
                ("training step, tokens/s, against transformers", "train_tokens_per_s", "train_tokens_per_s", True, 1.5),
            ],
        ),
        "gpt2": (
            [ours, "gpt2"],
            [python, here / "bench_engine.py", "--model", "gpt2"],
            [
                ("GPT-2 124M, generation, batch 8, tokens/s, against transformers", "generate_tokens_per_s",
                 "generate_tokens_per_s", True, 2.5),
                ("GPT-2 124M, training step, tokens/s, against transformers", "train_tokens_per_s",
                 "train_tokens_per_s", True, 1.3),
            ],
        ),
        "llamacpp": (
            [ours, "llamacpp"],
            [python, here / "bench_llamacpp.py", "--engine-bench", ours, "--weights", build / "bench-weights"],
            [
                (f"{title}, tokens/s, against llama.cpp", f"{key}.generate_tokens_per_s",
                 f"{key}.generate_tokens_per_s", True, goal)
                for title, key, goal in [
                    ("GPT-2 124M, generation, batch 8", "gpt2_8", 1.2),
                    ("GPT-2 124M, generation, batch 32", "gpt2_32", 2.0),
                    ("small Llama, generation, batch 32", "llama_32", 2.0),
                ]
            ],
        ),
        "ppo": (
            [ours, "ppo"],
            [python, here / "bench_ppo.py"],
            [("one PPO iteration, seconds, against TRL", "seconds", "seconds", False, 2.0)],
        ),
        "memory": (
            [python, here / "bench_memory.py", "ours", "--skein", skein, "--engine-bench", ours, "--model", gemma],
            [python, here / "bench_memory.py", "peer", "--model", gemma],
            [
                ("Gemma 3 270M, SFT step of 4,096 tokens, peak GB, against transformers", "sft_gb", "sft_gb", False, None),
                ("Gemma 3 270M, PPO at token_budget 4096, peak GB of the learner, against Skein when all logits were in "
                 "memory at once", "ppo_gb", "ppo_gb", False, 1 / 0.6),
            ],
        ),
        "dispatch": (
            [build / "skein-bench", "dispatch"],
            [python, here / "bench_dispatch.py"],
            [
                ("job round trips/s, pipelined, against Ray", "pipelined_per_s", "pipelined_per_s", True, 10.0),
                ("job round trip, p50 ms, in lock-step, against Ray", "lockstep_p50_ms", "lockstep_p50_ms", False, None),
            ],
        ),
    }


def figure(result, key):
    """`a.b` = entry b of entry a."""
    for part in key.split("."):
        result = result[part]
    return result


def shares(ours, key):
    """What fractions of the machine's peaks, measured in the same runs, stand behind a figure; medians."""
    *path, name = key.split(".")
    work = name.split("_")[0]
    found = {}
    for share, title in [(f"{work}_of_bandwidth", "of the bandwidth"), (f"{work}_of_peak", "of the sgemm peak")]:
        values = [figure(result, ".".join(path)) if path else result for result in ours]
        if all(share in value for value in values):
            found[title] = statistics.median(value[share] for value in values)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", nargs="*", help="engine, gpt2, llamacpp, ppo, memory, dispatch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    known = suites(options.build.resolve())
    unknown = [name for name in options.suite if name not in known]
    if unknown:
        parser.error(f"unknown suite {unknown[0]}; there are {', '.join(known)}")

    report = {"cores": os.cpu_count(), "rounds": options.rounds, "measurements": []}
    # Minutes a round, and the same every time: only by name.
    once = {"memory"}
    for name in options.suite or [name for name in known if name not in once | {"llamacpp"}]:
        rounds = 1 if name in once else options.rounds
        ours_command, peer_command, figures = known[name]
        ours, peer = [], []
        for number in range(rounds):
            print(f"bench: {name}, round {number + 1} of {rounds}", file=sys.stderr)
            ours.append(measure(ours_command))
            peer.append(measure(peer_command))
        for title, our_key, peer_key, higher, target in figures:
            mine = [figure(round_, our_key) for round_ in ours]
            theirs = [figure(round_, peer_key) for round_ in peer]
            a, b = statistics.median(mine), statistics.median(theirs)
            ratio = a / b if higher else b / a
            reached = shares(ours, our_key)
            report["measurements"].append(
                {"suite": name, "title": title, "skein": a, "peer": b, "ratio": ratio, "target": target,
                 "skein_rounds": mine, "peer_rounds": theirs,
                 "reached": reached}
            )
            goal = f" (goal {target:g})" if target else ""
            print(f"{title}: {a:,.4g} to {b:,.4g}, ratio {ratio:.2f}{goal}")
            if reached:
                print("    " + ", ".join(f"{share:.0%} {name}" for name, share in reached.items()))
            exact = f"exact_{our_key}"
            if all(exact in round_ for round_ in ours):
                value = statistics.median(round_[exact] for round_ in ours)
                report["measurements"][-1]["exact"] = value
                print(f"    with arithmetic: exact {value:,.4g}, {value / a:.2f} of it")
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {options.output}")


main()
