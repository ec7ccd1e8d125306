"""A small corpus, its tokenizer and codec, and the data set packed from them; made once for all tests of data/."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import settings

import amharic_tts
from amharic_tts.audio.files import write_wave
from amharic_tts.codec.mel_kmeans import fit_mel_kmeans
from amharic_tts.data.build import BuildOptions, build
from amharic_tts.data.manifest import Row, row_id, write_manifest
from amharic_tts.data.pack_plan import PackSettings
from amharic_tts.data.plan import Plan
from amharic_tts.data.shard import CATALOG
from amharic_tts.text.front_end import TextFrontEnd
from amharic_tts.text.tokenizer import train_tokenizer

# A busy machine makes any example slow: time is no part of these laws.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

ROOT = Path(__file__).parents[2]
SAMPLE_RATE = 16000
WORDS = ["ሰላም", "ዛሬ", "ነገ", "ውሃ", "ቤት", "ልጅ", "እናት", "አባት", "መጽሐፍ", "ቡና", "ገበያ", "መንገድ", "ፀሐይ", "ዝናብ", "ሥራ"]
# Rows of each speaker: more than a block, one block, fewer than a block, and one row alone.
SPEAKERS = {"almaz": 41, "bekele": 16, "chaltu": 5, "dawit": 1}


@dataclass(frozen=True)
class Corpus:
    """Paths of a manifest and of what turns it into shards."""

    folder: Path
    rows: list[Row]

    @property
    def manifest(self) -> Path:
        return self.folder / "manifest.jsonl"

    def options(self, directory: Path, *, rows_per_shard: int = 16, audio: bool = False, **options) -> BuildOptions:
        """Options that pack this corpus into `directory`."""
        return BuildOptions(
            manifest=options.pop("manifest", self.manifest),
            tokenizer=options.pop("tokenizer", self.folder / "tokenizer"),
            codec=None if options.get("features") else self.folder / "codec",
            features=options.pop("features", None),
            directory=directory,
            settings=PackSettings(rows_per_shard=rows_per_shard, audio=audio),
            **options,
        )


def make_wave(generator: np.random.Generator) -> torch.Tensor:
    """A buzz with a moving pitch and some noise, 0.25 to 0.9 s."""
    samples = int(generator.integers(SAMPLE_RATE // 4, SAMPLE_RATE * 9 // 10))
    pitch = generator.uniform(90, 250) * np.linspace(1, generator.uniform(0.7, 1.4), samples)
    wave = 0.3 * np.sign(np.sin(2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE)) * np.hanning(samples)
    return torch.tensor(wave + generator.normal(0, 0.01, samples), dtype=torch.float32)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    folder = tmp_path_factory.mktemp("corpus")
    generator = np.random.default_rng(0)
    rows, waves = [], []
    for speaker, count in SPEAKERS.items():
        for i in range(count):
            wave = make_wave(generator)
            text = " ".join(generator.choice(WORDS, size=int(generator.integers(1, 6))))
            name = f"{speaker}/{i:03d}.flac"
            write_wave(folder / name, wave, SAMPLE_RATE)
            waves.append(wave)
            row = Row(
                id=row_id(wave, text + str(i)),
                audio=name,
                text=text,
                speaker=speaker,
                recording=f"{speaker}-{i % 3}",
                duration=len(wave) / SAMPLE_RATE,
            )
            rows.append(row)
    write_manifest(folder / "manifest.jsonl", rows)
    train_tokenizer([row.text for row in rows] * 4, TextFrontEnd(), 580, folder / "tokenizer")
    fit_mel_kmeans(waves[:20], size=32).save(folder / "codec")
    return Corpus(folder, rows)


@pytest.fixture(scope="session")
def packed(corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packed corpus with its audio column. Tests only read it."""
    directory = tmp_path_factory.mktemp("packed") / "set"
    build(corpus.options(directory, audio=True))
    return directory


@pytest.fixture
def copy(packed: Path, tmp_path: Path) -> Path:
    """A copy of the packed corpus that a test may damage."""
    return Path(shutil.copytree(packed, tmp_path / "copy"))


@pytest.fixture(scope="session")
def run_tool() -> Callable[..., subprocess.CompletedProcess]:
    """Runs a program of tools/ as a person would; `wait=False` gives the Popen."""

    def run(name: str, *arguments: object, wait: bool = True):
        package_root = str(Path(amharic_tts.__file__).parents[1])
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": package_root}
        command = [sys.executable, str(ROOT / "tools" / name), *map(str, arguments)]
        options = {"text": True, "encoding": "utf-8", "env": environment}
        if not wait:
            return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
        return subprocess.run(command, capture_output=True, timeout=120, check=False, **options)

    return run


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., Plan]:
    """Makes a plan of rows with the given (n_text, n_code), shard by shard, without files."""

    def make(shards: list[list[tuple[int, int]]], seed: int = 0, step_tokens: int = 500, **options) -> Plan:
        rows = [np.array(shard, dtype=[("n_text", "<u2"), ("n_code", "<u2")]) for shard in shards]
        catalog = np.zeros(len(rows), dtype=CATALOG)
        for entry, shard in zip(catalog, rows):
            entry["rows"], entry["text"], entry["codes"] = len(shard), shard["n_text"].sum(), shard["n_code"].sum()
            entry["longest"] = (shard["n_text"].astype(int) + shard["n_code"]).max(initial=0)
        return Plan(catalog, rows.__getitem__, seed, step_tokens, **options)

    return make
