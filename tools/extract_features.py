#!/usr/bin/env python3
"""Makes of recordings what IndexTTS-2 is trained on: codes, and the conditioning that its frozen encoders give.

Run again to resume; rows that failed are tried again.

python tools/extract_features.py --manifest train.jsonl --base base --out features
python tools/extract_features.py --manifest train.jsonl --base base --out features --device cuda:0,cuda:1 --workers 2
"""

import argparse
from collections import Counter
from pathlib import Path

from amharic_tts.data.worker import parse_part
from amharic_tts.errors import run_command
from amharic_tts.extract.run import ExtractOptions, Outcome, all_devices, extract_features


def main() -> int:
    """Parses the arguments and extracts; 1 when rows have failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--manifest", type=Path, required=True, help="JSON lines file of utterances")
    parser.add_argument("--base", type=Path, required=True, help="folder of IndexTTS-2 (tools/download_base.py)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the feature store")
    parser.add_argument("--device", action="append", help="cpu, cuda:0 or cuda:0,cuda:1 (default: all GPUs, or cpu)")
    parser.add_argument("--workers", type=int, default=1, help="processes on each device, default %(default)s")
    parser.add_argument(
        "--batch-seconds", type=float, default=60.0, help="of a padded batch (about 50 MB each), default %(default)s"
    )
    parser.add_argument(
        "--conditioning",
        choices=("latents", "frames"),
        default="latents",
        help="of a prompt: what the encoders make of it (default), or its frames, for training the encoders",
    )
    parser.add_argument("--part", help="I/N: only every N-th row from I on (job arrays)")
    arguments = parser.parse_args()
    devices = [name for names in arguments.device or () for name in names.split(",")]
    options = ExtractOptions(
        manifest=arguments.manifest,
        base=arguments.base,
        directory=arguments.out,
        conditioning=arguments.conditioning,
        devices=tuple(devices) or all_devices(),
        workers=arguments.workers,
        batch_seconds=arguments.batch_seconds,
        part=parse_part(arguments.part),
    )
    outcome = extract_features(options)
    print(summary(outcome, arguments.out))
    return 1 if outcome.failures else 0


def summary(outcome: Outcome, directory: Path) -> str:
    """What has become of the rows."""
    sound = outcome.rows - len(outcome.failures)
    lines = [f"{directory}: {sound} of {outcome.rows} rows have features ({outcome.made} of them made now)"]
    if outcome.failures:
        reasons = Counter(str(one.reason) for one in outcome.failures)
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        lines.append(f"{len(outcome.failures)} rows failed: {counts}; {directory / outcome.failures_file} lists them")
    return "\n".join(lines)


if __name__ == "__main__":
    run_command(main)
