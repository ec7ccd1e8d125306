"""The frozen plan of packing: which manifest row goes to which shard, at which place.

It is made once from the manifest and the settings, and written down; packing a shard is then a pure function of the
plan and the shard's number. It holds a few numbers per row, not the rows, so it stays small for very large manifests.
"""

import dataclasses
import hashlib
import json
from array import array
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amharic_tts.data.manifest import Reject, RejectReason, Row, manifest_lines
from amharic_tts.data.order import key, keyed_hash
from amharic_tts.data.plan import cut_evenly
from amharic_tts.data.shard import FORMAT_VERSION
from amharic_tts.errors import InputError
from amharic_tts.publish import publish

# Part of every pack plan's hash: raise it with any change that changes the bytes of shards.
PACK_VERSION = 1
LARGEST_BLOCK = 16  # rows; equal cuts then give blocks of 8 to 16 to every speaker with at least 8 rows
MOST_ROWS_PER_SHARD = 32768  # keeps the number of a block within its 16 bits


@dataclass(frozen=True, kw_only=True)
class PackSettings:
    """What shards are like beside their content. Raises InputError for values out of range."""

    seed: int = 0
    rows_per_shard: int = 4096
    prompts_per_block: int = 3  # rows of a block whose conditioning is stored
    prompt_seconds: float = 10.0  # frames are taken from at most this much of a prompt's beginning; latents whole
    audio: bool = False  # pack the recordings too

    def __post_init__(self) -> None:
        if not 1 <= self.rows_per_shard <= MOST_ROWS_PER_SHARD:
            raise InputError(f"rows per shard must be 1 to {MOST_ROWS_PER_SHARD}, not {self.rows_per_shard}")
        if not 2 <= self.prompts_per_block <= LARGEST_BLOCK:
            raise InputError(f"prompts per block must be 2 to {LARGEST_BLOCK}, not {self.prompts_per_block}")
        if not 0.1 <= self.prompt_seconds <= 60:
            raise InputError(f"prompt seconds must be 0.1 to 60, not {self.prompt_seconds}")


@dataclass(frozen=True)
class PackPlan:
    """Rows in the order of the shards. All arrays are (rows,) but first_row, which is (shards + 1,)."""

    packing: dict  # settings, fingerprints and hash, as they go into dataset.json
    manifest_rows: int  # lines that are not blank
    rejects: list[Reject]  # lines that are no row at all
    speakers: list[str]
    line: np.ndarray  # of the manifest, from 1
    offset: np.ndarray  # in bytes, of that line
    speaker: np.ndarray  # index into speakers
    block: np.ndarray  # number of the speaker block in its shard
    first_row: np.ndarray

    @property
    def hash(self) -> str:
        """Identifies manifest, settings, tokenizer, codec and source: shards of another hash do not belong together."""
        return self.packing["hash"]

    @property
    def shards(self) -> int:
        """Number of shards."""
        return len(self.first_row) - 1


def describe_packing(manifest: Path, settings: PackSettings, fingerprints: dict[str, str], source: str) -> dict:
    """Everything that the bytes of the shards depend on, and the hash of it. InputError: no manifest.

    source: the kind of `Source`; the codec's fingerprint stands for the content of a feature store too, which follows
    from the recordings and the codec.
    """
    if not Path(manifest).is_file():
        next(manifest_lines(manifest), None)  # raises the error that says how to make one
    with open(manifest, "rb") as file:
        content = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    versions = {"format": FORMAT_VERSION, "pack_version": PACK_VERSION}
    packing = {**versions, "manifest": content, **dataclasses.asdict(settings), **fingerprints, "source": source}
    packing["hash"] = hashlib.blake2b(json.dumps(packing, sort_keys=True).encode(), digest_size=16).hexdigest()
    return packing


