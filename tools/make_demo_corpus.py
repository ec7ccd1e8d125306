#!/usr/bin/env python3
"""Makes the demo corpus: synthetic Amharic speech (espeak-ng), for demonstrating and testing the system."""

import argparse
import os
from pathlib import Path

from amharic_tts.demo.corpus import CorpusOptions, make_corpus
from amharic_tts.errors import run_command


def main() -> None:
    default = CorpusOptions()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/demo"), help="folder of the corpus (%(default)s)")
    parser.add_argument("--numbers", type=int, default=default.numbers, help="training numbers (%(default)s)")
    parser.add_argument(
        "--held-out-numbers", type=int, default=default.held_out_numbers, help="numbers never trained (%(default)s)"
    )
    parser.add_argument(
        "--held-out-speaker-rows", type=int, default=default.held_out_speaker_rows, help="4th voice (%(default)s)"
    )
    parser.add_argument("--sentences", type=int, help="everyday sentences to use (all)")
    parser.add_argument("--seed", type=int, default=default.seed, help="another seed, other texts (%(default)s)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (%(default)s)")
    given = vars(parser.parse_args())
    out, workers = given.pop("out"), given.pop("workers")
    sizes = make_corpus(out, CorpusOptions(**given), workers)
    print(f"{out}: synthetic speech, for demonstrating and testing the system (made by espeak-ng's Amharic voice)")
    for name, size in sizes.items():
        print(f"  {name}: {size} rows")


if __name__ == "__main__":
    run_command(main)
