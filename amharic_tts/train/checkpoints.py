"""Checkpoints on disk: written aside, described by checksums, published by one rename, verified before use.

    checkpoints/step-00000250/  deepspeed/ (engine state)  model.safetensors  model.json  tokenizer/  codec/
                                ema/ (averages, by rank)  ema.safetensors
                                prompts.safetensors  base.json  recipe.yaml  deepspeed.json
                                meta.json (last: progress and checksums)
    checkpoints/latest          name of the newest published checkpoint, for people and tools
    checkpoints/best            name of the one with the lowest validation code loss

DeepSpeed's own `latest` is not used: it is written before the other ranks' files are safe. No random state is stored:
that of every step is a function of (seed, step, rank), see `engine.keyed_seed`.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from amharic_tts.publish import publish, sync_directory

FORMAT = 2
UNREADABLE = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)  # a meta.json of any content


@dataclass(frozen=True)
class Progress:
    """Where a run stands, and what it may be continued with."""

    step: int
    """Optimizer steps done, in all phases."""
    phase: int
    """Number of the phase that they belong to."""
    epoch: int
    k: int
    """The next step to take is number k of this epoch."""
    plan: dict
    """`Plan.identity`: the order of the data."""
    tokenizer: str
    """Fingerprint."""
    world_size: int
    score: float | None = None
    """Mean code loss over the validation sets, if they were measured at this step."""


def name_of(step: int) -> str:
    """Folder name of a step's checkpoint; names sort like steps."""
    return f"step-{step:08d}"


def published(directory: Path) -> list[Path]:
    """Published checkpoints of a run, newest first."""
    return sorted((p for p in directory.glob("step-*") if p.is_dir()), reverse=True)


def digest(path: Path) -> str:
    """blake2b (16 bytes, hex) of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def describe_files(directory: Path) -> dict[str, dict]:
    """Relative path → bytes and checksum of every file below `directory` except meta.json."""
    files = sorted(p for p in directory.rglob("*") if p.is_file() and p != directory / "meta.json")
    return {p.relative_to(directory).as_posix(): {"bytes": p.stat().st_size, "blake2b": digest(p)} for p in files}


def finish(staging: Path, progress: Progress) -> Path:
    """Turns a complete staging folder into a published checkpoint. Returns its path."""
    for path in staging.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    meta = {"format": FORMAT, "progress": asdict(progress), "files": describe_files(staging)}
    with publish(staging / "meta.json") as file:
        file.write((json.dumps(meta, indent=1) + "\n").encode())
    final = staging.parent / name_of(progress.step)
    if final.exists():  # a damaged one of the same step, passed over on resume
        shutil.rmtree(final)
    os.rename(staging, final)
    sync_directory(final.parent)
    for name, chosen in (("latest", final), ("best", best(final.parent))):
        if chosen is not None:
            with publish(final.parent / name) as file:
                file.write((chosen.name + "\n").encode())
    return final


def best(directory: Path) -> Path | None:
    """The published checkpoint with the lowest validation code loss, the older of equals; None where none was measured."""
    scores = {path: score_of(path) for path in reversed(published(directory))}
    measured = {path: score for path, score in scores.items() if score is not None}
    return min(measured, key=measured.get) if measured else None


def score_of(checkpoint: Path) -> float | None:
    """The validation code loss of a checkpoint; None where it was not measured, or its meta.json cannot be read."""
    try:
        return read_progress(checkpoint).score
    except UNREADABLE:
        return None


def damage(checkpoint: Path) -> str | None:
    """What is wrong with a published checkpoint, in words; None when every byte is as it was written."""
    try:
        meta = json.loads((checkpoint / "meta.json").read_text(encoding="utf-8"))
        if meta["format"] != FORMAT:
            return f"format {meta['format']}, this version reads {FORMAT}"
        files = {name: (expected["bytes"], expected["blake2b"]) for name, expected in meta["files"].items()}
        outside = [name for name in files if not lies_in(checkpoint, name)]
        Progress(**meta["progress"])
    except UNREADABLE as error:
        return f"meta.json is missing or damaged ({error})"
    if outside:
        return f"meta.json names a file outside the checkpoint ({outside[0]!r})"
    for name, (size, checksum) in files.items():
        path = checkpoint / name
        if not path.is_file():
            return f"{name} is missing"
        if path.stat().st_size != size:
            return f"{name} has {path.stat().st_size} bytes instead of {size}"
        if digest(path) != checksum:
            return f"{name} does not match its checksum"
    return None


def lies_in(directory: Path, name: str) -> bool:
    """Whether a relative path stays below `directory`, links followed."""
    return directory.resolve() in (directory / name).resolve().parents


def newest_valid(directory: Path) -> tuple[Path | None, list[str]]:
    """The newest undamaged checkpoint, or None, and a line for each newer one that was passed over."""
    passed = []
    for checkpoint in published(directory):
        wrong = damage(checkpoint)
        if wrong is None:
            return checkpoint, passed
        passed.append(f"passed over {checkpoint}: {wrong}")
    return None, passed


def read_progress(checkpoint: Path) -> Progress:
    """Where the run stood at an undamaged checkpoint."""
    meta = json.loads((checkpoint / "meta.json").read_text(encoding="utf-8"))
    return Progress(**meta["progress"])


def remove(paths: Iterable[Path]) -> None:
    """Deletes checkpoints: each loses its meta.json first, so that a half-deleted one is never taken for whole."""
    for path in paths:
        (path / "meta.json").unlink(missing_ok=True)
        shutil.rmtree(path)


def rotate(directory: Path, newest: Path, keep: int, every: int | None = None) -> None:
    """Keeps `newest`, which was just published, and the `keep` - 1 before it; of the older ones those whose step is a
    multiple of `every`, and the best.

    What claims to be newer was passed over as damaged when the run was continued: it goes first, and does not count.
    """
    later = [path for path in published(directory) if path.name > newest.name]
    remove(later)
    kept = best(directory)
    older = [path for path in published(directory)[keep:] if path != kept]
    remove(path for path in older if every is None or int(path.name.removeprefix("step-")) % every)
