"""Packing one shard: a pure task of the frozen plan and the shard's number.

Every file is written aside and renamed, the marker last; so a shard with a marker is whole, whatever was killed when,
and two processes that pack the same shard write the same bytes.
"""

import hashlib
import io
import json
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import torch

from amharic_tts.data.manifest import Reject, RejectReason, Row, audio_path
from amharic_tts.data.order import key, keyed_order
from amharic_tts.data.pack_plan import PackPlan
from amharic_tts.data.shard import (
    LONGEST,
    ROW,
    audio_name,
    core_name,
    encode_sample,
    marker_name,
    tar_end,
    tar_members,
)
from amharic_tts.data.source import Encoded, Source, Unusable
from amharic_tts.errors import InputError
from amharic_tts.publish import publish
from amharic_tts.text.tokenizer import Tokenizer

WORK = ".packing"  # folder of the frozen plan and of index parts; removed when the data set is complete


@dataclass(frozen=True)
class PackJob:
    """What a packing task needs beside its number. skip_bad: reject bad rows instead of stopping at them."""

    manifest: Path
    directory: Path
    plan: PackPlan
    tokenizer: Tokenizer
    source: Source
    skip_bad: bool


@dataclass(frozen=True)
class _Packable:
    row: Row
    speaker: int
    ids: np.ndarray
    speech: Encoded


class _Column:
    """One tar file in writing: counts and hashes its bytes."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.bytes, self.blake2b = file, 0, hashlib.blake2b(digest_size=16)

    def append(self, content: bytes) -> tuple[int, int, int]:
        """Returns (offset, size, crc32) of the content."""
        offset = self.bytes
        self.file.write(content)
        self.blake2b.update(content)
        self.bytes += len(content)
        return offset, len(content), zlib.crc32(content)


def parts_path(directory: Path, shard: int) -> Path:
    """Where a shard's ROW records wait until `finalize` joins them into rows.bin."""
    return directory / WORK / f"{shard:06d}.rows"


def pack_shard(job: PackJob, shard: int, progress: Callable[[int], None] = lambda rows: None) -> None:
    """Writes one shard, its index part and its marker.

    progress: called with the number of manifest rows that are done; an exception from it stops the task.
    Raises InputError that names the row when one is bad and bad rows are not skipped.
    """
    plan, names = job.plan, {"core": core_name(shard)}
    if plan.packing["audio"]:
        names["audio"] = audio_name(shard)
    rejects: list[Reject] = []
    records: list[np.ndarray] = []
    with ExitStack() as stack:
        columns = {k: _Column(stack.enter_context(publish(job.directory / name))) for k, name in names.items()}
        start, end = plan.first_row[shard : shard + 2].tolist()
        for block in np.unique(plan.block[start:end]):
            places = range(*(start + np.searchsorted(plan.block[start:end], [block, int(block) + 1])).tolist())
            results = [_read(job, place) for place in places]
            rejects += [one for one in results if isinstance(one, Reject)]
            rows = [one for one in results if isinstance(one, _Packable)]
            prompts = _choose_prompts(rows, plan.packing)
            records += [_write(job, columns, one, int(block), i in prompts) for i, one in enumerate(rows)]
            progress(len(results))
        for column in columns.values():
            column.append(tar_end(column.bytes))
    index = np.concatenate(records) if records else np.empty(0, dtype=ROW)
    with publish(parts_path(job.directory, shard)) as file:
        file.write(index.tobytes())
    marker = {"pack": plan.hash, "shard": shard, "rows": len(index), "rows_crc32": zlib.crc32(index)}
    for name, column in columns.items():
        marker[f"{name}_bytes"], marker[f"{name}_blake2b"] = column.bytes, column.blake2b.hexdigest()
    marker["rejects"] = [asdict(one) for one in rejects]
    with publish(job.directory / marker_name(shard)) as file:
        file.write((json.dumps(marker, ensure_ascii=False) + "\n").encode())


def read_marker(directory: Path, shard: int) -> dict | None:
    """The marker of a shard, or None where there is no readable one."""
    try:
        marker = json.loads((directory / marker_name(shard)).read_bytes())
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) else None


def is_packed(directory: Path, plan_hash: str, shard: int, needs_part: bool) -> bool:
    """Whether a shard is complete: a marker of this plan, and files of the size that it states."""
    marker = read_marker(directory, shard)
    if marker is None or marker.get("pack") != plan_hash:
        return False
    sizes = {core_name(shard): marker["core_bytes"]}
    if "audio_bytes" in marker:
        sizes[audio_name(shard)] = marker["audio_bytes"]
    paths = {directory / name: size for name, size in sizes.items()}
    if needs_part:
        paths[parts_path(directory, shard)] = marker["rows"] * ROW.itemsize
    return all(path.is_file() and path.stat().st_size == size for path, size in paths.items())


