"""Laws of packing: the same bytes whatever happens on the way, fair blocks, and a format that others read."""

import os
import shutil
import signal
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile
import webdataset
from hypothesis import given, settings
from hypothesis import strategies as st

from amharic_tts.codec.load import load_codec
from amharic_tts.data.build import build
from amharic_tts.data.finalize import finalize
from amharic_tts.data.manifest import Row, read_manifest, write_manifest
from amharic_tts.data.pack import WORK, PackJob, is_packed, pack_shard
from amharic_tts.data.pack_plan import PackSettings, describe_packing, freeze, load_plan
from amharic_tts.data.read import Dataset
from amharic_tts.data.source import Recordings
from amharic_tts.errors import InputError
from amharic_tts.text.tokenizer import Tokenizer


def content(directory: Path) -> dict[str, bytes]:
    return {str(p.relative_to(directory)): p.read_bytes() for p in sorted(directory.rglob("*")) if p.is_file()}


def records_by_id(dataset: Dataset) -> dict[str, np.void]:
    return {record["id"].tobytes().hex(): record for record in dataset.rows}


# ---- the same bytes ----


def test_two_processes_write_the_bytes_that_one_writes(corpus, packed, tmp_path):
    build(corpus.options(tmp_path / "set", audio=True, workers=2))
    assert content(tmp_path / "set") == content(packed)


def test_parts_of_a_job_array_write_the_same_bytes(corpus, packed, tmp_path):
    for i in (2, 0, 1):
        assert build(corpus.options(tmp_path / "set", audio=True, part=(i, 3))) is None
    build(corpus.options(tmp_path / "set", audio=True))
    assert content(tmp_path / "set") == content(packed)


def test_stopped_at_any_block_and_run_again_the_bytes_are_the_same(corpus, packed, tmp_path, monkeypatch):
    """The process dies after ever more blocks; what it leaves is whatever a power cut would leave."""

    class PowerCut(BaseException):
        pass

    directory = tmp_path / "set"
    for survived in (0, 2, 3):
        left = iter(range(survived))  # blocks that this run still packs

        def dying(job, shard, progress, left=left):
            def count(rows):
                progress(rows)
                if next(left, None) is None:
                    # a killed process does not tidy up: a torn temporary file, and a torn shard without marker
                    (directory / ".core-000001.tar.1.tmp").write_bytes(b"torn")
                    (directory / "core-000003.tar").write_bytes(b"torn")
                    raise PowerCut

            pack_shard(job, shard, count)

        monkeypatch.setattr("amharic_tts.data.build.pack_shard", dying)
        with pytest.raises(PowerCut):
            build(corpus.options(directory, audio=True))
        assert not (directory / "dataset.json").exists()
    monkeypatch.undo()
    build(corpus.options(directory, audio=True))
    assert content(directory) == content(packed)


