#!/usr/bin/env python3
"""Compares this code with recorded outputs of the reference implementation, on seeded weights.

python tools/check_parity.py --golden ../shared/golden

One line each; the exit code is 1 when one is beyond its limit, or cannot be compared.
"""

import argparse
from pathlib import Path

from amharic_tts.errors import run_command
from amharic_tts.model.parity import compare_folder


def main() -> int:
    """Parses the arguments, compares and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--golden", type=Path, required=True, help="folder of NAME.npz, NAME_config.json, …")
    arguments = parser.parse_args()
    results = []
    for result in compare_folder(arguments.golden):
        print(result, flush=True)
        results.append(result)
    failed = sum(not result.ok for result in results)
    print(f"{len(results)} comparisons, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    run_command(main)
