"""`make demo`: speaks a small corpus, trains on it, and measures what was learned. Safe to stop and to start again."""

import argparse
import os
from pathlib import Path

import torch

from amharic_tts.demo.pipeline import run_stages
from amharic_tts.demo.stages import demo_stages
from amharic_tts.errors import run_command
from amharic_tts.evaluate.evaluation import rates_table, read_evaluation

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    argparse.ArgumentParser(
        description="The whole path on a small corpus of synthetic speech: see README.md."
    ).parse_args()
    gpus = torch.cuda.device_count()
    if not gpus:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # else DeepSpeed warns in every process that it finds no GPU
    seconds = run_stages(demo_stages(ROOT, gpus), ROOT / "runs/demo/stages", ROOT)
    print("\nspoken by a model that was trained on synthetic speech (espeak-ng), texts that training never saw:")
    print(rates_table(read_evaluation(ROOT / "runs/demo/evaluation")))
    print(f"{seconds / 60:.1f} minutes of work this time")
    print("report: runs/demo/report.html")
    print(
        'say something: .venv/bin/python tools/synthesize.py "ሶስት ሺህ ሁለት መቶ አርባ አምስት" --run runs/demo --out hello.wav'
    )


if __name__ == "__main__":
    run_command(main)