def test_killed_outright_and_run_again_the_bytes_are_the_same(corpus, packed, tmp_path, run_tool):
    directory = tmp_path / "set"
    arguments = ["--manifest", corpus.manifest, "--out", directory, "--tokenizer", corpus.folder / "tokenizer"]
    arguments += ["--codec", corpus.folder / "codec", "--rows-per-shard", 16, "--audio", "--workers", 2]
    process = run_tool("build_shards.py", *arguments, wait=False)
    deadline = time.monotonic() + 60
    while not list(directory.glob("core-*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()], "workers outlive their parent"
    build(corpus.options(directory, audio=True))
    assert content(directory) == content(packed)


def test_a_finished_data_set_is_left_alone_and_a_lost_shard_is_made_again(corpus, copy, packed):
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.is_file()}
    build(corpus.options(copy, audio=True))
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*") if path.is_file()} == before
    (copy / "core-000001.tar").unlink()
    (copy / "audio-000002.tar").write_bytes(b"short")
    build(corpus.options(copy, audio=True))
    assert content(copy) == content(packed)


def test_a_lost_shard_whose_audio_has_changed_is_not_replaced_by_another(corpus, packed, tmp_path):
    folder = Path(shutil.copytree(corpus.folder, tmp_path / "corpus"))
    directory = Path(shutil.copytree(packed, tmp_path / "set"))
    for path in folder.glob("*/*.flac"):
        samples, rate = soundfile.read(path)
        soundfile.write(path, samples[::-1], rate)
    (directory / "core-000001.tar").unlink()
    with pytest.raises(InputError, match=r"is not the one that was lost|catalog says"):
        build(corpus.options(directory, audio=True, manifest=folder / "manifest.jsonl"))


# ---- refusals ----


def test_other_settings_in_the_same_folder_are_refused_and_named(corpus, copy):
    with pytest.raises(InputError, match="rows_per_shard was 16, is 17"):
        build(corpus.options(copy, audio=True, rows_per_shard=17))
    with pytest.raises(InputError, match="audio was True, is False"):
        build(corpus.options(copy))


def test_a_folder_with_something_else_is_refused(corpus, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        build(corpus.options(tmp_path))


def test_finalize_refuses_gaps(corpus, tmp_path):
    directory = tmp_path / "set"
    build(corpus.options(directory, part=(0, 2)))
    plan = load_plan(directory / WORK / "plan.npz")
    tokenizer, codec = Tokenizer.load(corpus.folder / "tokenizer"), load_codec(corpus.folder / "codec")
    with pytest.raises(InputError, match=r"2 of 4 shards .* \(numbers 1, 3\)"):
        finalize(directory, plan, tokenizer, codec)
    assert not (directory / "dataset.json").exists()
    job = PackJob(corpus.manifest, directory, plan, tokenizer, Recordings(codec), skip_bad=False)
    for shard in (1, 3):
        pack_shard(job, shard)
        assert is_packed(directory, plan.hash, shard, needs_part=True)
    (directory / WORK / "000001.rows").write_bytes(bytes(len((directory / WORK / "000001.rows").read_bytes())))
    with pytest.raises(InputError, match=r"000001\.rows is damaged"):
        finalize(directory, plan, tokenizer, codec)


@pytest.mark.parametrize("bad", [{"rows_per_shard": 0}, {"prompts_per_block": 1}, {"prompt_seconds": 0}])
def test_settings_out_of_range_are_refused(bad):
    with pytest.raises(InputError):
        PackSettings(**bad)


# ---- content ----


def test_stock_webdataset_reads_the_shards_unchanged(corpus, packed):
    """Both columns, in the same order; every member decodes to what the tokenizer and codec give."""
    tokenizer, codec = Tokenizer.load(packed / "tokenizer"), load_codec(packed / "codec")
    expected = {row.id: row for row in corpus.rows}
    core = webdataset.WebDataset([str(p) for p in sorted(packed.glob("core-*.tar"))], shardshuffle=False)
    audio = webdataset.WebDataset([str(p) for p in sorted(packed.glob("audio-*.tar"))], shardshuffle=False)
    keys, prompts = [], 0
    for sample in core:
        row = Row.from_json(sample["json"])
        keys.append(sample["__key__"])
        assert row == expected[sample["__key__"]]
        assert np.frombuffer(sample["ids"], "<u2").tolist() == tokenizer.encode(row.text)
        codes = np.frombuffer(sample["codes"], "<i2")
        assert 0 <= codes.min() <= codes.max() < codec.size
        assert abs(len(codes) - row.duration * codec.rate) <= 2
        if "cond" in sample:
            prompts += 1
            assert len(np.frombuffer(sample["cond"], "<f2")) % codec.conditioning_width == 0
    assert sorted(keys) == sorted(expected)
    assert 0 < prompts < len(keys)
    audio_samples = [(sample["__key__"], sample["flac"]) for sample in audio]
    assert [key for key, _ in audio_samples] == keys


def test_the_audio_column_holds_the_recordings(corpus, packed):
    dataset = Dataset.open(packed)
    audio_of = {row.id: row.audio for row in corpus.rows}
    with dataset.reader() as reader:
        for row in range(int(dataset.catalog["rows"][0])):
            uid = dataset.rows[row]["id"].tobytes().hex()
            (packed.parent / "a.flac").write_bytes(reader.read_audio(0, row))
            found, rate = soundfile.read(packed.parent / "a.flac")
            wanted, _ = soundfile.read(corpus.folder / audio_of[uid])
            assert rate == 16000
            assert np.abs(found - wanted).max() < 1e-4


def test_blocks_have_one_speaker_8_to_16_rows_and_prompts(corpus, packed):
    dataset = Dataset.open(packed)
    speakers = {row.id: row.speaker for row in corpus.rows}
    sizes = defaultdict(list)
    for shard in range(dataset.info.shards):
        records = dataset.rows_of_shard(shard)
        assert (np.diff(records["block"].astype(int)) >= 0).all()
        for block in np.unique(records["block"]):
            of_block = records[records["block"] == block]
            names = {speakers[uid.tobytes().hex()] for uid in of_block["id"]}
            assert names == {dataset.info.speakers[i] for i in of_block["speaker"]}
            assert len(names) == 1
            assert (of_block["n_prompt"] > 0).sum() == min(3, len(of_block))
            sizes[names.pop()].append(len(of_block))
    assert sorted(sizes["almaz"]) == [13, 14, 14]
    assert dict(sizes) | {"almaz": 0} == {"almaz": 0, "bekele": [16], "chaltu": [5], "dawit": [1]}
    assert dataset.info.own_prompt_rows == 1  # dawit's only row


@settings(max_examples=40)
@given(st.lists(st.integers(1, 100), min_size=1, max_size=4), st.integers(8, 60), st.integers(0, 9))
def test_every_row_has_one_place_and_shards_are_fair(tmp_path_factory, counts, rows_per_shard, seed):
    rows = [
        Row(id=f"{s:016x}{i:016x}", audio="a.wav", text="ሀ", speaker=f"s{s}", recording="r", duration=1.0)
        for s, count in enumerate(counts)
        for i in range(count)
    ]
    path = tmp_path_factory.mktemp("frozen") / "m.jsonl"
    write_manifest(path, rows)
    plan = freeze(
        path, describe_packing(path, PackSettings(rows_per_shard=rows_per_shard, seed=seed), {}, "recordings")
    )
    assert sorted(plan.line.tolist()) == list(range(1, len(rows) + 1))
    lines = path.read_bytes().splitlines(keepends=True)
    starts = np.concatenate([[0], np.cumsum([len(line) for line in lines])])
    assert plan.offset.tolist() == starts[plan.line - 1].tolist()
    assert [plan.speakers[i] for i in plan.speaker] == [rows[line - 1].speaker for line in plan.line]
    sizes = np.diff(plan.first_row)
    assert sizes.sum() == len(rows)
    assert sizes.min() > 0
    assert sizes.max() <= len(rows) / plan.shards + 2 * 16  # a cut falls between blocks


def test_counts_in_are_counts_out(corpus, packed):
    info = Dataset.open(packed).info
    assert info.rows == len(read_manifest(corpus.manifest)) == len(corpus.rows)
    assert info.rejected == 0
    assert (packed / "rejects.jsonl").read_bytes() == b""
