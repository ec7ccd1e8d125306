"""The damage matrix: what tar readers pass over in silence is found by verify_shards and by training.

(A tar cut at a row's boundary or with one byte of a header flipped reads as a shorter tar without any exception in
`tarfile` and `webdataset`: research/DATA.md §1.1.)
"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from amharic_tts.data.build import build
from amharic_tts.data.load import load_all
from amharic_tts.data.read import Dataset
from amharic_tts.data.shard import ROW
from amharic_tts.data.verify import verify
from amharic_tts.errors import InputError

SHARD = 1
MIDDLE = 5  # the row of the shard that most damage hits
BUDGET = 4096


def records(directory: Path) -> np.ndarray:
    catalog = np.load(directory / "catalog.npy")
    first = int(catalog["rows"][:SHARD].sum())
    return np.fromfile(directory / "rows.bin", dtype=ROW)[first : first + int(catalog["rows"][SHARD])]


def cut(path: Path, size: int) -> None:
    with open(path, "r+b") as file:
        file.truncate(size)


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 0x10
    path.write_bytes(content)


def core(directory: Path) -> Path:
    return directory / f"core-{SHARD:06d}.tar"


def offset(directory: Path, column: str = "offset") -> int:
    return int(records(directory)[MIDDLE][column])


# name → (what to do to a packed directory, which rows of the shard it damages)
SHARD_DAMAGE: dict[str, tuple[Callable[[Path], None], slice]] = {
    "cut at a row's boundary": (lambda d: cut(core(d), offset(d)), slice(MIDDLE, None)),
    "cut inside a row": (lambda d: cut(core(d), offset(d) + 900), slice(MIDDLE, None)),
    "cut between the members of a row": (lambda d: cut(core(d), offset(d) + 1024), slice(MIDDLE, None)),
    "cut in a header": (lambda d: cut(core(d), offset(d) + 100), slice(MIDDLE, None)),
    "flipped byte in a header": (lambda d: flip(core(d), offset(d) + 130), slice(MIDDLE, MIDDLE + 1)),
    "flipped byte in a payload": (lambda d: flip(core(d), offset(d) + 520), slice(MIDDLE, MIDDLE + 1)),
    "missing shard": (lambda d: core(d).unlink(), slice(None)),
}


@pytest.mark.parametrize("name", SHARD_DAMAGE)
def test_verify_names_exactly_the_damaged_rows(copy, name):
    damage, rows = SHARD_DAMAGE[name]
    expected = [record["id"].tobytes().hex() for record in records(copy)[rows]]
    damage(copy)
    result = verify(copy)
    named = [uid for finding in result.findings for uid in finding.ids]
    assert named == expected
    assert result.damaged_rows == len(expected)
    assert {finding.file for finding in result.findings} == {f"core-{SHARD:06d}.tar"}


@pytest.mark.parametrize("name", [name for name in SHARD_DAMAGE if not name.startswith("flipped")])
def test_a_cut_or_missing_shard_is_refused_when_training_opens_the_data(copy, name):
    SHARD_DAMAGE[name][0](copy)
    with pytest.raises(InputError, match=rf"core-{SHARD:06d}\.tar (is missing|has \d+ bytes)"):
        Dataset.open(copy)


@pytest.mark.parametrize("name", SHARD_DAMAGE)
def test_damage_that_happens_while_training_is_found_by_the_reader(copy, tmp_path, name):
    """One damaged row costs its weight and a line in the log, more than 1 in 10 000 end the run."""
    damage, rows = SHARD_DAMAGE[name]
    expected = [record["id"].tobytes().hex() for record in records(copy)[rows]]
    dataset = Dataset.open(copy)
    damage(copy)
    log = tmp_path / "quarantine.jsonl"
    steps = load_all(dataset, 0, 1, BUDGET, quarantine=log, threads=1)
    if len(expected) > 1:
        with pytest.raises(InputError, match="more than 1 in 10 000"):
            list(steps)
        assert {json.loads(line)["id"] for line in log.read_text().splitlines()} <= set(expected)
        return
    batches = [batch for step in steps for batch in step.microbatches]
    weights = {uid: float(w) for batch in batches for uid, w in zip(batch.uids, batch.weight) if uid}
    assert [uid for uid, weight in weights.items() if weight == 0] == expected
    assert len(weights) == dataset.info.rows
    (line,) = map(json.loads, log.read_text().splitlines())
    assert (line["shard"], line["row"], line["id"]) == (SHARD, MIDDLE, expected[0])


def test_a_flipped_byte_anywhere_is_found(copy):
    """Every file of the data set, at its first, middle and last byte and at random places."""
    generator = np.random.default_rng(0)
    for path in sorted(p for p in copy.rglob("*") if p.is_file() and p.stat().st_size):
        good = path.read_bytes()
        for place in {0, len(good) // 2, len(good) - 1, int(generator.integers(len(good)))}:
            flip(path, place)
            assert verify(copy).findings, f"{path.name} at byte {place}"
            path.write_bytes(good)
    assert verify(copy).findings == []


def test_a_missing_or_shortened_file_of_any_kind_is_found(copy):
    for path in sorted(p for p in copy.rglob("*") if p.is_file() and p.name != "dataset.json"):
        good = path.read_bytes()
        path.unlink()
        assert verify(copy).findings, path.name
        if good:
            path.write_bytes(good[:-1])
            assert verify(copy).findings, path.name
        path.write_bytes(good)


def test_a_damaged_recording_is_named(copy):
    expected = records(copy)[MIDDLE]["id"].tobytes().hex()
    flip(copy / f"audio-{SHARD:06d}.tar", offset(copy, "audio_offset") + 600)
    findings = verify(copy).findings
    assert [uid for finding in findings for uid in finding.ids] == [expected]
    assert {finding.file for finding in findings} == {f"audio-{SHARD:06d}.tar"}


@pytest.mark.parametrize("files", [["catalog.npy"], ["rows.bin"], ["catalog.npy", "rows.bin"]])
def test_the_index_of_another_data_set_is_found(corpus, copy, tmp_path, files):
    """The other set has the same rows in as many shards, in another order."""
    other = corpus.options(tmp_path / "other", audio=True)
    build(_with_seed(other, 1))
    for name in files:
        shutil.copy(tmp_path / "other" / name, copy / name)
    findings = verify(copy).findings
    assert set(files) & {finding.file for finding in findings}
    with pytest.raises(InputError):
        list(load_all(Dataset.open(copy), 0, 1, BUDGET))


def test_a_flipped_byte_in_rows_bin_stops_training_before_it_changes_the_plan(copy):
    """One bit of a length would move the cuts between steps, on the machines that read this copy only."""
    first = int(np.load(copy / "catalog.npy")["rows"][:SHARD].sum())
    flip(copy / "rows.bin", (first + MIDDLE) * ROW.itemsize + ROW.fields["n_code"][1])
    dataset = Dataset.open(copy)
    dataset.rows_of_shard(SHARD - 1)
    with pytest.raises(InputError, match=f"rows.bin is damaged: records of shard {SHARD} "):
        dataset.rows_of_shard(SHARD)
    with pytest.raises(InputError, match=r"rows\.bin is damaged"):
        next(load_all(dataset, 0, 1, BUDGET))


def test_the_whole_index_of_another_data_set_is_found(corpus, copy, tmp_path):
    build(_with_seed(corpus.options(tmp_path / "other", audio=True), 1))
    for name in ("catalog.npy", "rows.bin", "dataset.json"):
        shutil.copy(tmp_path / "other" / name, copy / name)
    result = verify(copy)
    assert result.damaged_rows == result.info.rows
    with pytest.raises(InputError):
        list(load_all(Dataset.open(copy), 0, 1, BUDGET))


def test_a_shard_that_no_catalog_knows_is_found(copy):
    shutil.copy(core(copy), copy / "core-000099.tar")
    assert [(finding.file, finding.what) for finding in verify(copy).findings] == [
        ("core-000099.tar", "is not in the catalog")
    ]


def test_the_tool_ends_with_1_and_names_the_rows_and_with_0_on_clean_data(packed, copy, run_tool):
    clean = run_tool("verify_shards.py", packed)
    assert clean.returncode == 0, clean.stderr
    assert f"clean, {Dataset.open(packed).info.rows} rows in 4 shards" in clean.stdout
    expected = records(copy)[MIDDLE]["id"].tobytes().hex()
    flip(core(copy), offset(copy) + 600)
    damaged = run_tool("verify_shards.py", copy)
    assert damaged.returncode == 1, damaged.stderr
    assert f"core-{SHARD:06d}.tar: damaged rows: checksum differs from the index\n  {expected}\n" in damaged.stdout
    assert "Traceback" not in damaged.stderr


def _with_seed(options, seed):
    return dataclasses.replace(options, settings=dataclasses.replace(options.settings, seed=seed))
