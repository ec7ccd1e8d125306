#!/usr/bin/env python3
"""Fits the embedded codec (log-mel k-means) to the audio of a manifest's training split."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from torch import Tensor
from tqdm import tqdm

from amharic_tts.audio.files import read_wave
from amharic_tts.codec.mel_kmeans import FIT_ITERATIONS, MelKMeans, fit_mel_kmeans
from amharic_tts.data.manifest import Row, audio_path, read_manifest
from amharic_tts.errors import InputError, run_command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True, help="JSON lines of the training split")
    parser.add_argument("--out", type=Path, required=True, help="folder of the codec")
    parser.add_argument("--size", type=int, default=256, help="number of codes (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(%(default)s)")
    parser.add_argument("--hours", type=float, default=2.0, help="use at most this much audio (%(default)s)")
    given = parser.parse_args()
    if given.hours <= 0:
        raise InputError(f"--hours must be more than 0, not {given.hours}")
    rows = evenly(read_manifest(given.manifest), given.hours * 3600)
    with tqdm(total=FIT_ITERATIONS, desc="k-means", unit="iteration") as bar:
        codec = fit_mel_kmeans(waves(given.manifest, rows), given.size, given.seed, bar.update)
    codec.save(given.out)
    print(f"{given.out}: {codec.size} codes from {len(rows)} recordings, fingerprint {codec.fingerprint}")


def evenly(rows: list[Row], seconds: float) -> list[Row]:
    """Every n-th row, with n so that about `seconds` of audio remain: a sample of all speakers and sessions."""
    step = max(1.0, sum(row.duration for row in rows) / seconds)
    return [rows[int(place * step)] for place in range(int(len(rows) / step))]


def waves(manifest: Path, rows: list[Row]) -> Iterator[Tensor]:
    """The rows' audio, with a progress bar."""
    for row in tqdm(rows, desc="spectrograms", unit="file", mininterval=1.0):
        yield read_wave(audio_path(manifest, row), MelKMeans.sample_rate, row.start, row.end)


if __name__ == "__main__":
    run_command(main)
