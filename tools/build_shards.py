"""Packs a manifest into shards: text ids, codes and prompts, ready for training. Run again to resume."""

import argparse
import os
from pathlib import Path

from amharic_tts.data.build import BuildOptions, build
from amharic_tts.data.pack_plan import PackSettings
from amharic_tts.data.worker import parse_part
from amharic_tts.errors import run_command


def main() -> int:
    """Parses the arguments and builds."""
    defaults = PackSettings()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="JSON lines file of utterances")
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--tokenizer", type=Path, required=True, help="folder with bpe.model and front_end.json")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--codec", type=Path, help="folder of a codec (tools/fit_codec.py): encodes the recordings")
    source.add_argument(
        "--features",
        type=Path,
        help="feature store (tools/extract_features.py): no recording is read, unless --audio is given",
    )
    parser.add_argument("--audio", action="store_true", help="pack the recordings too (FLAC, audio-*.tar)")
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes (default: one per core)")
    parser.add_argument("--rows-per-shard", type=int, default=defaults.rows_per_shard, help="default %(default)s")
    parser.add_argument("--prompts-per-block", type=int, default=defaults.prompts_per_block, help="default %(default)s")
    parser.add_argument(
        "--prompt-seconds",
        type=float,
        default=defaults.prompt_seconds,
        help="of its beginning, whose frames a prompt stores (default %(default)s); latents of a feature store have a "
        "fixed number of rows and are packed whole",
    )
    parser.add_argument("--seed", type=int, default=defaults.seed, help="of the order of rows, default %(default)s")
    parser.add_argument("--skip-bad", action="store_true", help="list bad rows in rejects.jsonl and go on")
    parser.add_argument("--part", help="I/N: pack only every N-th shard from I on (job arrays); then run without it")
    arguments = parser.parse_args()
    settings = PackSettings(
        seed=arguments.seed,
        rows_per_shard=arguments.rows_per_shard,
        prompts_per_block=arguments.prompts_per_block,
        prompt_seconds=arguments.prompt_seconds,
        audio=arguments.audio,
    )
    options = BuildOptions(
        manifest=arguments.manifest,
        tokenizer=arguments.tokenizer,
        codec=arguments.codec,
        features=arguments.features,
        directory=arguments.out,
        settings=settings,
        workers=arguments.workers,
        skip_bad=arguments.skip_bad,
        part=parse_part(arguments.part),
    )
    info = build(options)
    if info is None:
        print(f"{arguments.out}: part {arguments.part} is packed; run without --part when all parts are")
        return 0
    print(
        f"{arguments.out}: {info.rows} rows in {info.shards} shards, {info.rejected} rejected, "
        f"{len(info.speakers)} speakers, {info.own_prompt_rows} rows without another prompt than themselves"
    )
    return 0


if __name__ == "__main__":
    run_command(main)
