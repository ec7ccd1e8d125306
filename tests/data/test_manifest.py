"""Laws of the manifest: what is written is read back, what breaks the schema is refused with its place."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amharic_tts.data.manifest import (
    Reject,
    RejectReason,
    Row,
    audio_path,
    read_manifest,
    read_rejects,
    row_id,
    write_manifest,
    write_rejects,
)
from amharic_tts.errors import InputError

GOOD = {"id": "0" * 32, "audio": "a/b.wav", "text": "ሰላም", "speaker": "s", "recording": "r", "duration": 1.5}
words = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
seconds = st.floats(0, 1e5)
rows = st.builds(
    lambda start, length, **values: Row(start=start, end=None if start is None else start + length, **values),
    id=st.binary(min_size=16, max_size=16).map(bytes.hex),
    audio=st.just("a/b.wav"),
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
    speaker=words,
    recording=words,
    duration=seconds,
    language=words,
    start=st.none() | st.floats(0, 1e4),
    length=st.floats(0.1, 100),
    emotion=st.none() | words,
    scores=st.dictionaries(words, st.floats(allow_nan=False, allow_infinity=False), max_size=3),
)


@given(st.lists(rows, max_size=5))
def test_rows_survive_writing_and_reading(tmp_path_factory, some):
    path = tmp_path_factory.mktemp("manifest") / "m.jsonl"
    write_manifest(path, some)
    assert read_manifest(path) == some


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"audio": "../secret.wav"}, "must stay in the manifest's folder"),
        ({"audio": "/etc/passwd"}, "must stay in the manifest's folder"),
        ({"audio": "a/../../b.wav"}, "must stay in the manifest's folder"),
        ({"audio": ""}, "must stay in the manifest's folder"),
        ({"id": "../../x"}, "32 hex digits"),
        ({"id": "A" * 32}, "32 hex digits"),
        ({"duration": float("nan")}, "duration"),
        ({"duration": -1}, "duration"),
        ({"duration": True}, "duration"),
        ({"speaker": 3}, "speaker must be a string"),
        ({"speaker": ""}, "speaker is empty"),
        ({"start": 2.0, "end": 1.0}, "not after start"),
        ({"scores": {"mos": "good"}}, "scores"),
        ({"speeker": "s"}, "did you mean 'speaker'"),
    ],
)
def test_a_broken_row_is_refused_with_file_and_line(tmp_path, change, said):
    path = tmp_path / "m.jsonl"
    path.write_text(json.dumps(GOOD) + "\n\n" + json.dumps({**GOOD, **change}) + "\n")
    with pytest.raises(InputError) as error:
        read_manifest(path)
    assert said in str(error.value)
    assert f"{path}:3:" in str(error.value)


@pytest.mark.parametrize("line", [b"{", b"[]", b"3", b"\xff\xfe", b'{"id": "0"}'])
def test_a_line_that_is_no_row_is_refused(tmp_path, line):
    path = tmp_path / "m.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(InputError, match=r"m\.jsonl:1"):
        read_manifest(path)


def test_a_missing_manifest_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_manifest(tmp_path / "none.jsonl")


def test_audio_lies_beside_the_manifest(tmp_path):
    assert audio_path(tmp_path / "m.jsonl", Row(**GOOD)) == tmp_path / "a/b.wav"


def test_an_id_follows_samples_and_text_and_nothing_else():
    wave = np.linspace(-1, 1, 100, dtype=np.float32)
    assert row_id(wave, "ሀ") == row_id(wave.astype(np.float64), "ሀ")
    others = [row_id(wave, "ለ"), row_id(wave[:-1], "ሀ"), row_id(-wave, "ሀ"), row_id(wave, "")]
    assert len({row_id(wave, "ሀ"), *others}) == 5
    Row(**{**GOOD, "id": others[0]})


def test_rejects_survive_and_are_sorted_by_line(tmp_path):
    some = [Reject(line=3 - i, id="", reason=reason, detail="ምክንያት") for i, reason in enumerate(list(RejectReason)[:3])]
    write_rejects(tmp_path / "r.jsonl", some)
    assert read_rejects(tmp_path / "r.jsonl") == some[::-1]


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85", "\x1c", "\v", "\r", "\n", "\r\n"])
def test_a_detail_may_hold_any_character_that_breaks_lines(tmp_path, mark):
    some = [Reject(line=n, id="", reason=RejectReason.INVALID_ROW, detail=f"one{mark}two") for n in (1, 2)]
    write_rejects(tmp_path / "r.jsonl", some)
    assert read_rejects(tmp_path / "r.jsonl") == some


def test_an_interrupted_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "m.jsonl"
    write_manifest(path, [Row(**GOOD)])

    def broken():
        yield Row(**{**GOOD, "text": "ሌላ"})
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_manifest(path, broken())
    assert read_manifest(path) == [Row(**GOOD)]
    assert list(tmp_path.iterdir()) == [path]
