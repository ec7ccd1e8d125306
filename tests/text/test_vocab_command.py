"""tools/train_vocab.py as people call it: what it writes, what it refuses, and its exit codes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from text.base_models import base_model

from amharic_tts.data.manifest import Row, row_id, write_manifest
from amharic_tts.demo.corpus import everyday_sentences
from amharic_tts.text.numbers import cardinal
from amharic_tts.text.tokenizer import Tokenizer, load_initialisation

ROOT = Path(__file__).parents[2]
TEXTS = [*everyday_sentences(), *(cardinal(number) for number in range(0, 1000, 7))]


def command(*arguments: object) -> subprocess.CompletedProcess:
    done = subprocess.run(
        [sys.executable, "tools/train_vocab.py", *map(str, arguments)], cwd=ROOT, capture_output=True, text=True,
        env=os.environ | {"PYTHONIOENCODING": "utf-8"}, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    return done


def row(text: str, seconds: float) -> Row:
    samples = np.zeros(int(16000 * seconds), dtype=np.float32)
    return Row(id=row_id(samples, text), audio="a.flac", text=text, speaker="a", recording="r", duration=seconds)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """lines.txt, train.jsonl, latin1.txt (not UTF-8), base.model (capitals, no bytes)."""
    folder = tmp_path_factory.mktemp("vocab")
    half = len(TEXTS) // 2
    (folder / "lines.txt").write_text("\n".join(TEXTS[:half]) + "\n", encoding="utf-8")
    write_manifest(folder / "train.jsonl", [row(text, 0.25 + len(text) / 10) for text in TEXTS[half:]])
    (folder / "latin1.txt").write_bytes("ሰላም\n".encode() + "é\n".encode("latin1"))
    (folder / "base.model").write_bytes(base_model(900))
    return folder


def test_it_trains_on_text_and_manifest_and_reports(folder: Path, tmp_path: Path) -> None:
    sources = ("--text", folder / "lines.txt", "--manifest", folder / "train.jsonl")
    done = command(*sources, "--out", tmp_path / "a", "--size", 900, "--limit", 12)
    assert done.returncode == 0, done.stderr
    assert "warning: a vocabulary of 900 is for demonstrations" in done.stderr
    tokenizer = Tokenizer.load(tmp_path / "a")
    assert tokenizer.size == 900
    tokens = [len(tokenizer.encode(text)) for text in TEXTS]
    for line in (
        "unknown rate +0.000000 ",
        f"texts +{len(TEXTS)}$",
        f"tokens +{sum(tokens):,}$",
        rf"over the limit of 12 tokens +{sum(count > 12 for count in tokens)} texts",
        r"tokens per second of speech +\d+\.\d over",
        f"fingerprint {tokenizer.fingerprint}",
    ):
        assert re.search(line, done.stdout, re.MULTILINE), line
    assert "most frequent pieces" in (tmp_path / "a/report.html").read_text().lower()

    again = command(*sources[2:], *sources[:2], "--out", tmp_path / "b", "--size", 900, "--limit", 12)
    assert again.returncode == 0
    for name in ("bpe.model", "front_end.json", "tokenizer.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_it_extends_a_base_and_reports_on_another_corpus(folder: Path, tmp_path: Path) -> None:
    sources = ("--text", folder / "lines.txt", "--text", folder / "lines.txt")
    done = command(*sources, "--out", tmp_path / "a", "--extend", folder / "base.model", "--size", 1300)
    assert done.returncode == 0, done.stderr
    assert len(load_initialisation(tmp_path / "a", folder / "base.model").rows) == 400
    whole = {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()}
    assert sorted(whole) == ["bpe.model", "front_end.json", "initialisation.json", "report.html", "tokenizer.json"]

    (tmp_path / "few.txt").write_text("ሰላም\n")
    other = ("--report-only", tmp_path / "a", "--text", tmp_path / "few.txt", "--out", tmp_path / "b")
    done = command(*other)
    assert done.returncode == 1
    assert "added pieces never occur" in done.stderr
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["report.html"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "a").iterdir()} == whole
    assert command(*other, "--punctuation", "ethiopic").returncode == 2


def test_options_of_the_front_end_are_those_of_the_tokenizer(folder: Path, tmp_path: Path) -> None:
    done = command(
        "--text", folder / "lines.txt", "--out", tmp_path, "--size", 900, "--no-fold", "--punctuation=ethiopic"
    )
    assert done.returncode == 0, done.stderr
    options = Tokenizer.load(tmp_path).front_end.options
    assert (options.fold_homophones, options.fold_labiovelars, options.punctuation) == (False, False, "ethiopic")


def test_lines_that_cannot_be_read(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text((folder / "lines.txt").read_text() + "ሰላም 人\n")
    number = len(TEXTS) // 2 + 1
    done = command("--text", bad, "--out", tmp_path / "a", "--size", 800)
    assert done.returncode == 2
    assert f"bad.txt:{number}: " in done.stderr
    assert "--skip-unreadable" in done.stderr
    assert not (tmp_path / "a/tokenizer.json").exists()
    done = command("--text", bad, "--out", tmp_path / "a", "--size", 800, "--skip-unreadable")
    assert done.returncode == 0
    assert "1 lines were left out" in done.stdout
    assert f"bad.txt:{number}: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "no corpus"),
        (("--text", "{0}/none.txt"), "none.txt does not exist"),
        (("--manifest", "{0}/lines.txt"), "lines.txt:1: not valid JSON"),
        (("--text", "{0}/latin1.txt"), "latin1.txt:2: not UTF-8"),
        (("--text", "{0}/lines.txt", "--size", "32001"), "must be 2000 to 32000"),
        (("--text", "{0}/lines.txt", "--size", "100"), "smallest that works"),
        (("--text", "{0}/lines.txt"), "largest that works"),
        (("--text", "{0}/lines.txt", "--limit", "0"), "--limit"),
        (("--text", "{0}/lines.txt", "--extend", "{0}/base.model"), "needs --size"),
        (("--text", "{0}/lines.txt", "--extend", "{0}/lines.txt", "--size", "1300"), "no SentencePiece model"),
        (("--text", "{0}/lines.txt", "--extend", "{0}/base.model", "--size", "900"), "smallest that works"),
        (("--text", "{0}/lines.txt", "--report-only", "{0}"), "tokenizer.json does not exist"),
        (("--text", "{0}/lines.txt", "--report-only", "{0}", "--size", "900"), "leave out --size"),
    ],
)
def test_what_is_refused(folder: Path, tmp_path: Path, arguments: tuple[str, ...], message: str) -> None:
    done = command(*(part.format(folder) for part in arguments), "--out", tmp_path / "out")
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert not (tmp_path / "out/tokenizer.json").exists()
