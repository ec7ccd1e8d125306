"""The feature store: codes and conditioning of recordings, computed once and packed as often as one likes.

A folder of parts, each a safetensors file of some hundred rows whose tensors are joined end to end. A row is found by
its manifest id, a hash of samples and text, so features of a recording that has changed are never taken for its own.
Every row has a checksum and every part a hash of its index. shards/README.md has the format in words.
"""

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from amharic_tts.codec.load import load_codec
from amharic_tts.codec.protocol import RECORD_FILE, CodecFacts
from amharic_tts.data.manifest import ID_BYTES, Reject, read_rejects, write_rejects
from amharic_tts.errors import InputError
from amharic_tts.publish import publish

FORMAT = 1
COMMAND = "python tools/extract_features.py …"
CODEC = "codec"  # folder of the codec in the store
# The index of a part: shape behind (rows,) or, for ends, where each row's share of a joined tensor ends.
INDEX = {
    "ids": np.dtype("u1"),  # (rows, 16)
    "codes_end": np.dtype("<i8"),
    "conditioning_end": np.dtype("<i8"),
    "seconds": np.dtype("<f8"),
    "crc32": np.dtype("<u4"),  # zlib.crc32 over the bytes of the row's codes, then of its conditioning
}


@dataclass(frozen=True)
class Features:
    """What a codec makes of one recording. codes: int16 (n,); conditioning: float16 (rows, width), of as much of the
    recording as the codec reads of a prompt (IndexTTS-2: its first 15 s); seconds: of the whole recording."""

    codes: np.ndarray
    conditioning: np.ndarray
    seconds: float


def create_store(directory: str | Path, codec: CodecFacts) -> None:
    """Makes a store for features of `codec`, or leaves one as it is. InputError when it is one of another codec."""
    directory = Path(directory) / CODEC
    if not (directory / RECORD_FILE).is_file():
        codec.save(directory)
    found = load_codec(directory)
    if found.fingerprint != codec.fingerprint:
        raise InputError(
            f"{directory.parent} holds features of another codec (fingerprint {found.fingerprint}, now "
            f"{codec.fingerprint}: another base, or another kind of conditioning): give --out another folder"
        )


def write_part(directory: str | Path, features: Mapping[str, Features]) -> Path:
    """Adds rows, by manifest id, to a store; returns the file, which is there whole or not at all.

    Its name is a hash of the ids, its bytes follow from the features alone. Raises ValueError for features that the
    store's codec cannot have made.
    """
    directory = Path(directory)
    codec = load_codec(directory / CODEC)
    if not features:
        raise ValueError("a part without rows")
    for uid, one in features.items():
        _require_made_by(codec, uid, one)
    uids = sorted(features)
    rows = [features[uid] for uid in uids]
    codes = [np.ascontiguousarray(row.codes, dtype="<i2") for row in rows]
    conditioning = [np.ascontiguousarray(row.conditioning, dtype="<f2") for row in rows]
    index = {
        "ids": np.frombuffer(bytes.fromhex("".join(uids)), dtype="u1").reshape(-1, ID_BYTES),
        "codes_end": np.cumsum([len(one) for one in codes], dtype="<i8"),
        "conditioning_end": np.cumsum([len(one) for one in conditioning], dtype="<i8"),
        "seconds": np.array([row.seconds for row in rows], dtype="<f8"),
        "crc32": np.array([_crc32(*one) for one in zip(codes, conditioning)], dtype="<u4"),
    }
    tensors = {**index, "codes": np.concatenate(codes), "conditioning": np.concatenate(conditioning)}
    stated = {"format": FORMAT, "codec": codec.fingerprint, "index": _hash_index(index, codec.fingerprint)}
    name = hashlib.blake2b(index["ids"].tobytes(), digest_size=ID_BYTES).hexdigest()
    path = directory / f"part-{name}.safetensors"
    with publish(path) as file:
        file.write(save(tensors, {"store": json.dumps(stated)}))  # one entry: several would come in any order
    return path


def write_failures(directory: str | Path, name: str, failures: Iterable[Reject]) -> None:
    """Writes failures-<name>.jsonl: the manifest rows that one job of extraction could not make features of."""
    write_rejects(Path(directory) / f"failures-{name}.jsonl", failures)


