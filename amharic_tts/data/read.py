"""Opening a packed data set and reading single rows of it."""

import dataclasses
import hashlib
import io
import json
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amharic_tts.data.shard import (
    CATALOG,
    FORMAT_VERSION,
    ROW,
    DamagedRow,
    Sample,
    audio_name,
    check_extent,
    core_name,
    decode_sample,
    split_members,
)
from amharic_tts.errors import InputError


@dataclass(frozen=True, kw_only=True)
class DatasetInfo:
    """What dataset.json holds. The file is written last: a directory without it is no complete data set."""

    format: int
    rows: int
    shards: int
    rejected: int  # lines of the manifest that are in rejects.jsonl
    own_prompt_rows: int  # rows whose block has no other prompt: they are conditioned on themselves
    tokenizer: str  # fingerprints
    front_end: str
    codec: str
    text_size: int  # ids are below it
    code_size: int  # codes are below it
    conditioning_width: int
    conditioning_rows: int  # of every prompt; 0: as many as it has frames
    rate: float  # codes per second
    sample_rate: int  # of the audio column, Hz
    audio: bool  # whether there is an audio column
    speakers: list[str]
    packing: dict  # settings and hash of the pack plan
    files: dict[str, str]  # blake2b of every other file but the shards, by path: catalog.npy, rows.bin, codec/…


@dataclass(frozen=True)
class Dataset:
    """A packed data set. catalog: CATALOG array (shards,); rows: ROW memory map (rows,), shard after shard."""

    directory: Path
    info: DatasetInfo
    catalog: np.ndarray
    rows: np.ndarray
    first_row: np.ndarray  # int64 (shards + 1,): where each shard begins in `rows`

    @classmethod
    def open(cls, directory: str | os.PathLike) -> "Dataset":
        """Raises InputError when index files disagree with each other or a shard is missing or of another size."""
        directory = Path(directory)
        info = read_info(directory)
        dataset, faults = open_index(directory, info)
        faults += [fault for _, fault in shard_faults(dataset)] if dataset else []
        if faults:
            more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
            raise InputError(
                f"{faults[0]}{more}; `python tools/verify_shards.py {directory}` lists all damage, and the "
                "build_shards command that made the data set makes missing shards again"
            )
        return dataset

    def rows_of_shard(self, shard: int) -> np.ndarray:
        """The ROW records of one shard. Raises InputError when they are not those that the catalog was made of."""
        records = self.rows[self.first_row[shard] : self.first_row[shard + 1]]
        if zlib.crc32(records) != self.catalog["rows_crc32"][shard]:
            raise InputError(
                f"{self.directory}/rows.bin is damaged: records of shard {shard} differ from the catalog. "
                "Copy the data set again, or remove it and run build_shards"
            )
        return records

    def require(self, tokenizer: str | None = None, front_end: str | None = None, codec: str | None = None) -> None:
        """Raises InputError when the shards were packed with a tokenizer, front-end or codec of another fingerprint."""
        wanted = {"tokenizer": tokenizer, "text front-end": front_end, "codec": codec}
        packed = {
            "tokenizer": self.info.tokenizer,
            "text front-end": self.info.front_end,
            "codec": self.info.codec,
        }
        differing = [name for name, value in wanted.items() if value is not None and value != packed[name]]
        if differing:
            what = "; ".join(f"{name} {packed[name]}, wanted {wanted[name]}" for name in differing)
            raise InputError(
                f"shards in {self.directory} were packed with another {' and '.join(differing)} ({what}): give "
                "the one that lies in the data set's own folder, or pack again with tools/build_shards.py"
            )

    def reader(self) -> "Reader":
        """A reader for one thread; close it (or use `with`) to close its files."""
        return Reader(self)


