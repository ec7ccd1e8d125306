"""Writes a run's weights as a folder that the base model's own inference loads.

python tools/export.py --run runs/full --out exported
"""

import argparse
from pathlib import Path

from amharic_tts.errors import run_command
from amharic_tts.train.export_run import export_run


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a run's weights for the base model's own inference.")
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--out", type=Path, required=True, help="folder to write; it must not exist or be empty")
    parser.add_argument(
        "--step", type=int, help="checkpoint to take (default: the one with the lowest validation code loss)"
    )
    parser.add_argument("--base", type=Path, help="folder of the base (default: where it lay while training)")
    parser.add_argument("--weights", choices=("ema", "raw"), help="default: averaged weights where there are any")
    options = parser.parse_args()
    exported = export_run(options.run, options.out, options.step, options.base, options.weights)
    for line in exported.passed_over:
        print(line)
    print(f"{exported.directory}: {exported.weights} weights of {exported.checkpoint}")
    for path in exported.missing:
        print(f"  without {path.name}, which {path.parent} lacks: put it there before the base's inference is started")


if __name__ == "__main__":
    run_command(main)
