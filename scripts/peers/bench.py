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
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=1800)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))} ended with exit code {done.returncode}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def suites(build):
    skein = build / "skein"
    python = sys.executable
    return {
        # name: (our command, the peer's command, [(title, our key, peer's key, higher is better, target)])
        "engine": (
            [skein, "bench", "engine"],
            [python, here / "bench_engine.py"],
            [
                ("generation, tokens/s, against transformers", "generate_tokens_per_s", "generate_tokens_per_s", True, 3.0),
                ("training step, tokens/s, against transformers", "train_tokens_per_s", "train_tokens_per_s", True, 1.5),
            ],
        ),
        "ppo": (
            [skein, "bench", "ppo"],
            [python, here / "bench_ppo.py"],
            [("one PPO iteration, seconds, against TRL", "seconds", "seconds", False, 1.5)],
        ),
        "dispatch": (
            [skein, "bench", "dispatch"],
            [python, here / "bench_dispatch.py"],
            [
                ("job round trips/s, pipelined, against Ray", "pipelined_per_s", "pipelined_per_s", True, 10.0),
                ("job round trip, p50 ms, in lock-step, against Ray", "lockstep_p50_ms", "lockstep_p50_ms", False, None),
            ],
        ),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", nargs="*", help="engine, ppo, dispatch")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    options = parser.parse_args()
    known = suites(options.build.resolve())
    unknown = [name for name in options.suite if name not in known]
    if unknown:
        parser.error(f"unknown suite {unknown[0]}; there are {', '.join(known)}")

    report = {"cores": os.cpu_count(), "rounds": options.rounds, "measurements": []}
    for name in options.suite or known:
        ours_command, peer_command, figures = known[name]
        ours, peer = [], []
        for number in range(options.rounds):
            print(f"bench: {name}, round {number + 1} of {options.rounds}", file=sys.stderr)
            ours.append(measure(ours_command))
            peer.append(measure(peer_command))
        for title, our_key, peer_key, higher, target in figures:
            mine = [round_[our_key] for round_ in ours]
            theirs = [round_[peer_key] for round_ in peer]
            a, b = statistics.median(mine), statistics.median(theirs)
            ratio = a / b if higher else b / a
            report["measurements"].append(
                {"suite": name, "title": title, "skein": a, "peer": b, "ratio": ratio, "target": target,
                 "skein_rounds": mine, "peer_rounds": theirs}
            )
            goal = f" (goal {target:g})" if target else ""
            print(f"{title}: {a:,.4g} to {b:,.4g}, ratio {ratio:.2f}{goal}")
    options.output.write_text(json.dumps(report, indent=2) + "\n")
    print(f"written to {options.output}")


main()
