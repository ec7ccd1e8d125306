"""Says what the curves of a run show: learning rate too low or too high, overfitting, a plateau … and what to change.

python tools/diagnose.py runs/demo
python tools/diagnose.py losses.csv --json --picture diagnosis.html
"""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from amharic_tts.errors import run_command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Diagnose a training run from its curves.")
    parser.add_argument(
        "run", type=Path, help="a run's folder, or a CSV with columns step, train, validation, lr, grad_norm (any may be missing)"
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print a list of objects; an empty one is a healthy run")
    parser.add_argument(
        "--picture", type=Path, metavar="PATH", help="write curves and findings as a page (HTML with SVG)"
    )
    return parser.parse_args()


def main() -> None:
    options = arguments()
    from amharic_tts.diagnose.diagnose import diagnose
    from amharic_tts.evaluate.diagnosis import picture, read_curves
    from amharic_tts.publish import publish

    curves = read_curves(options.run)
    found = [diagnose(one) for one in curves]
    if options.picture:
        with publish(options.picture) as file:
            file.write(picture(curves, found, options.run.resolve().name).encode())
    if options.json:
        print(json.dumps([asdict(finding) for one in found for finding in one], ensure_ascii=False, indent=1))
        return
    for one, findings in zip(curves, found, strict=True):
        phase = f"phase {one.name}: " if one.name else ""
        for finding in findings:
            print(f"{phase}{finding.name} (confidence {finding.confidence:.0%})")
            print(f"    {finding.evidence}.\n    {finding.advice}.")
        if not findings:
            print(f"{phase}nothing found: these curves are those of a healthy run")
    if options.picture:
        print(f"picture: {options.picture}")


if __name__ == "__main__":
    run_command(main)
