"""Checks every byte of packed shards. Exit code 0: clean; 1: damage, with the damaged rows by name."""

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

from tqdm import tqdm

from amharic_tts.data.verify import verify
from amharic_tts.errors import run_command


def main() -> int:
    """Parses the arguments, verifies and prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path, help="folder of the data set")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="threads (default: one per core)")
    arguments = parser.parse_args()

    def progress(shards: Iterator, total: int) -> Iterator:
        return iter(tqdm(shards, total=total, unit="shard", desc="verify"))

    result = verify(arguments.directory, arguments.workers, progress)
    for finding in result.findings:
        print(f"{finding.file}: {finding.what}")
        for uid in finding.ids:
            print(f"  {uid}")
    if result.findings:
        print(f"{arguments.directory}: DAMAGED, {result.damaged_rows} damaged rows, {len(result.findings)} findings")
        return 1
    info = result.info
    print(
        f"{arguments.directory}: clean, {info.rows} rows in {info.shards} shards, {result.bytes / 1e6:.1f} MB, "
        f"{len(info.speakers)} speakers, {info.rejected} rejected, {info.own_prompt_rows} rows are their own prompt"
    )
    return 0


if __name__ == "__main__":
    run_command(main)
