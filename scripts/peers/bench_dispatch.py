#!/usr/bin/env python3
"""Round trips of empty actor calls in Ray, as JSON: many under way at a time, and one at a time.

The actor answers one small value, as the idle worker of `skein-bench dispatch` does; its result is fetched. Ray keeps
no journal, Skein does.
"""
import argparse
import json
import statistics
import time

import ray


@ray.remote
class Worker:
    def work(self, prompt):
        return {"row": prompt, "tokens": [2], "logprobs": [0.0]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--single", type=int, default=2_000)
    options = parser.parse_args()
    ray.init(num_cpus=2, include_dashboard=False, logging_level="error", log_to_driver=False)
    worker = Worker.remote()
    ray.get(worker.work.remote(0))
    rates = []
    for step in range(options.steps):
        start = time.perf_counter()
        ray.get([worker.work.remote(row) for row in range(options.jobs)])
        if step > 0:
            rates.append(options.jobs / (time.perf_counter() - start))
    times = []
    for row in range(options.single):
        start = time.perf_counter()
        ray.get(worker.work.remote(row))
        times.append(1000 * (time.perf_counter() - start))
    ray.shutdown()
    print(json.dumps({
        "pipelined_per_s": statistics.median(rates),
        "lockstep_p50_ms": statistics.median(times),
        "lockstep_p99_ms": sorted(times)[len(times) * 99 // 100],
    }))


main()
