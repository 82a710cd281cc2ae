#!/usr/bin/env python3
"""Tokens a second of llama.cpp, as JSON: the generations of `skein-engine-bench llamacpp`, with the same weights in fp32.

GPT-2 124M with batch 8 and 32 and the small Llama with batch 32; prompts of 16 tokens, 48 new ones, all rows in one batch
a token. llama.cpp is spared the drawing: the most likely token is taken, by numpy. The best of five after one that does
not count.
"""
import argparse
import ctypes
import json
import os
import pathlib
import subprocess
import time

import llama_cpp
import numpy

import gguf_weights

PROMPT, NEW = 16, 48


@llama_cpp.llama_log_callback
def quiet(level, text, data):
    pass


def prepare(bench, folder):
    """The weights of the models that Skein measures, made once."""
    files = {"gpt2": folder / "gpt2.gguf", "llama": folder / "llama.gguf"}
    if not all(file.exists() for file in files.values()):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([bench, "weights", "--directory", folder], check=True)
        for name, write in [("gpt2", gguf_weights.gpt2), ("llama", gguf_weights.llama)]:
            partial = folder / f"{name}.partial"
            write(folder / name, partial)
            partial.rename(files[name])
    return files


class Runner:
    def __init__(self, file, rows, threads):
        self.rows = rows
        self.model = llama_cpp.llama_load_model_from_file(os.fsencode(file), llama_cpp.llama_model_default_params())
        settings = llama_cpp.llama_context_default_params()
        settings.n_ctx = rows * (PROMPT + NEW)
        settings.n_batch = settings.n_ubatch = rows * PROMPT
        settings.n_seq_max = rows
        settings.n_threads = settings.n_threads_batch = threads
        # Keys and values in fp32 too.
        settings.type_k = settings.type_v = llama_cpp.GGML_TYPE_F32
        self.context = llama_cpp.llama_new_context_with_model(self.model, settings)
        self.vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(self.model))
        self.batch = llama_cpp.llama_batch_init(rows * PROMPT, 0, 1)

    def decode(self, tokens, first):
        """tokens [rows, n] at positions from `first`; -> logits [rows, V] after each row's last."""
        count = 0
        for row, line in enumerate(tokens):
            for place, token in enumerate(line):
                self.batch.token[count] = int(token)
                self.batch.pos[count] = first + place
                self.batch.n_seq_id[count] = 1
                self.batch.seq_id[count][0] = row
                self.batch.logits[count] = place == len(line) - 1
                count += 1
        self.batch.n_tokens = count
        if llama_cpp.llama_decode(self.context, self.batch) != 0:
            raise RuntimeError("llama_decode failed")
        # Outputs lie one after the other, in the order of the batch.
        start = llama_cpp.llama_get_logits(self.context)
        size = self.rows * self.vocabulary
        flat = ctypes.cast(start, ctypes.POINTER(ctypes.c_float * size)).contents
        return numpy.frombuffer(flat, dtype=numpy.float32).reshape(self.rows, self.vocabulary)

    def generate(self, prompts):
        llama_cpp.llama_kv_self_clear(self.context)
        answers = []
        logits = self.decode(prompts, 0)
        for step in range(NEW):
            tokens = logits.argmax(1)
            answers.append(tokens)
            if step + 1 < NEW:
                logits = self.decode(tokens[:, None], PROMPT + step)
        return numpy.stack(answers, 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine-bench", required=True)
    parser.add_argument("--weights", type=pathlib.Path, required=True)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    llama_cpp.llama_log_set(quiet, ctypes.c_void_p())
    files = prepare(options.engine_bench, options.weights)
    llama_cpp.llama_backend_init()
    results = {}
    for name, rows in [("gpt2", 8), ("gpt2", 32), ("llama", 32)]:
        runner = Runner(files[name], rows, options.threads)
        prompts = numpy.random.default_rng(0).integers(3, runner.vocabulary, (rows, PROMPT))
        best = float("inf")
        for number in range(options.repeats + 1):
            start = time.perf_counter()
            answers = runner.generate(prompts)
            if number > 0:
                best = min(best, time.perf_counter() - start)
        assert answers.shape == (rows, NEW)
        results[f"{name}_{rows}"] = {"generate_tokens_per_s": rows * NEW / best}
        llama_cpp.llama_free(runner.context)
        llama_cpp.llama_free_model(runner.model)
    print(json.dumps(results))


main()
