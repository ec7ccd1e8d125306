"""Laws of the feature store: what went in comes out bit for bit, or is refused."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load, save

from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.data.features import (
    FORMAT,
    INDEX,
    Features,
    FeatureStore,
    _hash_index,
    create_store,
    read_failures,
    write_failures,
    write_part,
)
from amharic_tts.data.manifest import Reject, RejectReason
from amharic_tts.errors import InputError

CODEC = IndexTTS2Codes(
    codes="c" * 32, encoders="e" * 32, conditioning="latents", conditioning_width=6, conditioning_rows=5, size=100
)
FRAMES = IndexTTS2Codes(
    codes="c" * 32, encoders="", conditioning="frames", conditioning_width=6, conditioning_rows=0, size=100
)


def make_features(rows: int, seed: int = 0, codec: IndexTTS2Codes = CODEC) -> dict[str, Features]:
    generator = np.random.default_rng(seed)
    features = {}
    for _ in range(rows):
        count = int(generator.integers(1, 40))
        shape = (codec.conditioning_rows or count, codec.conditioning_width)
        features[generator.bytes(16).hex()] = Features(
            generator.integers(0, codec.size, count).astype(np.int16),
            generator.normal(size=shape).astype(np.float16),
            count / 50 + 0.013,
        )
    features["00" * 16] = features.pop(next(iter(features)))  # ids that end in zero bytes are ids like others
    features["ab" + "00" * 15] = features.pop(next(iter(features)))
    return features


def assert_holds(store: FeatureStore, features: dict[str, Features]) -> None:
    assert list(store.ids()) == sorted(features)
    assert len(store) == len(features)
    for uid, wanted in features.items():
        found = store[uid]
        assert uid in store
        assert found.codes.dtype == np.int16
        assert found.conditioning.dtype == np.float16
        assert np.array_equal(found.codes, wanted.codes)
        assert found.conditioning.tobytes() == wanted.conditioning.tobytes()
        assert found.conditioning.shape == wanted.conditioning.shape
        assert found.seconds == wanted.seconds


@pytest.fixture
def store(tmp_path: Path) -> Path:
    create_store(tmp_path / "store", CODEC)
    return tmp_path / "store"


@pytest.mark.parametrize("codec", [CODEC, FRAMES])
def test_every_row_comes_back_as_it_went_in(tmp_path, codec):
    create_store(tmp_path, codec)
    assert_holds(FeatureStore.open(tmp_path), {})
    one, other = make_features(30, 1, codec), make_features(7, 2, codec)
    other = {uid: row for uid, row in other.items() if uid not in one}
    write_part(tmp_path, one)
    create_store(tmp_path, codec)  # a job that goes on leaves what is there
    write_part(tmp_path, other)
    store = FeatureStore.open(tmp_path)
    assert store.codec == codec
    assert_holds(store, one | other)
    for stranger in ("ff" * 16, "ab", "", "no hex"):
        assert stranger not in store
        with pytest.raises(KeyError):
            store[stranger]


def test_the_same_rows_give_the_same_file(store, tmp_path):
    features = make_features(9)
    path = write_part(store, features)
    content = path.read_bytes()
    assert write_part(store, dict(reversed(features.items()))) == path
    assert path.read_bytes() == content
    assert [path.name for path in store.glob("*part*")] == [path.name]


def test_a_part_is_there_whole_or_not_at_all(store, monkeypatch):
    def full_disk(*_):
        raise OSError("no space left")

    monkeypatch.setattr("amharic_tts.data.features.save", full_disk)
    with pytest.raises(OSError):
        write_part(store, make_features(3))
    assert list(store.glob("*part*")) == []


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
def test_a_truncated_part_is_refused(store, share):
    path = write_part(store, make_features(9))
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=rf"{path.name} is damaged.*remove it and run `python tools/extract_features"):
        FeatureStore.open(store)


def test_any_flipped_byte_is_found(store):
    """When the store is opened, or at the latest when the row is read."""
    features = make_features(4)
    path = write_part(store, features)
    content = path.read_bytes()
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        try:
            opened = FeatureStore.open(store)
            for uid in features:
                opened[uid]
        except InputError as error:
            assert path.name in str(error)  # noqa: PT017
            continue
        assert_holds(opened, features)  # white space of the header
        assert content[place : place + 1] in b" "


def test_a_part_that_vanishes_under_an_open_store_is_an_error_that_names_it(store):
    features = make_features(4)
    path = write_part(store, features)
    opened = FeatureStore.open(store)
    path.unlink()
    with pytest.raises(InputError, match=path.name):
        opened[next(iter(features))]


@pytest.mark.parametrize("change", ["codes", "conditioning"])
def test_tensors_that_do_not_fit_the_index_are_refused(store, change):
    path = write_part(store, make_features(4))
    tensors = load(path.read_bytes())
    with safe_open(path, "np") as file:
        metadata = file.metadata()
    path.write_bytes(save(tensors | {change: tensors[change][:-1]}, metadata))
    with pytest.raises(InputError, match="its index needs"):
        FeatureStore.open(store)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda index: {name: array[:0] for name, array in index.items()}, "its index has no rows"),
        (lambda index: {"ids": np.array(1, "u1")}, "its index has no rows"),
        (lambda index: {"ids": index["ids"][:, :8].copy()}, "ids is uint8 .*8"),
        (lambda index: {"ids": index["ids"].reshape(-1)}, "ids is"),
        (lambda index: {"ids": index["ids"].astype("<i8")}, "ids is int64"),
        (lambda index: {"ids": index["ids"][:-1]}, "codes_end is"),
        (lambda index: {"seconds": index["seconds"][:-1]}, "seconds is"),
        (lambda index: {"seconds": index["seconds"].astype("<f4")}, "seconds is float32"),
        (lambda index: {"crc32": index["crc32"][:1]}, "crc32 is"),
        (lambda index: {"codes_end": np.array(index["codes_end"][-1])}, "codes_end is"),
        (lambda index: {"codes_end": index["codes_end"].astype("<f8")}, "codes_end is float64"),
        (lambda index: {"codes_end": index["codes_end"][[1, 0, 2, 3]]}, "codes_end does not rise"),
        (lambda index: {"codes_end": index["codes_end"] - [99, 0, 0, 0]}, "codes_end does not rise"),
        (
            lambda index: {"conditioning_end": index["conditioning_end"] * [0, 1, 1, 1]},
            "conditioning_end does not rise",
        ),
    ],
)
def test_an_index_that_states_its_own_hash_must_still_be_one(store, change, said):
    """A part that someone made, not one that was damaged on the way."""
    path = write_part(store, make_features(4))
    tensors = load(path.read_bytes())
    tensors |= change({name: tensors[name] for name in INDEX})
    stated = {"format": FORMAT, "codec": CODEC.fingerprint, "index": _hash_index(tensors, CODEC.fingerprint)}
    path.write_bytes(save(tensors, {"store": json.dumps(stated)}))
    with pytest.raises(InputError, match=rf"{path.name} is damaged or not of this store \({said}"):
        FeatureStore.open(store)


@pytest.mark.parametrize("store_entry", ["[]", "3", "null", "{", '{"format": []}', "[" * 9999])
def test_a_part_that_states_nothing_is_refused(store, store_entry):
    path = write_part(store, make_features(3))
    path.write_bytes(save(load(path.read_bytes()), {"store": store_entry}))
    with pytest.raises(InputError, match=rf"{path.name} is damaged"):
        FeatureStore.open(store)


def test_another_codec_is_refused(store, tmp_path):
    other = dataclasses.replace(CODEC, codes="d" * 32)
    with pytest.raises(InputError, match="features of another codec"):
        create_store(store, other)
    with pytest.raises(InputError, match="features of another codec"):
        create_store(store, FRAMES)
    create_store(tmp_path / "other", other)
    stray = write_part(tmp_path / "other", make_features(3))
    shutil.copy(stray, store)
    with pytest.raises(InputError, match=rf"{stray.name}.*it is of codec {other.fingerprint}"):
        FeatureStore.open(store)


def test_a_folder_without_a_store_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"is no feature store.*extract_features"):
        FeatureStore.open(tmp_path)


def test_a_row_in_two_parts_must_be_the_same_in_both(store):
    features = make_features(6)
    half = dict(list(features.items())[:3])
    write_part(store, features)
    path = write_part(store, half)
    assert_holds(FeatureStore.open(store), features)
    uid = next(iter(half))
    changed = dataclasses.replace(half[uid], codes=(half[uid].codes + 1) % 100)
    write_part(store, half | {uid: changed})
    with pytest.raises(InputError, match=rf"different features of row {uid}"):
        FeatureStore.open(store)
    path.unlink()
    assert_holds(FeatureStore.open(store), features)


@pytest.mark.parametrize(
    "change",
    [
        {"codes": np.array([100], dtype=np.int16)},
        {"codes": np.array([-1], dtype=np.int16)},
        {"codes": np.array([3], dtype=np.int64)},
        {"codes": np.array([], dtype=np.int16)},
        {"conditioning": np.zeros((4, 6), np.float16)},
        {"conditioning": np.zeros((5, 7), np.float16)},
        {"conditioning": np.zeros((5, 6), np.float32)},
        {"conditioning": np.full((5, 6), np.inf, np.float16)},
        {"seconds": 0.0},
    ],
)
def test_features_that_the_codec_cannot_have_made_are_not_written(store, change):
    features = make_features(3)
    uid = next(iter(features))
    with pytest.raises(ValueError, match=uid):
        write_part(store, features | {uid: dataclasses.replace(features[uid], **change)})
    with pytest.raises(ValueError):
        write_part(store, {})
    assert list(store.glob("part-*")) == []


def test_failures_of_all_jobs_are_read_by_id(store):
    silent = Reject(line=3, id="1" * 32, reason=RejectReason.AUDIO_EMPTY, detail="ዝምታ")
    missing = Reject(line=9, id="2" * 32, reason=RejectReason.AUDIO_MISSING, detail="gone")
    unnamed = Reject(line=1, id="", reason=RejectReason.INVALID_ROW, detail="no JSON")
    assert read_failures(store) == {}
    write_failures(store, "0-of-2", [silent, unnamed])
    write_failures(store, "1-of-2", [missing])
    assert read_failures(store) == {silent.id: silent, missing.id: missing}
    path = store / "failures-1-of-2.jsonl"
    path.write_text(json.dumps({"line": 1, "reason": "unheard of"}) + "\n")
    with pytest.raises(InputError, match=r"failures-1-of-2\.jsonl is damaged"):
        read_failures(store)