class Reader:
    """Reads rows by pread and keeps the shards that it has touched open. For one thread."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._files: dict[str, int] = {}

    def read(self, shard: int, row: int) -> Sample:
        """Row `row` of `shard`, checked against the index. Raises DamagedRow."""
        record = self._record(shard, row)
        extent = self._extent(core_name(shard), record["offset"], record["size"])
        return decode_sample(extent, record, self.dataset.info.conditioning_width)

    def read_audio(self, shard: int, row: int) -> bytes:
        """The FLAC file of a row. Raises DamagedRow, and InputError when the data set has no audio column."""
        record = self._record(shard, row)
        if not self.dataset.info.audio:
            raise InputError(f"{self.dataset.directory} has no audio column: pack with build_shards --audio")
        extent = self._extent(audio_name(shard), record["audio_offset"], record["audio_size"])
        check_extent(extent, int(record["audio_size"]), int(record["audio_crc32"]))
        members = split_members(extent)
        key = f"{record['id'].tobytes().hex()}.flac"
        if set(members) != {key}:
            raise DamagedRow(f"members are {sorted(members)}, the index expects {key}")
        return members[key]

    def forget(self, shard: int) -> None:
        """Closes a shard's files, so that the next read opens them anew (a mended file, a stale network handle)."""
        for name in (core_name(shard), audio_name(shard)):
            if name in self._files:
                os.close(self._files.pop(name))

    def close(self) -> None:
        """Closes all files."""
        while self._files:
            os.close(self._files.popitem()[1])

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _record(self, shard: int, row: int) -> np.void:
        return self.dataset.rows[int(self.dataset.first_row[shard]) + row]

    def _extent(self, name: str, offset: int, size: int) -> bytes:
        try:
            if name not in self._files:
                self._files[name] = os.open(self.dataset.directory / name, os.O_RDONLY)
            return os.pread(self._files[name], int(size), int(offset))
        except OSError as error:
            raise DamagedRow(f"{name} cannot be read ({error.strerror})") from None


def read_info(directory: Path) -> DatasetInfo:
    """dataset.json. Raises InputError when it is missing, damaged or of another format version."""
    path = directory / "dataset.json"
    if not path.is_file():
        raise InputError(
            f"{directory} is no complete data set (there is no dataset.json): make it with "
            f"`python tools/build_shards.py --manifest … --out {directory} --tokenizer … --codec …` (or --features …)"
        )
    try:
        values = json.loads(path.read_bytes())
        version = values["format"]
        if version != FORMAT_VERSION:
            raise InputError(f"{path} has format {version}, this program reads format {FORMAT_VERSION}: pack again")
        own_hash = values.pop("blake2b")
        if own_hash != _blake2b(_as_json(values)):
            raise ValueError("its content does not have the hash that it states")
        return DatasetInfo(**values)
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f"{path} is damaged ({error}): copy the data set again, or remove it and pack again") from None


def info_to_json(info: DatasetInfo) -> bytes:
    """The bytes of dataset.json: the fields and, as "blake2b", the hash of the same JSON without that key."""
    values = dataclasses.asdict(info)
    return _as_json({**values, "blake2b": _blake2b(_as_json(values))})


def _as_json(values: dict) -> bytes:
    return (json.dumps(values, ensure_ascii=False, indent=1) + "\n").encode()


def _blake2b(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def open_index(directory: Path, info: DatasetInfo) -> tuple[Dataset | None, list[str]]:
    """(data set, what is wrong with its index files). The data set is None where the index cannot be used at all."""
    paths = directory / "catalog.npy", directory / "rows.bin"
    missing = [f"{path} is missing" for path in paths if not path.is_file()]
    if missing:
        return None, missing
    content = paths[0].read_bytes()
    if _blake2b(content) != info.files.get("catalog.npy"):
        return None, [f"{paths[0]} is damaged or belongs to another data set (its hash is not that of dataset.json)"]
    catalog = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    first_row = np.concatenate([[0], np.cumsum(catalog["rows"], dtype=np.int64)])
    consistent = catalog.dtype == CATALOG and len(catalog) == info.shards and first_row[-1] == info.rows
    if not consistent:
        return None, [f"{paths[0]} does not describe the {info.rows} rows in {info.shards} shards of dataset.json"]
    size, expected = paths[1].stat().st_size, info.rows * ROW.itemsize
    if size != expected:
        return None, [f"{paths[1]} has {size} bytes, the catalog needs {expected}"]
    # as a plain array: each look into np.memmap itself makes a new object of the subclass
    rows = np.asarray(np.memmap(paths[1], dtype=ROW, mode="r")) if info.rows else np.empty(0, ROW)
    return Dataset(directory, info, catalog, rows, first_row), []


def shard_faults(dataset: Dataset) -> list[tuple[str, str]]:
    """(file name, fault) of every shard file that is missing or has another size than the catalog says."""
    with os.scandir(dataset.directory) as entries:  # one listing instead of a look-up per shard
        sizes = {entry.name: entry.stat().st_size for entry in entries if entry.name.endswith(".tar")}
    faults = []
    columns = [(core_name, "core_bytes"), *([(audio_name, "audio_bytes")] if dataset.info.audio else [])]
    for name_of, field in columns:
        for shard, expected in enumerate(dataset.catalog[field].tolist()):
            name = name_of(shard)
            path = dataset.directory / name
            if name not in sizes:
                faults.append((name, f"{path} is missing"))
            elif sizes[name] != expected:
                faults.append((name, f"{path} has {sizes[name]} bytes, the catalog says {expected}"))
    return faults
