"""Extraction: every row of a manifest gets its features into a store, or a line in the list of failures.

Running it again does what is missing: rows in the store are left alone, failed ones are tried again.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from amharic_tts.codec.indextts2.w2v_bert import SAMPLE_RATE
from amharic_tts.data.features import Features, FeatureStore, create_store, write_failures, write_part
from amharic_tts.data.manifest import Reject, RejectReason
from amharic_tts.data.worker import Progress, run_in_processes
from amharic_tts.errors import InputError
from amharic_tts.extract.extractor import Conditioning, Extractor, describe
from amharic_tts.extract.memory import Budget, OutOfMemory, is_out_of_memory, run_batches
from amharic_tts.extract.waves import read_item
from amharic_tts.extract.work import Item, cut_tasks, of_part, read_items
from amharic_tts.model.device import usable_device
from amharic_tts.model.indextts2_config import read_base_config


@dataclass(frozen=True, kw_only=True)
class ExtractOptions:
    """What is extracted from what, where to, and by whom. Only `manifest`, `base` and `conditioning` change the features.

    conditioning: "latents", what the base's frozen encoders make of a prompt, or "frames", what they hear, for a run that
    trains them. devices: as torch names them; workers: processes on each. batch_seconds: of a padded batch, some 50 MB a second.
    part: (i, n): only every n-th row from i on, as one of n jobs that share the folder.
    """

    manifest: Path
    base: Path
    directory: Path
    conditioning: Conditioning = "latents"
    devices: tuple[str, ...] = ("cpu",)
    workers: int = 1
    batch_seconds: float = 60.0
    part: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise InputError(f"there must be at least 1 worker on each device, not {self.workers}")
        if not 1 <= self.batch_seconds <= 86_400:
            raise InputError(f"a batch must be 1 s to 86400 s, not {self.batch_seconds}")


@dataclass(frozen=True)
class Outcome:
    """What a run has come to. rows: lines of the manifest that were its part; made: of how many the features were not
    there before; failures_file: its name in the store."""

    rows: int
    made: int
    failures: list[Reject]
    failures_file: str


@dataclass(frozen=True)
class ExtractJob:
    """What a task needs beside its rows. most: feature frames that the model has positions for."""

    manifest: Path
    directory: Path
    extractor: Extractor
    most: int
    budget: Budget


def extract_features(options: ExtractOptions) -> Outcome:
    """Does what is not done yet, on all devices. Raises InputError for a base that is not whole, a store of another base
    and a manifest that is not there; a row that is bad becomes a failure."""
    for device in options.devices:
        usable_device(device)
    base = read_base_config(options.base)
    items, rejects = of_part(*read_items(options.manifest), options.part)
    create_store(options.directory, describe(base, options.conditioning))
    present = FeatureStore.open(options.directory)
    todo = [item for item in items if item.row.id not in present]
    rows = len(items) + len(rejects)
    failures = list(rejects)
    with tqdm(total=rows, initial=rows - len(todo), unit="row", desc="extract", mininterval=0.5) as bar:
        for found in run_tasks(options, todo, bar.update):
            failures += found
    name = failures_name(options)
    write_failures(options.directory, name, failures)
    return Outcome(rows, len(todo) - (len(failures) - len(rejects)), failures, f"failures-{name}.jsonl")


def run_tasks(options: ExtractOptions, todo: list[Item], progress: Progress) -> list[list[Reject]]:
    """The failures of each task."""
    if not todo:
        return []
    places = [device for _ in range(options.workers) for device in options.devices]
    tasks = cut_tasks(todo, len(places))
    places = places[: len(tasks)]
    cores = len(os.sched_getaffinity(0))
    if len(places) > 1:
        arguments = [(options, place, max(1, cores // len(places))) for place in places]
        return run_in_processes(extract_task, tasks, start_process, arguments, progress, "extraction")
    with exact_arithmetic():
        job = make_job(options, places[0])
        return [extract_task(job, task, progress) for task in tasks]


def start_process(options: ExtractOptions, device: str, threads: int) -> ExtractJob:
    """Loads in a new process what all its tasks share."""
    torch.set_num_threads(threads)
    torch.backends.cudnn.allow_tf32 = False  # as exact_arithmetic, for as long as the process lives
    return make_job(options, device)


def make_job(options: ExtractOptions, device: str) -> ExtractJob:
    """Loads the networks onto a device. Raises InputError when they do not fit there."""
    base = read_base_config(options.base)
    try:
        extractor = Extractor.load(base, options.conditioning, device)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise InputError(f"the networks do not fit into the memory of {device}: give fewer --workers") from None
    budget = Budget(round(options.batch_seconds * SAMPLE_RATE))
    return ExtractJob(options.manifest, options.directory, extractor, base.model.max_codes, budget)


@contextmanager
def exact_arithmetic() -> Iterator[None]:
    """On a GPU, torch lets convolutions round to 10 bits (TF32), which is too few for the codes: see `SemanticCodec`."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


def extract_task(job: ExtractJob, items: list[Item], progress: Progress) -> list[Reject]:
    """Extracts features of rows into one part of the store, and returns the failures. When it is stopped, what it has
    done so far is written."""
    failures, waves, readable = [], [], []
    features: dict[str, Features] = {}
    try:
        for item in items:
            wave = read_item(item, job.manifest, job.most)
            if isinstance(wave, Reject):
                failures.append(wave)
                progress(1)
            else:
                waves.append(wave)
                readable.append(item)
        for number, result in run_batches(job.extractor.extract, waves, job.budget):
            if isinstance(result, Features):
                features[readable[number].row.id] = result
            else:
                failures.append(failure(readable[number], result, waves[number]))
            progress(1)
    finally:
        if features:
            write_part(job.directory, features)
    return failures


def failure(item: Item, result: OutOfMemory | None, wave: Tensor) -> Reject:
    """Why a row has no features though its recording was read."""
    seconds = len(wave) / SAMPLE_RATE
    if isinstance(result, OutOfMemory):
        reason, detail = RejectReason.OUT_OF_MEMORY, f"its {seconds:.2f} s do not fit into memory, even alone"
    else:
        reason, detail = (
            RejectReason.NOT_FINITE,
            f"its {seconds:.2f} s give features that are no finite float16 numbers",
        )
    return Reject(line=item.line, id=item.row.id, reason=reason, detail=detail)


def failures_name(options: ExtractOptions) -> str:
    """The name of this run's list of failures. A run over the whole manifest removes the lists of its parts."""
    name = options.manifest.stem
    if options.part is not None:
        return f"{name}-{options.part[0]}-of-{options.part[1]}"
    for path in options.directory.glob("failures-*.jsonl"):
        if re.fullmatch(rf"failures-{re.escape(name)}-\d+-of-\d+\.jsonl", path.name):
            path.unlink()
    return name


def all_devices() -> tuple[str, ...]:
    """Every GPU of this machine, or the CPU where there is none."""
    return tuple(f"cuda:{number}" for number in range(torch.cuda.device_count())) or ("cpu",)
