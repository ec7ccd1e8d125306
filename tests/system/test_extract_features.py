"""tools/extract_features.py as a person runs it: in processes, with a bad row, killed and run again."""

import contextlib
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from extract.small_base import MODEL, sound, write_base, write_corpus
from system.commands import PROJECT, done, environment, tool

from amharic_tts.audio.files import write_wave
from amharic_tts.codec.load import load_codec
from amharic_tts.data.features import FeatureStore
from amharic_tts.extract.run import ExtractOptions, extract_features

LENGTHS = [0.3, 0.5, 0.42, 0.61, 0.3, 0.77]


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    write_base(folder)
    return folder


def arguments(base, corpus, *more) -> list[str]:
    given = ("--manifest", corpus / "manifest.jsonl", "--base", base, "--out", corpus / "features", *more)
    return [str(one) for one in (*given, "--batch-seconds", 2)]


@pytest.fixture(scope="module")
def extracted(base, tmp_path_factory):
    """A corpus of six rows, of which the first has lost its recording, after a run of two processes; and what it said."""
    folder = tmp_path_factory.mktemp("corpus")
    write_corpus(folder, LENGTHS)
    (folder / "0.wav").unlink()
    return folder, tool("extract_features", *arguments(base, folder, "--device", "cpu,cpu"))


def codes(directory) -> dict[str, list[int]]:
    store = FeatureStore.open(directory)
    return {uid: store[uid].codes.tolist() for uid in store.ids()}


def test_several_processes_give_what_one_process_gives(base, extracted, tmp_path):
    corpus, _ = extracted
    extract_features(ExtractOptions(manifest=corpus / "manifest.jsonl", base=base, directory=tmp_path))
    assert codes(corpus / "features") == codes(tmp_path)
    assert len(list((corpus / "features").glob("part-*"))) == 2
    record = load_codec(corpus / "features/codec")
    assert record == load_codec(tmp_path / "codec")
    assert (record.conditioning, record.conditioning_rows) == ("latents", MODEL.stored_rows)


def test_a_bad_row_is_counted_named_and_makes_the_exit_code_1(base, extracted, tmp_path):
    folder, failed = extracted
    assert failed.returncode == 1, failed.stderr
    assert "5 of 6 rows have features (5 of them made now)" in failed.stdout
    assert "1 rows failed: 1 audio_missing" in failed.stdout
    [line] = (folder / "features/failures-manifest.jsonl").read_text().splitlines()
    row = json.loads(line)
    assert (row["line"], row["reason"]) == (1, "audio_missing")
    assert "0.wav does not exist" in row["detail"]

    mended = Path(shutil.copytree(folder, tmp_path / "mended"))
    write_wave(mended / "0.wav", sound(0.3), 16_000)
    again = done(tool("extract_features", *arguments(base, mended, "--device", "cpu")))
    assert "6 of 6 rows have features (1 of them made now)" in again.stdout
    assert "failed" not in again.stdout
    assert (mended / "features/failures-manifest.jsonl").read_text() == ""
    assert codes(mended / "features").items() > codes(folder / "features").items()


def test_killed_outright_and_run_again_the_features_are_the_same(base, extracted, tmp_path):
    folder, _ = extracted
    corpus = Path(shutil.copytree(folder, tmp_path / "corpus", ignore=shutil.ignore_patterns("features")))
    command = [sys.executable, str(PROJECT / "tools/extract_features.py"), *arguments(base, corpus, "--workers", 2)]
    process = subprocess.Popen(
        [*command, "--device", "cpu"], cwd=PROJECT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    workers: list[str] = []
    deadline = time.monotonic() + 200
    while not list((corpus / "features").glob("part-*")) and process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(OSError):
            workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        time.sleep(0.01)
    assert len(workers) >= 2
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 60
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()], "workers outlive their parent"
    assert tool("extract_features", *arguments(base, corpus, "--device", "cpu")).returncode == 1
    assert codes(corpus / "features") == codes(folder / "features")


def test_a_wrong_argument_is_said_in_a_line(base, extracted):
    refused = tool("extract_features", *arguments(base, extracted[0], "--part", "3/3"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == "error: --part must be I/N with 0 ≤ I < N, not '3/3'\n"