def freeze(manifest: Path, packing: dict) -> PackPlan:
    """Reads the manifest once and gives every row its shard and place.

    Rows of a speaker are mixed by a keyed hash of their ids and cut into blocks; the blocks are mixed the same way and
    dealt to shards of about equal size. Lines that are no valid row, and the second and later ones of an id, become
    rejects. Raises InputError when no row is left.
    """
    line, offset, speaker_number, ids = array("L"), array("Q"), array("L"), bytearray()
    speakers: dict[str, int] = {}
    rejects = []
    total = 0
    for number, at, content in manifest_lines(manifest):
        total += 1
        try:
            row = Row.from_json(content)
        except InputError as error:
            rejects.append(Reject(line=number, id="", reason=RejectReason.INVALID_ROW, detail=str(error)))
            continue
        line.append(number)
        offset.append(at)
        speaker_number.append(speakers.setdefault(row.speaker, len(speakers)))
        ids += bytes.fromhex(row.id)
    lines, offsets = np.array(line, dtype=np.uint32), np.array(offset, dtype=np.uint64)
    halves = np.frombuffer(bytes(ids), dtype="<u8").reshape(-1, 2)
    names = sorted(speakers)
    rank = {name: i for i, name in enumerate(names)}
    number_of = np.array([rank[name] for name in speakers], dtype=np.uint32)
    speaker = number_of[np.array(speaker_number, dtype=np.int64)] if names else np.zeros(0, np.uint32)

    kept, repeats = _first_of_each(halves, lines)
    rejects += [_duplicate(halves[again], int(lines[again]), int(lines[first])) for again, first in repeats]
    if len(kept) == 0:
        raise InputError(f"manifest {manifest} has no usable row" + (f": {rejects[0].detail}" if rejects else ""))
    order, sizes, first_block = _arrange(halves[kept], speaker[kept], packing["seed"], packing["rows_per_shard"])
    blocks_of_shard = np.diff(first_block)
    block = np.arange(len(sizes)) - np.repeat(first_block[:-1], blocks_of_shard)
    row_ends = np.concatenate([[0], np.cumsum(sizes)])
    placed = kept[order]
    return PackPlan(
        packing=packing,
        manifest_rows=total,
        rejects=sorted(rejects, key=lambda one: one.line),
        speakers=names,
        line=lines[placed],
        offset=offsets[placed],
        speaker=speaker[placed],
        block=np.repeat(block, sizes).astype(np.uint16),
        first_row=row_ends[first_block],
    )


def _arrange(
    halves: np.ndarray, speaker: np.ndarray, seed: int, rows_per_shard: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows in shard order, rows of each block, first block of each shard + end)."""
    # Both halves of the id, so that ids that share one of them are still told apart.
    names = keyed_hash(key("pack rows", seed), keyed_hash(0, halves[:, 0]) ^ halves[:, 1])
    by_speaker = np.lexsort((names, speaker))
    sizes = np.concatenate([_block_sizes(count) for count in np.bincount(speaker).tolist() if count])
    starts = np.concatenate([[0], np.cumsum(sizes)])[:-1]
    block_order = np.argsort(keyed_hash(key("pack blocks", seed), names[by_speaker[starts]]), kind="stable")
    shards = max(1, min(round(len(speaker) / rows_per_shard), len(sizes)))
    sizes = sizes[block_order]
    within = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    order = by_speaker[np.repeat(starts[block_order], sizes) + within]
    return order, sizes, cut_evenly(sizes, shards)


def _block_sizes(rows: int) -> np.ndarray:
    """Cuts a speaker's rows into as few equal blocks as LARGEST_BLOCK allows."""
    blocks = -(-rows // LARGEST_BLOCK)
    return np.diff(np.arange(blocks + 1) * rows // blocks)


def _first_of_each(halves: np.ndarray, lines: np.ndarray) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """(indices of the first row of each id, in manifest order; [(index of a repeat, index of its first)])."""
    order = np.lexsort((lines, halves[:, 1], halves[:, 0]))
    same = np.concatenate([[False], (halves[order][1:] == halves[order][:-1]).all(axis=1)])[: len(order)]
    first = order[np.maximum.accumulate(np.where(same, 0, np.arange(len(order))))] if len(order) else order
    repeats = list(zip(order[same].tolist(), first[same].tolist()))
    return np.sort(order[~same]), repeats


def _duplicate(halves: np.ndarray, line: int, first_line: int) -> Reject:
    detail = f"line {first_line} has the same id"
    return Reject(line=line, id=halves.tobytes().hex(), reason=RejectReason.DUPLICATE_ID, detail=detail)


def save_plan(path: Path, plan: PackPlan) -> None:
    """Writes the plan in one move."""
    header = {
        "packing": plan.packing,
        "manifest_rows": plan.manifest_rows,
        "rejects": [dataclasses.asdict(one) for one in plan.rejects],
        "speakers": plan.speakers,
    }
    arrays = {name: getattr(plan, name) for name in ("line", "offset", "speaker", "block", "first_row")}
    text = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    with publish(path) as file:
        np.savez(file, header=text, **arrays)


def load_plan(path: Path) -> PackPlan:
    """The plan that `save_plan` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        header = json.loads(arrays["header"].tobytes())
        header["rejects"] = [Reject.from_dict(one) for one in header["rejects"]]
        names = ("line", "offset", "speaker", "block", "first_row")
        return PackPlan(**header, **{name: arrays[name] for name in names})
