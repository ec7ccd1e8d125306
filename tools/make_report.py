"""Makes the page of a run: error rates, sound, spectrograms, curves, machine and configuration in one file.

python tools/make_report.py --run runs/demo
"""

import argparse
from pathlib import Path

from amharic_tts.errors import InputError, run_command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write report.html of a training run.")
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--out", type=Path, help="file to write (default: RUN/report.html)")
    parser.add_argument("--rows", type=int, default=8, help="rows to listen to (default: %(default)s)")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    from amharic_tts.evaluate.report import make_report

    if options.rows < 0:
        raise InputError(f"--rows must be at least 0, not {options.rows}")
    out = options.out or options.run / "report.html"
    headline = make_report(options.run, out, options.rows)
    print(f"report: {out}")
    if headline["steps"]:
        loss = headline["code_loss"]
        print(f"  {headline['steps']} optimizer steps" + ("" if loss is None else f", last code loss {loss:.3f}"))
    for condition, rate in headline["cer"].items():
        print(f"  CER {condition}: {rate:.1%}")


if __name__ == "__main__":
    run_command(main)