def read_failures(directory: str | Path) -> dict[str, Reject]:
    """The failed rows of all jobs by their id; lines of a manifest without a readable id are left out.

    A row may have failed once and be in the store by now. Raises InputError that names a damaged file.
    """
    failures = {}
    for path in sorted(Path(directory).glob("failures-*.jsonl")):
        try:
            failures |= {one.id: one for one in read_rejects(path) if one.id}
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{path} is damaged ({error}): remove it and run `{COMMAND}` again") from None
    return failures


@dataclass(frozen=True)
class FeatureStore:
    """A store, opened: its index is in memory, its rows stay on disk. May be read by several threads."""

    directory: Path
    codec: CodecFacts
    parts: list[Path]
    index: dict[str, np.ndarray]  # arrays of INDEX and "part", all (rows, …), sorted by id

    @classmethod
    def open(cls, directory: str | Path) -> "FeatureStore":
        """Reads and checks the index of all parts. Raises InputError for a folder without a store, a damaged part, a
        part of another codec, and a row of which two parts hold different features."""
        directory = Path(directory)
        if not (directory / CODEC / RECORD_FILE).is_file():
            raise InputError(
                f"{directory} is no feature store (there is no {CODEC}/{RECORD_FILE}): `{COMMAND}` makes one"
            )
        codec = load_codec(directory / CODEC)
        parts = sorted(directory.glob("part-*.safetensors"))
        indices = [_read_index(path, codec, number) for number, path in enumerate(parts)]
        empty = {name: np.empty((0, ID_BYTES) if name == "ids" else 0, dtype) for name, dtype in INDEX.items()}
        ends = ("codes", "conditioning")
        empty |= {name: np.empty(0, np.int64) for name in ("part", *(f"{end}_start" for end in ends))}
        index = {name: np.concatenate([nothing, *(one[name] for one in indices)]) for name, nothing in empty.items()}
        order = np.argsort(_names(index["ids"]), kind="stable")
        index = {name: array[order] for name, array in index.items()}
        return cls(directory, codec, parts, _without_repeats(index, parts))

    def __len__(self) -> int:
        return len(self.index["ids"])

    def __contains__(self, uid: str) -> bool:
        return self._place(uid) is not None

    def ids(self) -> Iterator[str]:
        """The ids of all rows, sorted."""
        return (uid.tobytes().hex() for uid in self.index["ids"])

    def __getitem__(self, uid: str) -> Features:
        """Features of a row, checked. Raises KeyError for a row that is not there, InputError for a damaged one."""
        place = self._place(uid)
        if place is None:
            raise KeyError(uid)
        row = {name: array[place] for name, array in self.index.items()}
        path = self.parts[row["part"]]
        try:
            with safe_open(path, "np") as file:
                codes, conditioning = (
                    file.get_slice(name)[int(row[f"{name}_start"]) : int(row[f"{name}_end"])]
                    for name in ("codes", "conditioning")
                )
        except (OSError, SafetensorError) as error:
            raise _damaged(path, str(error)) from None
        if _crc32(codes, conditioning) != row["crc32"]:
            raise _damaged(path, f"the features of row {uid} have another checksum")
        return Features(codes, conditioning, float(row["seconds"]))

    def _place(self, uid: str) -> int | None:
        try:
            name = np.frombuffer(bytes.fromhex(uid), dtype=f"S{ID_BYTES}")
        except ValueError:
            return None
        names = _names(self.index["ids"])
        place = int(np.searchsorted(names, name[0])) if len(name) == 1 else len(names)
        return place if place < len(names) and names[place] == name[0] else None


def _read_index(path: Path, codec: CodecFacts, number: int) -> dict[str, np.ndarray]:
    """The index of a part, with where each row starts and the part's number. Raises InputError when it is damaged."""
    try:
        with safe_open(path, "np") as file:
            stated = dict(json.loads((file.metadata() or {})["store"]))
            index = {name: file.get_tensor(name) for name in INDEX}
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in ("codes", "conditioning")}
            kinds = [file.get_slice(name).get_dtype() for name in ("codes", "conditioning")]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise _damaged(path, str(error)) from None
    if stated.get("format") != FORMAT:
        raise _damaged(path, f"its format is {stated.get('format')}, this program reads {FORMAT}")
    if stated.get("codec") != codec.fingerprint:
        raise _damaged(path, f"it is of codec {stated.get('codec')}, the store is of {codec.fingerprint}")
    if stated.get("index") != _hash_index(index, codec.fingerprint):
        raise _damaged(path, "its index does not have the hash that it states")
    _require_regular(path, index)
    totals = (int(index["codes_end"][-1]),), (int(index["conditioning_end"][-1]), codec.conditioning_width)
    if kinds != ["I16", "F16"] or tuple(shapes.values()) != totals:
        raise _damaged(path, f"it holds {kinds} of shapes {list(shapes.values())}, its index needs {list(totals)}")
    starts = {name: np.concatenate([[0], index[f"{name}_end"][:-1]]) for name in shapes}
    return index | {f"{name}_start": at for name, at in starts.items()} | {"part": np.full(len(index["ids"]), number)}


