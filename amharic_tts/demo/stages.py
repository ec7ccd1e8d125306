"""The stages of `make demo`: from written-out numbers to a voice, its error rate and a report."""

import sys
from pathlib import Path

from amharic_tts.demo.pipeline import Stage

SPLITS = ("train", "held_out_texts", "held_out_speaker")
TOKENS = 800
"""Pieces of the demo's vocabulary: 256 bytes, three specials, every letter and mark, the commonest syllables and words."""


def demo_stages(root: Path, gpus: int) -> list[Stage]:
    """Stages with paths relative to `root`, the project's folder. Without a GPU two processes train on the CPU."""
    corpus, shards, run = "data/demo", "shards/demo", "runs/demo"
    recipe, machine = "launch/recipes/demo.yaml", "ds_configs/cpu.json"  # plain float32: the same on CPU and GPU
    device = "cuda" if gpus else "cpu"
    # On GPUs the launcher counts for itself, and so respects CUDA_VISIBLE_DEVICES.
    ranks = "" if gpus else "--num_accelerators 2"

    text = root / "amharic_tts/text"
    front_end = sorted([*text.glob("*.py"), *text.glob("classes/*.py"), *text.glob("tables/*.tsv")])

    def python(command: str) -> tuple[str, ...]:
        return (sys.executable, *command.split())

    def build(split: str) -> tuple[str, ...]:
        return python(
            f"tools/build_shards.py --manifest {corpus}/{split}.jsonl --out {shards}/{split}"
            f" --tokenizer {corpus}/tokenizer --codec {corpus}/codec --rows-per-shard 512"
        )

    return [
        Stage(
            "corpus",
            "speaking the demo corpus (synthetic speech, espeak-ng)",
            (python(f"tools/make_demo_corpus.py --out {corpus}"),),
            result=root / corpus / "train.jsonl",
            inputs=(root / "amharic_tts/demo/sentences.txt", root / "amharic_tts/demo/corpus.py", *front_end),
            made=(root / corpus,),
        ),
        Stage(
            "tokenizer",
            "learning the vocabulary",
            (python(f"tools/train_vocab.py --manifest {corpus}/train.jsonl --out {corpus}/tokenizer --size {TOKENS}"),),
            result=root / corpus / "tokenizer/tokenizer.json",
        ),
        Stage(
            "codec",
            "fitting the codec",
            (python(f"tools/fit_codec.py --manifest {corpus}/train.jsonl --out {corpus}/codec"),),
            result=root / corpus / "codec/codec.json",
        ),
        Stage(
            "shards",
            "packing shards",
            tuple(build(split) for split in SPLITS),
            result=root / shards / SPLITS[-1] / "dataset.json",
            made=(root / shards,),
        ),
        Stage(
            "train",
            "training the speech model with DeepSpeed",
            (
                python(
                    f"-m deepspeed.launcher.runner --log_level error {ranks} launch/train.py"
                    f" --deepspeed_config {machine} --recipe {recipe}"
                ),
            ),
            result=root / run / "checkpoints/latest",
            inputs=(root / recipe, root / machine),
            made=tuple(root / run / part for part in ("checkpoints", "tensorboard", "wandb", "metrics.jsonl")),
        ),
        Stage(
            "recogniser",
            "training the recogniser that listens to the result",
            (
                python(
                    f"tools/train_recogniser.py --manifest {corpus}/train.jsonl --out {run}/recogniser --device {device}"
                ),
            ),
            result=root / run / "recogniser/recogniser.json",
            made=(root / run / "recogniser",),
        ),
        Stage(
            "evaluate",
            "measuring real, coded and generated speech",
            (
                python(
                    f"tools/evaluate.py --run {run} --manifest {corpus}/held_out_texts.jsonl"
                    f" --recogniser {run}/recogniser --device {device}"
                ),
            ),
            result=root / run / "evaluation/evaluation.json",
            made=(root / run / "evaluation",),
        ),
        Stage(
            "report",
            "writing the report",
            (python(f"tools/make_report.py --run {run}"),),
            result=root / run / "report.html",
        ),
    ]
