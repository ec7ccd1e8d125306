"""Laws of the bytes of one row."""

import io
import tarfile
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amharic_tts.data.manifest import Row
from amharic_tts.data.shard import ROW, DamagedRow, decode_sample, encode_sample, split_members, tar_end, tar_members

ID = "0123456789abcdef" * 2
MANIFEST_ROW = Row(id=ID, audio="a.wav", text="ሰላም ነው", speaker="s", recording="r", duration=1.0)
WIDTH = 3


def record_of(extent: bytes, ids, codes, conditioning) -> np.void:
    record = np.zeros(1, dtype=ROW)
    record["id"] = np.frombuffer(bytes.fromhex(ID), dtype=np.uint8)
    record["size"], record["crc32"] = len(extent), zlib.crc32(extent)
    record["n_text"], record["n_code"] = len(ids), len(codes)
    record["n_prompt"] = 0 if conditioning is None else len(conditioning)
    return record[0]


def make(frames: int | None = 2):
    ids, codes = np.array([5, 65535]), np.array([-1, 0, 32767])
    conditioning = None if frames is None else np.arange(frames * WIDTH, dtype=np.float16).reshape(frames, WIDTH)
    extent = encode_sample(MANIFEST_ROW, ids, codes, conditioning)
    return extent, record_of(extent, ids, codes, conditioning), ids, codes, conditioning


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=5), st.binary(max_size=1500), min_size=1, max_size=4))
def test_tarfile_reads_what_we_write_and_we_read_what_tarfile_writes(members):
    extent = tar_members("k", members)
    archive = extent + tar_end(len(extent))
    assert len(archive) % 10240 == 0
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        found = {m.name: (tar.extractfile(m).read(), m.mtime) for m in tar.getmembers()}
    assert found == {f"k.{name}": (payload, 0) for name, payload in members.items()}
    assert split_members(extent) == {f"k.{name}": payload for name, payload in members.items()}


@pytest.mark.parametrize("frames", [2, None])
def test_a_row_survives_its_way_through_bytes(frames):
    extent, record, ids, codes, conditioning = make(frames)
    sample = decode_sample(extent, record, WIDTH)
    assert sample.row == MANIFEST_ROW
    assert sample.ids.tolist() == ids.tolist()
    assert sample.codes.tolist() == codes.tolist()
    if frames is None:
        assert sample.conditioning is None
    else:
        assert sample.conditioning.tolist() == conditioning.tolist()


@settings(max_examples=300)
@given(st.data())
def test_any_flipped_bits_of_one_byte_are_noticed(data):
    extent, record, *_ = make()
    damaged = bytearray(extent)
    damaged[data.draw(st.integers(0, len(extent) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedRow, match="checksum"):
        decode_sample(bytes(damaged), record, WIDTH)


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 1024, -1])
def test_any_cut_is_noticed(length):
    extent, record, *_ = make()
    with pytest.raises(DamagedRow, match="behind the end" if length == 0 else "only"):
        decode_sample(extent[:length], record, WIDTH)


def test_a_record_of_another_row_is_noticed_though_its_checksum_fits():
    extent, record, *_ = make()
    for field, value in {"id": 0, "n_text": 3, "n_code": 2, "n_prompt": 1}.items():
        other = record.copy()
        other[field] = value
        with pytest.raises(DamagedRow, match=r"index (expects|says)"):
            decode_sample(extent, other, WIDTH)
    other = record.copy()
    other["n_prompt"] = 0
    with pytest.raises(DamagedRow, match="members are"):
        decode_sample(extent, other, WIDTH)
