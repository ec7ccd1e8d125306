"""Checking every byte of a packed data set, and naming the rows that damage has reached."""

import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from amharic_tts.codec.load import load_codec
from amharic_tts.data.finalize import hash_file
from amharic_tts.data.read import Dataset, DatasetInfo, open_index, read_info
from amharic_tts.data.shard import DamagedRow, audio_name, core_name, marker_name
from amharic_tts.errors import InputError
from amharic_tts.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Finding:
    """Something wrong: in which file, what, and the ids of the rows that it damages (may be none)."""

    file: str
    what: str
    ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Verification:
    """The result of `verify`. bytes: of the shards that were read. info is None where dataset.json is damaged."""

    info: DatasetInfo | None
    findings: list[Finding]
    bytes: int

    @property
    def damaged_rows(self) -> int:
        """Number of distinct rows that are damaged in one column or both."""
        return len({uid for finding in self.findings for uid in finding.ids})


def verify(
    directory: str | os.PathLike,
    workers: int = 4,
    progress: Callable[[Iterator, int], Iterator] = lambda shards, total: shards,
) -> Verification:
    """Compares every file of a data set with the hashes of its index, and every row with its record.

    progress: gets the iterator over shards and their number, gives an iterator over the same (tqdm). Raises InputError when the directory holds no data set at all.
    """
    directory = Path(directory)
    try:
        info = read_info(directory)
    except InputError as error:
        if not (directory / "dataset.json").is_file():
            raise
        return Verification(None, [Finding("dataset.json", str(error))], 0)
    findings = list(_check_files(directory, info))
    dataset, faults = open_index(directory, info)
    findings += [Finding("index", fault) for fault in faults if not any(f.file in fault for f in findings)]
    if dataset is None:
        return Verification(info, findings, 0)
    findings += _check_extra_shards(dataset)
    with ThreadPoolExecutor(workers) as pool:  # hashing and checksums release the interpreter's lock
        checks = pool.map(lambda shard: _check_shard(dataset, shard), range(info.shards))
        for found in progress(checks, info.shards):
            findings += found
    columns = ("core_bytes", "audio_bytes")
    return Verification(info, findings, sum(int(dataset.catalog[name].sum(dtype=np.int64)) for name in columns))


def _check_files(directory: Path, info: DatasetInfo) -> Iterator[Finding]:
    """Index, tokenizer, codec and rejects against the hashes of dataset.json, and that the parts load."""
    whole = True
    for name, expected in info.files.items():
        path = directory / name
        if not path.is_file():
            yield Finding(name, "is missing")
        elif hash_file(path) != expected:
            yield Finding(name, "is damaged (its hash is not the one in dataset.json)")
        else:
            continue
        whole = False
    if not whole:
        return
    tokenizer, codec = Tokenizer.load(directory / "tokenizer"), load_codec(directory / "codec")
    fingerprints = {
        "tokenizer": (tokenizer.fingerprint, info.tokenizer),
        "front_end": (tokenizer.front_end.fingerprint, info.front_end),
        "codec": (codec.fingerprint, info.codec),
    }
    for name, (found, expected) in fingerprints.items():
        if found != expected:
            yield Finding(name, f"has fingerprint {found}, the shards were packed with {expected}")
    sizes = {
        "text_size": tokenizer.size,
        "code_size": codec.size,
        "conditioning_width": codec.conditioning_width,
        "conditioning_rows": codec.conditioning_rows,
        "rate": codec.rate,
        "sample_rate": codec.sample_rate,
    }
    for name, expected in sizes.items():
        if getattr(info, name) != expected:
            yield Finding("dataset.json", f"says {name} = {getattr(info, name)}, its own parts say {expected}")


def _check_extra_shards(dataset: Dataset) -> list[Finding]:
    """Shard files that no catalog row describes: the remains of another data set."""
    numbers = range(dataset.info.shards)
    known = {core_name(i) for i in numbers} | ({audio_name(i) for i in numbers} if dataset.info.audio else set())
    found = {path.name for pattern in ("core-*.tar", "audio-*.tar") for path in dataset.directory.glob(pattern)}
    return [Finding(name, "is not in the catalog") for name in sorted(found - known)]


def _check_shard(dataset: Dataset, shard: int) -> list[Finding]:
    findings = []
    entry = dataset.catalog[shard]
    marker = dataset.directory / marker_name(shard)
    if not marker.is_file():
        findings.append(Finding(marker.name, "is missing"))
    elif hash_file(marker) != entry["marker_blake2b"].tobytes().hex():
        findings.append(Finding(marker.name, "is damaged (its hash is not the one in the catalog)"))
    records = dataset.rows[dataset.first_row[shard] : dataset.first_row[shard + 1]]
    if zlib.crc32(records) != entry["rows_crc32"]:
        findings.append(Finding("rows.bin", f"records of shard {shard} differ from the catalog"))
    findings += _check_column(dataset, shard, core_name(shard), "core")
    if dataset.info.audio:
        findings += _check_column(dataset, shard, audio_name(shard), "audio")
    return findings


def _check_column(dataset: Dataset, shard: int, name: str, column: str) -> list[Finding]:
    """One tar file: its size and hash, then each row by its checksum and content."""
    path, entry = dataset.directory / name, dataset.catalog[shard]
    start, end = (int(n) for n in dataset.first_row[shard : shard + 2])
    ids = [record["id"].tobytes().hex() for record in dataset.rows[start:end]]
    if not path.is_file():
        return [Finding(name, f"is missing, with its {len(ids)} rows", ids)]
    findings: list[Finding] = []
    size, expected = path.stat().st_size, int(entry[f"{column}_bytes"])
    if size != expected:
        findings.append(Finding(name, f"has {size} bytes, the catalog says {expected}"))
    elif hash_file(path) != entry[f"{column}_blake2b"].tobytes().hex():
        findings.append(Finding(name, "is damaged (its hash is not the one in the catalog)"))
    damage: dict[str, list[str]] = {}
    with dataset.reader() as reader:
        for row, uid in enumerate(ids):
            try:
                if column == "audio":
                    reader.read_audio(shard, row)
                else:
                    _check_sample(dataset, reader.read(shard, row), uid)
            except DamagedRow as error:
                damage.setdefault(str(error), []).append(uid)
    if findings and not damage:
        findings.append(Finding(name, "the damage lies outside its rows"))
    return findings + [Finding(name, f"damaged rows: {what}", uids) for what, uids in damage.items()]


def _check_sample(dataset: Dataset, sample, uid: str) -> None:
    """Raises DamagedRow for content that cannot belong to this data set, though its checksum is right."""
    info = dataset.info
    if sample.codes.size and not 0 <= sample.codes.min() <= sample.codes.max() < info.code_size:
        raise DamagedRow(f"codes outside 0 to {info.code_size - 1}")
    if sample.ids.size and sample.ids.max() >= info.text_size:
        raise DamagedRow(f"text ids outside 0 to {info.text_size - 1}")
    prompt = sample.conditioning
    if prompt is not None and info.conditioning_rows not in (0, len(prompt)):
        raise DamagedRow(f"a prompt that has not {info.conditioning_rows} rows")
    try:
        found = sample.row.id
    except InputError as error:
        raise DamagedRow(f"its .json member is no manifest row ({error})") from None
    if found != uid:
        raise DamagedRow(f"its .json member has id {found}")
