"""`make demo`: speaks a small corpus, trains on it, and measures what was learned. Safe to stop and to start again."""

import json
import os
from pathlib import Path

import torch

from amharic_tts.demo.pipeline import run_stages
from amharic_tts.demo.stages import demo_stages
from amharic_tts.errors import run_command

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    gpus = torch.cuda.device_count()
    if not gpus:
        os.environ.setdefault("DS_ACCELERATOR", "cpu")  # else DeepSpeed warns in every process that it finds no GPU
    seconds = run_stages(demo_stages(ROOT, gpus or 2, "cuda" if gpus else "cpu"), ROOT / "runs/demo/stages", ROOT)
    conditions = json.loads((ROOT / "runs/demo/evaluation/evaluation.json").read_text(encoding="utf-8"))["conditions"]
    print(f"\nspoken by a model trained on synthetic speech (espeak-ng), {seconds / 60:.1f} minutes of work this time")
    for name, figures in conditions.items():
        print(f"  {name:<10} CER {figures['cer']:6.1%}   WER {figures['wer']:6.1%}   {figures['texts']} texts")
    print("report: runs/demo/report.html")
    print('say something: .venv/bin/python tools/synthesize.py "ሰላም" --run runs/demo --out hello.wav')


if __name__ == "__main__":
    run_command(main)
