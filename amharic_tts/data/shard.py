"""The bytes of a shard: how one row becomes tar members, and back. See shards/README.md for the format in words."""

import tarfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from amharic_tts.data.manifest import ID_BYTES, Row

FORMAT_VERSION = 2
BLOCK_BYTES = 512  # of tar
RECORD_BYTES = 20 * BLOCK_BYTES  # tar pads an archive to whole records
LONGEST = 65535  # text ids, codes and prompt rows are counted in 16 bits

# One record of rows.bin: 64 bytes, little endian, no padding.
ROW = np.dtype(
    [
        ("id", "u1", (ID_BYTES,)),  # the manifest id as bytes
        ("offset", "<u8"),  # of the row's first tar header in core-NNNNNN.tar
        ("audio_offset", "<u8"),  # the same in audio-NNNNNN.tar
        ("size", "<u4"),  # bytes of all its members with headers and padding
        ("audio_size", "<u4"),  # 0: no audio column
        ("crc32", "<u4"),  # zlib.crc32 over these `size` bytes: payloads, headers and padding
        ("audio_crc32", "<u4"),
        ("speaker", "<u4"),  # index into dataset.json "speakers"
        ("duration", "<f4"),  # seconds
        ("n_text", "<u2"),  # text ids, without start and stop
        ("n_code", "<u2"),  # codes, without start and stop
        ("n_prompt", "<u2"),  # rows of the .cond member; 0: this row is no prompt
        ("block", "<u2"),  # number of its speaker block in the shard; never falls from row to row
    ]
)

# One record of catalog.npy: one shard.
CATALOG = np.dtype(
    [
        ("rows", "<u4"),
        ("longest", "<u4"),  # greatest n_text + n_code of a row
        ("text", "<u8"),  # sum of n_text
        ("codes", "<u8"),  # sum of n_code
        ("core_bytes", "<u8"),
        ("audio_bytes", "<u8"),  # 0: no audio column
        ("rows_crc32", "<u4"),  # zlib.crc32 over the shard's records in rows.bin
        ("core_blake2b", "u1", (16,)),
        ("audio_blake2b", "u1", (16,)),
        ("marker_blake2b", "u1", (16,)),  # over core-NNNNNN.json
    ]
)


class DamagedRow(Exception):
    """The bytes of one row are not those that were packed."""


@dataclass(frozen=True)
class Sample:
    """One row of a shard, decoded.

    json: its manifest row as bytes; ids: uint16 (n_text,); codes: int16 (n_code,); conditioning: float16
    (rows, width) or None where the row is no prompt.
    """

    json: bytes
    ids: np.ndarray
    codes: np.ndarray
    conditioning: np.ndarray | None

    @property
    def row(self) -> Row:
        """The manifest row; parsed only on demand, as training does not need it. Raises InputError."""
        return Row.from_json(self.json)


def core_name(shard: int) -> str:
    """File name of a shard's text and codes."""
    return f"core-{shard:06d}.tar"


def marker_name(shard: int) -> str:
    """File name of what says that a shard is complete; written after all its other files."""
    return f"core-{shard:06d}.json"


def audio_name(shard: int) -> str:
    """File name of a shard's recordings."""
    return f"audio-{shard:06d}.tar"


def tar_members(key: str, members: Mapping[str, bytes]) -> bytes:
    """The tar bytes of one row: for each extension a USTAR header and the payload, padded to whole blocks.

    Time, owner and mode are constants, so the same row always has the same bytes.
    """
    parts = []
    for extension, payload in members.items():
        header = tarfile.TarInfo(f"{key}.{extension}")
        header.size, header.mtime, header.mode = len(payload), 0, 0o444
        parts += [header.tobuf(tarfile.USTAR_FORMAT, "ascii", "strict"), payload, bytes(-len(payload) % BLOCK_BYTES)]
    return b"".join(parts)


def tar_end(written: int) -> bytes:
    """What closes an archive of `written` bytes: two zero blocks, padded to a whole record."""
    return bytes(2 * BLOCK_BYTES + (-(written + 2 * BLOCK_BYTES)) % RECORD_BYTES)


def split_members(extent: bytes) -> dict[str, bytes]:
    """Tar bytes of one row → payload by member name. Raises DamagedRow when they are not whole tar members.

    Reads only name and size of each header: five times faster than tarfile, whose check of the header the index's
    checksum has already made.
    """
    members, at = {}, 0
    while at < len(extent):
        try:
            name = extent[at : at + 100].rstrip(b"\0").decode("ascii")
            size = int(extent[at + 124 : at + 136].rstrip(b" \0"), 8)
        except ValueError as error:  # also UnicodeDecodeError
            raise DamagedRow(f"bad tar header ({error})") from None
        start = at + BLOCK_BYTES
        members[name] = extent[start : start + size]
        if size < 0 or len(members[name]) != size:
            raise DamagedRow(f"member {name} is cut")
        at = start + -(-size // BLOCK_BYTES) * BLOCK_BYTES
    return members


def encode_sample(row: Row, ids: np.ndarray, codes: np.ndarray, conditioning: np.ndarray | None) -> bytes:
    """The tar bytes of one row of the core column. ids (n_text,), codes (n_code,), conditioning (rows, width)."""
    members = {
        "json": row.to_json().encode(),
        "codes": np.ascontiguousarray(codes, dtype="<i2").tobytes(),
        "ids": np.ascontiguousarray(ids, dtype="<u2").tobytes(),
    }
    if conditioning is not None:
        members["cond"] = np.ascontiguousarray(conditioning, dtype="<f2").tobytes()
    return tar_members(row.id, members)


def check_extent(extent: bytes, size: int, crc32: int) -> None:
    """Raises DamagedRow unless these are the `size` bytes whose checksum the index holds."""
    if not extent:
        raise DamagedRow("it lies behind the end of the file")
    if len(extent) != size:
        raise DamagedRow(f"only {len(extent)} of its {size} bytes are in the file")
    if zlib.crc32(extent) != crc32:
        raise DamagedRow("checksum differs from the index")


def decode_sample(extent: bytes, record: np.void, width: int) -> Sample:
    """The row that `record` (of rows.bin) describes, from its tar bytes. Raises DamagedRow when they disagree."""
    check_extent(extent, int(record["size"]), int(record["crc32"]))
    members = split_members(extent)
    key = record["id"].tobytes().hex()
    wanted = {f"{key}.{name}" for name in ("json", "codes", "ids", *(["cond"] if record["n_prompt"] else []))}
    if set(members) != wanted:
        raise DamagedRow(f"members are {sorted(members)}, the index expects {sorted(wanted)}")
    bytes_of = {name: len(members[f"{key}.{name}"]) for name in ("ids", "codes")}
    bytes_of["cond"] = len(members.get(f"{key}.cond", b""))
    lengths = {"ids": int(record["n_text"]), "codes": int(record["n_code"]), "cond": int(record["n_prompt"]) * width}
    for name, length in lengths.items():
        if bytes_of[name] != 2 * length:
            raise DamagedRow(f"the .{name} member has {bytes_of[name]} bytes, the index says {2 * length}")
    conditioning = None
    if record["n_prompt"]:
        conditioning = np.frombuffer(members[f"{key}.cond"], dtype="<f2").reshape(-1, width)
    ids = np.frombuffer(members[f"{key}.ids"], dtype="<u2")
    codes = np.frombuffer(members[f"{key}.codes"], dtype="<i2")
    return Sample(members[f"{key}.json"], ids, codes, conditioning)
