"""Building a data set: the frozen plan, its tasks in one or more processes, and the end. Running it again resumes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from amharic_tts.data.finalize import clean_up, finalize
from amharic_tts.data.manifest import Reject
from amharic_tts.data.pack import WORK, PackJob, is_packed, pack_shard, read_marker
from amharic_tts.data.pack_plan import PackPlan, PackSettings, describe_packing, freeze, load_plan, save_plan
from amharic_tts.data.read import Dataset, DatasetInfo, read_info
from amharic_tts.data.source import Source, open_source
from amharic_tts.data.worker import run_in_processes
from amharic_tts.errors import InputError
from amharic_tts.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class BuildOptions:
    """Where a data set comes from and goes to. Only `settings` and the content of the first four change its bytes."""

    manifest: Path
    tokenizer: Path  # folder
    codec: Path | None  # folder of a codec that encodes the recordings, or None, and then
    features: Path | None  # folder of a feature store
    directory: Path
    settings: PackSettings
    workers: int = 1
    skip_bad: bool = False
    part: tuple[int, int] | None = None  # (i, n): pack only every n-th shard from i on and do not finish the data set


def build(options: BuildOptions) -> DatasetInfo | None:
    """Packs what is not packed yet and completes the data set; None after a part.

    Any number of workers, interruptions and repeated runs give the same bytes. Raises InputError for bad input and for
    a directory that holds something else.
    """
    directory = options.directory
    tokenizer, source = _tokenizer_and_source(options)
    fingerprints = {
        "tokenizer": tokenizer.fingerprint,
        "front_end": tokenizer.front_end.fingerprint,
        "codec": source.codec.fingerprint,
    }
    packing = describe_packing(options.manifest, options.settings, fingerprints, source.kind)
    complete = (directory / "dataset.json").is_file()
    if complete:
        _require_same_packing(read_info(directory).packing, packing, directory)
        if all(is_packed(directory, packing["hash"], i, needs_part=False) for i in range(read_info(directory).shards)):
            clean_up(directory)  # of a run that was killed between its last two moves
            return Dataset.open(directory).info
    plan = _frozen_plan(options.manifest, directory, packing, complete)
    _stop_at_rejects(plan.rejects, options)
    shards = range(plan.shards) if options.part is None else range(options.part[0], plan.shards, options.part[1])
    todo = [i for i in shards if not is_packed(directory, plan.hash, i, needs_part=not complete)]
    rows = {i: int(plan.first_row[i + 1] - plan.first_row[i]) for i in shards}
    with tqdm(total=sum(rows.values()), unit="row", desc="pack", mininterval=0.5) as bar:
        bar.update(sum(rows.values()) - sum(rows[i] for i in todo))
        if options.workers > 1 and len(todo) > 1:
            _pack_in_processes(options, todo, bar)
        elif todo:
            with _one_thread():
                job = PackJob(options.manifest, directory, plan, tokenizer, source, options.skip_bad)
                for shard in todo:
                    pack_shard(job, shard, bar.update)
    for shard in shards:
        _stop_at_rejects([Reject.from_dict(one) for one in read_marker(directory, shard)["rejects"]], options)
    if options.part is not None:
        return None
    info = _check_mended(directory, todo) if complete else finalize(directory, plan, tokenizer, source.codec)
    clean_up(directory)
    return info


def _frozen_plan(manifest: Path, directory: Path, packing: dict, complete: bool) -> PackPlan:
    """The plan that an earlier run has written down, or a new one."""
    path = directory / WORK / "plan.npz"
    if path.is_file():
        plan = load_plan(path)
        _require_same_packing(plan.packing, packing, directory)
        return plan
    foreign = [p.name for p in directory.iterdir() if p.name != WORK] if directory.is_dir() and not complete else []
    if foreign:
        raise InputError(
            f"{directory} holds files that are no part of this data set ({foreign[0]}): "
            "give --out an empty or new folder, or remove this one"
        )
    plan = freeze(manifest, packing)
    path.parent.mkdir(parents=True, exist_ok=True)
    save_plan(path, plan)
    return plan


def _require_same_packing(found: dict, wanted: dict, directory: Path) -> None:
    if found == wanted:
        return
    names = sorted(n for n in found.keys() | wanted.keys() if n != "hash" and found.get(n) != wanted.get(n))
    what = "; ".join(f"{name} was {found.get(name)}, is {wanted.get(name)}" for name in names)
    raise InputError(
        f"{directory} holds shards of another packing ({what}): give --out another folder, remove this one, "
        "or go back to the old settings"
    )


def _stop_at_rejects(rejects: list[Reject], options: BuildOptions) -> None:
    """Without --skip-bad a rejected row is an error, also one that an earlier run has skipped."""
    if rejects and not options.skip_bad:
        first = rejects[0]
        raise InputError(
            f"{options.manifest}:{first.line}: {first.detail}. Mend the row, or pass --skip-bad to list such rows in "
            "rejects.jsonl and go on"
        )


def _check_mended(directory: Path, shards: list[int]) -> DatasetInfo:
    """After shards of a complete data set were made again: they must be those that its catalog describes."""
    dataset = Dataset.open(directory)
    for shard in shards:
        marker, record = read_marker(directory, shard), dataset.catalog[shard]
        for column in ("core", "audio")[: 2 if dataset.info.audio else 1]:
            if marker[f"{column}_blake2b"] != record[f"{column}_blake2b"].tobytes().hex():
                raise InputError(
                    f"shard {shard} of {directory}, made again, is not the one that was lost: its audio files or "
                    "features have changed since. Remove the folder and build all shards again"
                )
    return dataset.info


@contextmanager
def _one_thread() -> Iterator[None]:
    """A sum over another number of threads rounds differently, and codes may follow: tasks compute on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _pack_in_processes(options: BuildOptions, todo: list[int], bar: tqdm) -> None:
    workers = min(options.workers, len(todo))
    run_in_processes(pack_shard, todo, _start_worker, [(options,)] * workers, bar.update, "packing")


def _start_worker(options: BuildOptions) -> PackJob:
    """Loads in a new process what all its tasks share."""
    torch.set_num_threads(1)
    plan = load_plan(options.directory / WORK / "plan.npz")
    return PackJob(options.manifest, options.directory, plan, *_tokenizer_and_source(options), options.skip_bad)


def _tokenizer_and_source(options: BuildOptions) -> tuple[Tokenizer, Source]:
    source = open_source(options.codec, options.features, options.settings.audio)
    return Tokenizer.load(options.tokenizer), source