def _read(job: PackJob, place: int) -> _Packable | Reject:
    """Reads the manifest row at `place` of the plan, encodes its text and takes its codes from the source."""
    with open(job.manifest, "rb") as file:
        file.seek(int(job.plan.offset[place]))
        row = Row.from_json(file.readline())

    def bad(reason: RejectReason, detail: str) -> Reject:
        line = int(job.plan.line[place])
        if not job.skip_bad:
            raise InputError(
                f"{job.manifest}:{line}: row {row.id}: {detail}. Mend the row, or pass --skip-bad to list "
                "such rows in rejects.jsonl and go on"
            )
        return Reject(line=line, id=row.id, reason=reason, detail=detail)

    try:
        ids = np.asarray(job.tokenizer.encode(row.text), dtype=np.int64)
    except InputError as error:
        return bad(RejectReason.TEXT_UNREADABLE, f"its text cannot be read: {error}")
    if len(ids) == 0:
        return bad(RejectReason.TEXT_EMPTY, f"its text {row.text!r} holds nothing to say")
    try:
        speech = job.source.read(row, audio_path(job.manifest, row))
    except Unusable as error:
        return bad(error.reason, str(error))
    codes, codec = speech.codes, job.source.codec
    if len(codes) == 0:
        return bad(RejectReason.AUDIO_EMPTY, f"its {speech.seconds:.3f} s of audio are too short for one code")
    if max(len(ids), len(codes)) > LONGEST:
        return bad(RejectReason.TOO_LONG, f"it has {len(ids)} text ids and {len(codes)} codes, above {LONGEST}")
    if not (0 <= ids.min() <= ids.max() < job.tokenizer.size and 0 <= codes.min() <= codes.max() < codec.size):
        raise ValueError(f"row {row.id}: ids or codes outside the sizes that tokenizer and codec state")
    return _Packable(row, int(job.plan.speaker[place]), ids, speech)


def _choose_prompts(rows: list[_Packable], packing: dict) -> set[int]:
    """Which rows of a block get their conditioning stored; by a keyed hash of their ids."""
    if not rows:
        return set()
    names = np.array([int(one.row.id[:16], 16) for one in rows], dtype=np.uint64)
    order = keyed_order(key("prompts", packing["seed"]), names)
    return set(order[: packing["prompts_per_block"]].tolist())


def _write(job: PackJob, columns: dict[str, _Column], one: _Packable, block: int, is_prompt: bool) -> np.ndarray:
    """Appends a row to its columns; returns its ROW record (1,)."""
    speech, conditioning = one.speech, _conditioning(job, one) if is_prompt else None
    record = np.zeros(1, dtype=ROW)
    record["id"] = np.frombuffer(bytes.fromhex(one.row.id), dtype=np.uint8)
    core = encode_sample(one.row, one.ids, speech.codes, conditioning)
    record["offset"], record["size"], record["crc32"] = columns["core"].append(core)
    if "audio" in columns:
        audio = tar_members(one.row.id, {"flac": _flac(speech.wave, job.source.codec.sample_rate)})
        record["audio_offset"], record["audio_size"], record["audio_crc32"] = columns["audio"].append(audio)
    record["speaker"], record["block"] = one.speaker, block
    record["duration"] = speech.seconds
    record["n_text"], record["n_code"] = len(one.ids), len(speech.codes)
    record["n_prompt"] = 0 if conditioning is None else len(conditioning)
    return record


def _conditioning(job: PackJob, one: _Packable) -> np.ndarray:
    """What a prompt stores: float16 (rows, width)."""
    codec = job.source.codec
    conditioning = one.speech.conditioning(job.plan.packing["prompt_seconds"])[:LONGEST].astype("<f2")
    shape = (codec.conditioning_rows or max(1, len(conditioning)), codec.conditioning_width)
    if conditioning.shape != shape or not np.isfinite(conditioning).all():
        raise ValueError(f"row {one.row.id}: conditioning must be {shape} and fit fp16, is {conditioning.shape}")
    return conditioning


def _flac(wave: torch.Tensor, sample_rate: int) -> bytes:
    """(samples,) → a FLAC file of 16-bit samples."""
    file = io.BytesIO()
    soundfile.write(file, wave.clamp(-1, 1).numpy(), sample_rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()
