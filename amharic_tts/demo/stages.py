"""The stages of `make demo`: from written-out numbers to a voice, its error rate and a report."""

import sys
from pathlib import Path

from amharic_tts.demo.pipeline import Stage

SPLITS = ("train", "held_out_texts", "held_out_speaker")


def demo_stages(root: Path, ranks: int, device: str) -> list[Stage]:
    """Stages with paths relative to `root`, the project's folder. `ranks` processes train, on `device` cpu or cuda."""
    python = sys.executable
    corpus, shards, run = "data/demo", "shards/demo", "runs/demo"
    recipe = "launch/recipes/demo.yaml"

    def tool(name: str, *arguments: str) -> tuple[str, ...]:
        return (python, f"tools/{name}.py", *arguments)

    def build(split: str) -> tuple[str, ...]:
        manifest, out = f"{corpus}/{split}.jsonl", f"{shards}/{split}"
        return tool(
            "build_shards",
            "--manifest",
            manifest,
            "--out",
            out,
            "--tokenizer",
            f"{corpus}/tokenizer",
            "--codec",
            f"{corpus}/codec",
        )

    return [
        Stage(
            "corpus",
            "speaking the demo corpus (synthetic speech, espeak-ng)",
            (tool("make_demo_corpus", "--out", corpus),),
            root / corpus / "train.jsonl",
            (root / "amharic_tts/demo/sentences.txt", root / "amharic_tts/demo/corpus.py"),
        ),
        Stage(
            "tokenizer",
            "learning the vocabulary",
            (
                tool(
                    "train_tokenizer",
                    "--manifest",
                    f"{corpus}/train.jsonl",
                    "--out",
                    f"{corpus}/tokenizer",
                    "--size",
                    TOKENS,
                ),
            ),
            root / corpus / "tokenizer/bpe.model",
        ),
        Stage(
            "codec",
            "fitting the codec",
            (tool("fit_codec", "--manifest", f"{corpus}/train.jsonl", "--out", f"{corpus}/codec"),),
            root / corpus / "codec/codec.json",
        ),
        Stage(
            "shards",
            "packing shards",
            tuple(build(split) for split in SPLITS),
            root / shards / SPLITS[-1] / "dataset.json",
        ),
        Stage(
            "train",
            "training the speech model with DeepSpeed",
            (
                (
                    python,
                    "-m",
                    "deepspeed.launcher.runner",
                    "--log_level",
                    "error",
                    "--num_accelerators",
                    str(ranks),
                    "launch/train.py",
                    "--deepspeed_config",
                    "ds_configs/cpu.json",
                    "--recipe",
                    recipe,
                ),
            ),
            root / run / "checkpoints/latest",
            (root / recipe, root / "ds_configs/cpu.json"),
        ),
        Stage(
            "recogniser",
            "training the recogniser that listens to the result",
            (
                tool(
                    "train_recogniser",
                    "--manifest",
                    f"{corpus}/train.jsonl",
                    "--out",
                    f"{run}/recogniser",
                    "--device",
                    device,
                ),
            ),
            root / run / "recogniser",
        ),
        Stage(
            "evaluate",
            "measuring real, coded and generated speech",
            (
                tool(
                    "evaluate",
                    "--run",
                    run,
                    "--manifest",
                    f"{corpus}/held_out_texts.jsonl",
                    "--recogniser",
                    f"{run}/recogniser",
                    "--device",
                    device,
                ),
            ),
            root / run / "evaluation/evaluation.json",
        ),
        Stage(
            "report",
            "writing the report",
            (tool("make_report", "--run", run),),
            root / run / "report.html",
        ),
    ]


TOKENS = "512"
"""Pieces of the demo's vocabulary: 256 bytes, three specials, the letters and the commonest syllables."""
