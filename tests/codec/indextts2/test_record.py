"""Laws of the record that stands for IndexTTS-2's codec where its weights are not needed."""

import dataclasses
import json

import pytest

from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.codec.load import load_codec, require_codec
from amharic_tts.codec.protocol import Codec, CodecFacts
from amharic_tts.errors import InputError

LATENTS = IndexTTS2Codes(
    codes="a" * 32, encoders="b" * 32, conditioning="latents", conditioning_width=1280, conditioning_rows=33
)
FRAMES = IndexTTS2Codes(
    codes="a" * 32, encoders="", conditioning="frames", conditioning_width=1024, conditioning_rows=0
)


@pytest.mark.parametrize("record", [LATENTS, FRAMES])
def test_a_saved_record_comes_back_as_facts_without_encode_and_decode(record, tmp_path):
    record.save(tmp_path / "codec")
    again = load_codec(tmp_path / "codec")
    assert again == record
    assert again.fingerprint == record.fingerprint
    assert isinstance(again, CodecFacts)
    assert not isinstance(again, Codec)
    assert (again.rate, again.sample_rate, again.size) == (50.0, 16_000, 8192)
    with pytest.raises(InputError, match=r"without the weights.*--features"):
        require_codec(again)


def test_every_fact_is_in_the_fingerprint():
    others = {"codes": "c" * 32, "encoders": "d" * 32, "conditioning_width": 64, "conditioning_rows": 5, "size": 16}
    changed = [dataclasses.replace(LATENTS, **{name: value}) for name, value in others.items()]
    assert len({LATENTS.fingerprint, FRAMES.fingerprint, *(one.fingerprint for one in changed)}) == 2 + len(others)
    assert {field.name for field in dataclasses.fields(LATENTS)} == {*others, "conditioning"}


@pytest.mark.parametrize(
    "change",
    [
        {"conditioning": "mel"},
        {"conditioning": "frames"},  # with an encoder and a fixed number of rows
        {"encoders": ""},
        {"conditioning_rows": 0},
        {"conditioning_width": 0},
        {"codes": ""},
        {"size": 1.5},
    ],
)
def test_facts_that_contradict_each_other_are_refused(change):
    with pytest.raises(ValueError):
        dataclasses.replace(LATENTS, **change)


@pytest.mark.parametrize(
    "change", [{"codes": "c" * 32}, {"format": 2}, {"fingerprint": None}, {"size": "8192"}, {"encoders": None}]
)
def test_a_changed_record_is_refused(change, tmp_path):
    LATENTS.save(tmp_path)
    path = tmp_path / "codec.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(InputError, match=r"codec\.json is damaged.*extract_features"):
        load_codec(tmp_path)
    path.write_text('{"kind": "indextts2"}')
    with pytest.raises(InputError, match="damaged"):
        load_codec(tmp_path)
