#!/usr/bin/env python3
"""Fetches the published models that training and speech start from, or checks a folder of them.

python tools/download_base.py --out base                      (names files, sizes and licences; fetches nothing)
python tools/download_base.py --out base --accept-licences    (7.7 GB; interrupted, the same command goes on)
python tools/download_base.py --check base                    (what is there, what is missing, whether it loads)
"""

import argparse
import os
from pathlib import Path

from tqdm import tqdm

from amharic_tts.codec.indextts2.base_check import check
from amharic_tts.codec.indextts2.base_folder import (
    CONFIG,
    GPT,
    LOADERS,
    SOURCES,
    TOKENIZER,
    File,
    Source,
    require_chain,
)
from amharic_tts.codec.indextts2.fetch import ENDPOINT, checked_endpoint, fetch, missing_files, require_room
from amharic_tts.errors import InputError, run_command
from amharic_tts.model.import_gpt import import_gpt
from amharic_tts.model.indextts2_config import read_base_config
from amharic_tts.text.vocab.base import Base

CHECKED = {
    CONFIG: lambda folder: require_chain(read_base_config(folder).values),
    TOKENIZER: lambda folder: Base.read(folder / TOKENIZER),
    "language model": lambda folder: import_gpt(folder / GPT, read_base_config(folder).model),
    **LOADERS,
}
"""Every part of a base folder and what loads it."""


def main() -> int:
    """Parses the arguments, then fetches or checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--out", type=Path, help="folder to fetch into")
    what.add_argument("--check", type=Path, metavar="DIR", help="folder to check")
    parser.add_argument("--accept-licences", action="store_true", help="I have read the licences and accept them")
    parser.add_argument(
        "--endpoint",
        default=os.environ.get("HF_ENDPOINT") or ENDPOINT,
        help="address of the hub or of a mirror (default: HF_ENDPOINT, or %(default)s)",
    )
    options = parser.parse_args()
    if options.check:
        return check_folder(options.check)
    fetch_all(options.out, checked_endpoint(options.endpoint), options.accept_licences)
    print(f"everything is there; `python tools/download_base.py --check {options.out}` loads it")
    return 0


def fetch_all(directory: Path, endpoint: str, accepted: bool) -> None:
    """Names what comes under which licence, and fetches what is missing when the licences are accepted."""
    wanted = missing_files(directory, SOURCES)
    if not wanted:
        return
    name_licences(wanted)
    if not accepted:
        raise InputError("nothing was fetched: read the licences, and give --accept-licences if you accept them")
    directory.mkdir(parents=True, exist_ok=True)
    require_room(directory, wanted)
    for source, file in wanted:
        with tqdm(total=file.size, desc=file.path, unit="B", unit_scale=True) as bar:
            fetch(directory, source, file, endpoint, bar.update)


def name_licences(wanted: list[tuple[Source, File]]) -> None:
    """Prints each repository with its licence and what is missing of it."""
    for source in SOURCES:
        files = [file for one, file in wanted if one is source]
        if files:
            print(f"{source.name}: {source.page} at {source.revision[:8]}")
            print(f"    licence: {source.licence} ({source.terms})")
            for file in files:
                print(f"    {tqdm.format_sizeof(file.size, 'B'):>8}  {file.path}")
    print(f"{sum(file.size for _, file in wanted) / 1e9:.1f} GB in {len(wanted)} files", flush=True)


def check_folder(directory: Path) -> int:
    """Prints one line for each file and each part; 1 when something is wrong with one."""
    found = []
    for state in check(directory, CHECKED, SOURCES):
        print(state, flush=True)
        found.append(state)
    wrong = sum(bool(state.trouble) for state in found)
    print(f"{len(found)} checks, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    run_command(main)
