#!/usr/bin/env python3
"""Fits the embedded codec (log-mel k-means) to the audio of a manifest's training split."""

import argparse
from pathlib import Path

import numpy as np
from torch import Tensor
from tqdm import tqdm

from amharic_tts.audio.files import read_wave
from amharic_tts.codec.mel_kmeans import FIT_ITERATIONS, MelKMeans, fit_mel_kmeans
from amharic_tts.data.manifest import Row, audio_path, read_manifest
from amharic_tts.data.order import key, keyed_order
from amharic_tts.errors import InputError, run_command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="JSON lines of the training split")
    parser.add_argument("--out", type=Path, required=True, help="folder of the codec")
    parser.add_argument("--size", type=int, default=256, help="number of codes (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--hours", type=float, default=0.5, help="use about this much audio (%(default)s)")
    given = parser.parse_args()
    if given.hours <= 0:
        raise InputError(f"--hours must be more than 0, not {given.hours}")
    rows = sample(read_manifest(given.manifest), given.hours * 3600, given.seed)
    audio = read_all(given.manifest, rows)
    with tqdm(total=FIT_ITERATIONS, desc="k-means", unit="iteration") as bar:
        codec = fit_mel_kmeans(audio, given.size, given.seed, bar.update)
    codec.save(given.out)
    print(f"{given.out}: {codec.size} codes from {len(rows)} recordings, fingerprint {codec.fingerprint}")


def sample(rows: list[Row], seconds: float, seed: int) -> list[Row]:
    """Rows in hashed order until `seconds` of audio are reached. (Every n-th row could be all of one speaker.)"""
    chosen, total = [], 0.0
    for place in keyed_order(key("fit_codec", seed), np.arange(len(rows))):
        if total >= seconds:
            break
        chosen.append(rows[place])
        total += rows[place].duration
    return chosen


def read_all(manifest: Path, rows: list[Row]) -> list[Tensor]:
    """The rows' audio, with a progress bar."""
    with tqdm(rows, desc="recordings", unit="file", mininterval=1.0) as bar:
        return [read_wave(audio_path(manifest, row), MelKMeans.sample_rate, row.start, row.end) for row in bar]


if __name__ == "__main__":
    run_command(main)
