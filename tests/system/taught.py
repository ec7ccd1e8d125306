"""A small IndexTTS-2 in its real file formats, shards of features for it, and jobs that teach it."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from model.indextts2_folder import SMALL, extended_tokenizer, write_folder
from system.commands import Job, done, make_job, tool

from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.data.features import Features, create_store, write_part
from amharic_tts.data.manifest import Row, write_manifest
from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.model.import_gpt import import_base
from amharic_tts.model.prompt_encoder import encoder_fingerprint
from amharic_tts.model.weights import load_state

SIZES = replace(SMALL, max_text=120, max_codes=80)
ROWS, HELD_OUT = 40, 6


@dataclass(frozen=True)
class Taught:
    """base: folder of the small IndexTTS-2; tokenizer: one that extends its own; shards: latents/ and frames/, with train
    and held_out in each."""

    base: Path
    tokenizer: Path
    shards: Path

    def job(self, folder: Path, conditioning: str = "latents", machine: dict | None = None, **sections) -> Job:
        """A job that teaches the base; keyword arguments are laid on the recipe's sections."""
        shards = self.shards / conditioning
        data = {"train": str(shards / "train"), "validation": {"held_out": str(shards / "held_out")}}
        job = make_job(folder, None, machine, **{"data": data} | sections)
        values = job.read_recipe()
        job.write_recipe(values | {"base": "indextts2", "base_folder": str(self.base), "model": {"dropout": 0.1}})
        return job


def make_taught(folder: Path) -> Taught:
    """Writes the base, its tokenizer, and shards of both kinds of conditioning from codes that are drawn."""
    base, tokenizer = folder / "base", folder / "tokenizer"
    write_folder(base, SIZES)
    extended_tokenizer().save(tokenizer)
    encoders = encoder_fingerprint(import_base(base).state)
    kinds = {
        "latents": IndexTTS2Codes(
            codes="drawn", encoders=encoders, conditioning="latents", conditioning_width=SIZES.dim,
            conditioning_rows=SIZES.stored_rows, size=SIZES.code_rows - 2,
        ),
        "frames": IndexTTS2Codes(
            codes="drawn", encoders="", conditioning="frames", conditioning_width=1024, conditioning_rows=0,
            size=SIZES.code_rows - 2,
        ),
    }  # fmt: skip
    rows = [manifest_row(i, text) for i, text in enumerate(everyday_sentences()[: ROWS + HELD_OUT])]
    for name, part in (("held_out", rows[:HELD_OUT]), ("train", rows[HELD_OUT:])):
        write_manifest(folder / f"{name}.jsonl", part)
    for kind, codec in kinds.items():
        store = folder / "features" / kind
        create_store(store, codec)
        write_part(store, {row.id: drawn_features(i, codec) for i, row in enumerate(rows)})
        for name in ("train", "held_out"):
            files = ("--manifest", folder / f"{name}.jsonl", "--features", store, "--tokenizer", tokenizer)
            done(tool("build_shards", *files, "--out", folder / "shards" / kind / name, "--rows-per-shard", 16))
    return Taught(base, tokenizer, folder / "shards")


def manifest_row(i: int, text: str) -> Row:
    uid = hashlib.blake2b(f"{i} {text}".encode(), digest_size=16).hexdigest()
    return Row(id=uid, audio=f"{i}.wav", text=text, speaker=f"s{i % 2}", recording="r", duration=1.0)


def drawn_features(i: int, codec: IndexTTS2Codes) -> Features:
    """Codes that follow each other in a way that can be learned, and a prompt."""
    generator = np.random.default_rng(i)
    codes = (np.arange(30 + i % 9) * (1 + i % 3) + i) % codec.size
    rows = codec.conditioning_rows or len(codes)
    prompt = generator.normal(size=(rows, codec.conditioning_width)).astype(np.float16)
    return Features(codes.astype(np.int16), prompt, len(codes) / codec.rate)


def trained(job: Job, step: int, kind: str = "raw") -> dict[str, torch.Tensor]:
    """The plain weights of a checkpoint, adapters merged; kind: `raw` or `ema`."""
    return load_state(job.run / f"checkpoints/step-{step:08d}", kind)[0]