def _require_regular(path: Path, index: dict[str, np.ndarray]) -> None:
    """Raises InputError for an index that no `write_part` has made, though it may state its own hash: of other types or
    shapes, or with a row that has no codes or no conditioning."""
    rows = index["ids"].shape[0] if index["ids"].ndim else 0
    if not rows:
        raise _damaged(path, "its index has no rows")
    for name, dtype in INDEX.items():
        array, shape = index[name], (rows, ID_BYTES) if name == "ids" else (rows,)
        if array.dtype != dtype or array.shape != shape:
            raise _damaged(path, f"{name} is {array.dtype} {array.shape}, an index of {rows} rows has {dtype} {shape}")
    for name in ("codes_end", "conditioning_end"):
        if index[name][0] <= 0 or (index[name][1:] <= index[name][:-1]).any():
            raise _damaged(path, f"{name} does not rise from row to row")


def _without_repeats(index: dict[str, np.ndarray], parts: list[Path]) -> dict[str, np.ndarray]:
    """The sorted index with each id once; a repeat must hold the same features, as any of them may be taken."""
    same = np.concatenate([[False], (index["ids"][1:] == index["ids"][:-1]).all(axis=1)])[: len(index["ids"])]
    for place in np.flatnonzero(same).tolist():
        if index["crc32"][place] != index["crc32"][place - 1]:
            one, other = (parts[index["part"][i]] for i in (place - 1, place))
            raise InputError(
                f"{one} and {other} hold different features of row {index['ids'][place].tobytes().hex()}: remove one "
                f"of the two files and run `{COMMAND}` again"
            )
    return {name: array[~same] for name, array in index.items()}


def _require_made_by(codec: CodecFacts, uid: str, one: Features) -> None:
    codes, conditioning = one.codes, one.conditioning
    right_codes = codes.dtype == np.int16 and codes.ndim == 1 and len(codes)
    if not right_codes or not 0 <= codes.min() <= codes.max() < codec.size:
        raise ValueError(f"row {uid}: codes must be int16 (n,), 0 to {codec.size - 1}, not {codes.dtype} {codes.shape}")
    shape = (codec.conditioning_rows or max(1, len(conditioning)), codec.conditioning_width)
    if conditioning.dtype != np.float16 or conditioning.shape != shape or not np.isfinite(conditioning).all():
        raise ValueError(
            f"row {uid}: conditioning must be finite float16 {shape}, not {conditioning.dtype} {conditioning.shape}"
        )
    if len(bytes.fromhex(uid)) != ID_BYTES or not (np.isfinite(one.seconds) and one.seconds > 0):
        raise ValueError(f"row {uid!r} of {one.seconds} seconds")


def _names(ids: np.ndarray) -> np.ndarray:
    """ids (rows, 16) → (rows,) as byte strings, which numpy sorts and searches."""
    return np.ascontiguousarray(ids).view(f"S{ID_BYTES}").reshape(-1)


def _crc32(codes: np.ndarray, conditioning: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(conditioning), zlib.crc32(np.ascontiguousarray(codes)))


def _hash_index(index: Mapping[str, np.ndarray], fingerprint: str) -> str:
    """Of types and content; the format's order."""
    digest = hashlib.blake2b(f"{FORMAT} {fingerprint}".encode(), digest_size=16)
    for name in INDEX:
        digest.update(f" {name} {index[name].dtype.str} {index[name].shape} ".encode() + index[name].tobytes())
    return digest.hexdigest()


def _damaged(path: Path, why: str) -> InputError:
    return InputError(f"{path} is damaged or not of this store ({why}): remove it and run `{COMMAND}` again")
