"""Trains the small recogniser that judges speech, on original recordings only.

python tools/train_recogniser.py --manifest data/demo/train.jsonl --out runs/demo/recogniser
"""

import argparse
import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from amharic_tts.errors import InputError, run_command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the recogniser that measures error rates.")
    parser.add_argument("--manifest", type=Path, required=True, help="recordings to learn from (JSON lines)")
    parser.add_argument("--out", type=Path, required=True, help="folder for the recogniser")
    parser.add_argument("--held-out", type=Path, help="manifest whose error rate is measured at the end")
    parser.add_argument("--tokenizer", type=Path, help="take the front-end of this tokenizer (default: the package's)")
    parser.add_argument("--epochs", type=int, help="passes over the recordings")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    from amharic_tts.data.manifest import read_manifest
    from amharic_tts.evaluate.recogniser import Recogniser, read_description
    from amharic_tts.evaluate.recogniser_training import RecogniserTraining, measure_recordings, train_recogniser
    from amharic_tts.model.device import usable_device
    from amharic_tts.text.front_end import TextFrontEnd
    from amharic_tts.text.tokenizer import Tokenizer

    if options.epochs is not None and options.epochs < 1:
        raise InputError(f"--epochs must be at least 1, not {options.epochs}")
    usable_device(options.device)
    rows = read_manifest(options.manifest)
    held_out = read_manifest(options.held_out) if options.held_out else []
    front_end = Tokenizer.load(options.tokenizer).front_end if options.tokenizer else TextFrontEnd()
    chosen = {"seed": options.seed} | ({"epochs": options.epochs} if options.epochs else {})
    training = RecogniserTraining(**chosen)
    parts = [[row.id for row in rows], front_end.fingerprint, asdict(training)]
    identity = hashlib.blake2b(json.dumps(parts).encode(), digest_size=16).hexdigest()
    if options.out.exists() and read_description(options.out).get("identity") == identity:
        print(f"{options.out} holds this recogniser already")
        recogniser = Recogniser.load(options.out, options.device)
    else:
        recogniser = train_recogniser(
            rows,
            options.manifest.parent,
            options.out,
            front_end,
            training=training,
            device=options.device,
            identity=identity,
        )
    if held_out:
        rates = measure_recordings(recogniser, held_out, options.held_out.parent, front_end)
        print(f"error rate on {len(held_out)} held-out recordings: CER {rates.cer:.1%}, WER {rates.wer:.1%}")


if __name__ == "__main__":
    run_command(main)
