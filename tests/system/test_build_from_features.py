"""From a feature store to shards through the real commands, with no recording on the machine."""

import shutil

import numpy as np
import pytest
from system.commands import done, tool

from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.data.features import Features, create_store, write_part
from amharic_tts.data.manifest import read_manifest
from amharic_tts.data.read import Dataset

LATENTS = IndexTTS2Codes(
    codes="c" * 32, encoders="e" * 32, conditioning="latents", conditioning_width=32, conditioning_rows=5
)


@pytest.fixture
def stored(corpus, tmp_path):
    """(manifest without recordings, its rows, features of all rows by id)."""
    manifest = shutil.copy(corpus.folder / "held_out_texts.jsonl", tmp_path / "m.jsonl")
    rows, generator = read_manifest(manifest), np.random.default_rng(0)
    features = {
        row.id: Features(
            generator.integers(0, 8192, int(row.duration * 50)).astype(np.int16),
            generator.normal(size=(5, 32)).astype(np.float16),
            row.duration,
        )
        for row in rows
    }
    create_store(tmp_path / "store", LATENTS)
    return manifest, rows, features


def test_features_become_shards_that_verify(corpus, stored, tmp_path):
    manifest, rows, features = stored
    write_part(tmp_path / "store", features)
    made_with = ("--tokenizer", corpus.folder / "tokenizer", "--features", tmp_path / "store", "--workers", 2)
    result = done(tool("build_shards", "--manifest", manifest, "--out", tmp_path / "set", *made_with))
    assert f"{len(rows)} rows in 1 shards, 0 rejected" in result.stdout
    assert "clean" in done(tool("verify_shards", tmp_path / "set")).stdout
    assert Dataset.open(tmp_path / "set").info.conditioning_rows == 5


def test_a_missing_row_is_one_clear_error_and_with_skip_bad_a_reject(corpus, stored, tmp_path):
    manifest, rows, features = stored
    gone = features.pop(rows[1].id)
    assert gone
    write_part(tmp_path / "store", features)
    command = ("--manifest", manifest, "--out", tmp_path / "set", "--tokenizer", corpus.folder / "tokenizer")
    command += ("--features", tmp_path / "store")
    result = tool("build_shards", *command)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert f"m.jsonl:2: row {rows[1].id}: the feature store does not hold it" in result.stderr
    assert "python tools/extract_features.py" in result.stderr
    assert f"{len(rows) - 1} rows in 1 shards, 1 rejected" in done(tool("build_shards", *command, "--skip-bad")).stdout


@pytest.mark.parametrize("codec", [(), ("--codec", "codec", "--features", "store")])
def test_neither_or_both_sources_are_refused(tmp_path, codec):
    result = tool("build_shards", "--manifest", "m.jsonl", "--out", tmp_path / "set", "--tokenizer", "t", *codec)
    assert result.returncode == 2
    assert "--codec" in result.stderr
    assert "--features" in result.stderr
    assert not (tmp_path / "set").exists()


def test_a_folder_that_is_no_store_is_refused(corpus, stored, tmp_path):
    manifest = stored[0]
    made_with = ("--tokenizer", corpus.folder / "tokenizer", "--features", tmp_path)
    result = tool("build_shards", "--manifest", manifest, "--out", tmp_path / "set", *made_with)
    assert result.returncode == 2
    assert "is no feature store" in result.stderr
    assert "Traceback" not in result.stderr
