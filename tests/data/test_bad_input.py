"""Bad input to build_shards: one clear message and exit code 2; with --skip-bad a line in rejects.jsonl instead."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import soundfile

from amharic_tts.data.build import build
from amharic_tts.data.manifest import RejectReason, Row, read_rejects, write_manifest
from amharic_tts.data.read import Dataset
from amharic_tts.data.verify import verify
from amharic_tts.errors import InputError


def spoilt_rows(folder: Path, good: Row) -> dict[RejectReason, Row]:
    """One row for every way to be bad; writes the audio files that they need."""
    (folder / "empty.wav").write_bytes(b"")
    soundfile.write(folder / "no_samples.wav", np.zeros(0), 16000)
    soundfile.write(folder / "tiny.wav", np.zeros(1), 16000)
    (folder / "noise.wav").write_bytes(b"this is no sound file")
    changes = {
        RejectReason.AUDIO_MISSING: {"audio": "missing.wav"},
        RejectReason.AUDIO_EMPTY: {"audio": "empty.wav"},
        RejectReason.AUDIO_UNREADABLE: {"audio": "noise.wav"},
        RejectReason.TEXT_UNREADABLE: {"text": "ሰላም 漢字"},
        RejectReason.TEXT_EMPTY: {"text": ""},
    }
    return {
        reason: dataclasses.replace(good, id=f"{i:032x}", **change)
        for i, (reason, change) in enumerate(changes.items())
    }


@pytest.fixture
def spoilt(corpus, tmp_path):
    """(good rows with absolute content in tmp_path, bad rows by reason)."""
    (tmp_path / "almaz").symlink_to(corpus.folder / "almaz")
    good = [row for row in corpus.rows if row.speaker == "almaz"][:20]
    return good, spoilt_rows(tmp_path, good[0])


@pytest.mark.parametrize(
    "reason", ["audio_missing", "audio_empty", "audio_unreadable", "text_unreadable", "text_empty"]
)
def test_a_bad_row_is_one_clear_error_that_names_it(corpus, spoilt, tmp_path, reason):
    good, bad = spoilt
    write_manifest(tmp_path / "m.jsonl", [*good, bad[reason]])
    with pytest.raises(InputError) as error:
        build(corpus.options(tmp_path / "set", manifest=tmp_path / "m.jsonl"))
    assert f"m.jsonl:{len(good) + 1}: row {bad[reason].id}" in str(error.value)
    assert "--skip-bad" in str(error.value)


def test_skip_bad_rejects_them_with_reasons_and_counts_in_are_counts_out(corpus, spoilt, tmp_path):
    good, bad = spoilt
    manifest = tmp_path / "m.jsonl"
    write_manifest(manifest, [*bad.values(), *good, good[3]])
    with open(manifest, "a") as file:
        file.write('{"id": "broken"}\n')
    lines = len(bad) + len(good) + 2
    options = corpus.options(tmp_path / "set", manifest=manifest, skip_bad=True)
    info = build(options)
    rejects = read_rejects(tmp_path / "set" / "rejects.jsonl")
    assert info.rows == len(good)
    assert info.rows + len(rejects) == lines
    assert info.rejected == len(rejects)
    expected = [
        *((i, reason) for i, reason in enumerate(bad, start=1)),
        (lines - 1, "duplicate_id"),
        (lines, "invalid_row"),
    ]
    assert [(reject.line, reject.reason) for reject in rejects] == expected
    assert {record["id"].tobytes().hex() for record in Dataset.open(tmp_path / "set").rows} == {row.id for row in good}
    assert verify(tmp_path / "set").findings == []
    # an unfinished run that skipped rows does not turn into a data set without saying so
    (tmp_path / "set" / "dataset.json").unlink()
    with pytest.raises(InputError, match="no part of this data set"):
        build(dataclasses.replace(options, skip_bad=False))


def test_rows_skipped_by_an_earlier_run_are_an_error_without_the_option(corpus, spoilt, tmp_path):
    good, bad = spoilt
    write_manifest(tmp_path / "m.jsonl", [*good, bad["audio_missing"]])
    options = corpus.options(tmp_path / "set", manifest=tmp_path / "m.jsonl", skip_bad=True, part=(0, 1))
    build(options)
    with pytest.raises(InputError, match=r"does not exist.*--skip-bad"):
        build(dataclasses.replace(options, skip_bad=False, part=None))
    assert build(dataclasses.replace(options, part=None)).rejected == 1


def test_nothing_but_bad_rows_is_an_error(corpus, spoilt, tmp_path):
    write_manifest(tmp_path / "m.jsonl", [spoilt[1]["text_empty"]])
    with pytest.raises(InputError, match="all 1 rows of the manifest were rejected"):
        build(corpus.options(tmp_path / "set", manifest=tmp_path / "m.jsonl", skip_bad=True))
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match="no usable row"):
        build(corpus.options(tmp_path / "other", manifest=tmp_path / "empty.jsonl"))


def test_audio_too_short_for_one_code_is_rejected_or_coded(corpus, spoilt, tmp_path):
    """One sample: whether it gives a code is the codec's affair; a row without codes never gets into a shard."""
    good, _ = spoilt
    tiny = dataclasses.replace(good[0], id="f" * 32, audio="tiny.wav")
    write_manifest(tmp_path / "m.jsonl", [*good, tiny])
    build(corpus.options(tmp_path / "set", manifest=tmp_path / "m.jsonl", skip_bad=True))
    assert Dataset.open(tmp_path / "set").rows["n_code"].min() > 0


def test_an_error_in_a_worker_process_is_the_same_clear_error(corpus, spoilt, tmp_path, run_tool):
    good, bad = spoilt
    write_manifest(tmp_path / "m.jsonl", [*good, bad["text_unreadable"]])
    arguments = ["--manifest", tmp_path / "m.jsonl", "--out", tmp_path / "set", "--rows-per-shard", 8, "--workers", 2]
    result = run_tool("build_shards.py", *arguments, *folders(corpus))
    check_refused(result, f"row {bad['text_unreadable'].id}")


def test_a_missing_manifest(corpus, tmp_path, run_tool):
    result = run_tool(
        "build_shards.py", "--manifest", tmp_path / "none.jsonl", "--out", tmp_path / "o", *folders(corpus)
    )
    check_refused(result, "none.jsonl does not exist")


def test_a_missing_tokenizer(corpus, tmp_path, run_tool):
    arguments = ["--manifest", corpus.manifest, "--out", tmp_path / "o", "--codec", corpus.folder / "codec"]
    check_refused(run_tool("build_shards.py", *arguments, "--tokenizer", tmp_path / "none"), str(tmp_path / "none"))


def test_a_folder_without_a_data_set(tmp_path, run_tool):
    check_refused(run_tool("verify_shards.py", tmp_path), "is no complete data set")


def test_shards_of_another_tokenizer_are_refused(packed):
    dataset = Dataset.open(packed)
    info = dataset.info
    dataset.require(tokenizer=info.tokenizer, front_end=info.front_end, codec=info.codec)
    for name in ("tokenizer", "front_end", "codec"):
        with pytest.raises(InputError, match=f"another (text )?{name.replace('_', '-')} "):
            dataset.require(**{name: "0" * 32})


def folders(corpus) -> list:
    return ["--tokenizer", corpus.folder / "tokenizer", "--codec", corpus.folder / "codec"]


def check_refused(result, said: str) -> None:
    assert result.returncode == 2, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error:") == 1
