#!/usr/bin/env python3
"""Trains the tokenizer (SentencePiece BPE behind the text front-end) on the texts of a manifest."""

import argparse
from pathlib import Path

from tqdm import tqdm

from amharic_tts.data.manifest import read_manifest
from amharic_tts.errors import run_command
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.options import FrontEndOptions
from amharic_tts.text.tokenizer import train_tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="JSON lines with the training texts")
    parser.add_argument("--size", type=int, default=8000, help="number of ids (%(default)s)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tokenizer")
    parser.add_argument("--fold", action=argparse.BooleanOptionalAction, default=True, help="fold homophones (on)")
    parser.add_argument("--punctuation", choices=("ascii", "ethiopic"), default="ascii", help="(%(default)s)")
    given = parser.parse_args()
    front_end = TextFrontEnd(FrontEndOptions(given.fold, given.fold, given.punctuation))
    rows = read_manifest(given.manifest)
    with tqdm(rows, desc="texts", unit="text", mininterval=1.0) as bar:
        tokenizer = train_tokenizer((row.text for row in bar), front_end, given.size, given.out)
    print(f"{given.out}: {tokenizer.size} ids from {len(rows)} texts, fingerprint {tokenizer.fingerprint}")


if __name__ == "__main__":
    run_command(main)
