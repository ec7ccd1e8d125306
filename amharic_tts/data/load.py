"""The batches of this rank, step after step, prepared ahead by threads of the process itself.

Threads and not worker processes: reading a row takes about 50 µs and releases the interpreter's lock where it waits,
while passing it between processes costs several times that (research/DATA.md §3.4).
"""

import dataclasses
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from os import PathLike

import numpy as np
import torch

from amharic_tts.data.plan import Plan, microbatches, require_fits
from amharic_tts.data.prompts import prompt_candidates
from amharic_tts.data.quarantine import Quarantine
from amharic_tts.data.read import Dataset, Reader
from amharic_tts.data.shard import DamagedRow, Sample

RETRY_SECONDS = (0.0, 0.0, 0.1)  # waits before each attempt at a row: network storage may recover


@dataclass(frozen=True)
class Batch:
    """One micro-batch. Padding is 0 and lies at the end of each row.

    text: int64 (rows, N), without start and stop; text_lengths: int64 (rows,); codes: int64 (rows, M);
    code_lengths: int64 (rows,); prompt: float32 (rows, T, width); prompt_lengths: int64 (rows,), at least 1, all
    `conditioning_rows` where the data set has that; weight: float32 (rows,), 0 for a damaged row or a filler, which
    have no text, no codes and a prompt of zeros (one frame, or `conditioning_rows`); uids, speakers: of each row, "" for a filler.
    """

    text: torch.Tensor
    text_lengths: torch.Tensor
    codes: torch.Tensor
    code_lengths: torch.Tensor
    prompt: torch.Tensor
    prompt_lengths: torch.Tensor
    weight: torch.Tensor
    uids: list[str]
    speakers: list[str]

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch with its tensors on `device`."""
        values = {part.name: getattr(self, part.name) for part in dataclasses.fields(self)}
        moved = {n: v.to(device, non_blocking=True) if isinstance(v, torch.Tensor) else v for n, v in values.items()}
        return Batch(**moved)


@dataclass(frozen=True)
class StepData:
    """One optimizer step: its micro-batches for this rank, and figures that are the same on all ranks.

    text_targets, code_targets: Σ (n_text + 1) and Σ (n_code + 1) over the rows of all ranks, as the plan knows them
    (a row that turns out to be damaged is still counted, so that all ranks agree without talking to each other).
    tokens: Σ positions of the rows; padded_tokens: Σ longest × rows of the micro-batches; both over all ranks.
    """

    epoch: int
    k: int
    rows: int
    text_targets: int
    code_targets: int
    tokens: int
    padded_tokens: int
    microbatches: list[Batch]


def load_steps(
    dataset: Dataset,
    plan: Plan,
    rank: int,
    world_size: int,
    token_budget: int,
    epoch: int = 0,
    k: int = 0,
    epochs: int | None = None,
    *,
    quarantine: str | PathLike | None = None,
    prefetch: int = 4,
    threads: int = 2,
) -> Iterator[StepData]:
    """Yields the steps of this rank from step `k` of `epoch` on, through following epochs, in order.

    epochs: stop before this epoch number; None: never. token_budget: padded positions of one micro-batch.
    quarantine: file that gets a line for each damaged row. prefetch: steps prepared ahead. Errors of the threads
    surface here. Close the generator (or drop it) to stop the threads.

    Raises InputError, before anything is read, when a row exceeds the token budget; while reading, when more than 1 in
    10 000 rows is damaged.
    """
    require_fits(plan, token_budget)
    if not 0 <= rank < world_size:
        raise ValueError(f"rank {rank} of {world_size}")
    log = Quarantine(quarantine, dataset.info.rows, dataset.directory)

    def prepare(place: tuple[int, int]) -> StepData:
        return build_step(dataset, plan, rank, world_size, token_budget, *place, log)

    return _ahead(prepare, _places(plan, epoch, k, epochs), prefetch, threads)


def load_all(
    dataset: Dataset,
    rank: int,
    world_size: int,
    token_budget: int,
    *,
    positions_per_row: int = 37,
    step_tokens: int | None = None,
    quarantine: str | PathLike | None = None,
    prefetch: int = 4,
    threads: int = 2,
) -> Iterator[StepData]:
    """One pass over a data set in an order that never changes, for validation: the same planner with a fixed seed.

    Every rank gets the same number of steps and of micro-batches, so collectives cannot fall out of step.
    step_tokens: None is eight micro-batches.
    """
    plan = Plan(dataset.catalog, dataset.rows_of_shard, 0, step_tokens or 8 * token_budget, positions_per_row)
    options = {"quarantine": quarantine, "prefetch": prefetch, "threads": threads}
    return load_steps(dataset, plan, rank, world_size, token_budget, epochs=1, **options)


def build_step(
    dataset: Dataset,
    plan: Plan,
    rank: int,
    world_size: int,
    token_budget: int,
    epoch: int,
    k: int,
    quarantine: Quarantine,
) -> StepData:
    """Plans, reads and collates one step of one rank."""
    rows = plan.step_set(epoch, k)
    lengths = plan.lengths(rows)
    ranks = microbatches(lengths, world_size, token_budget)
    with dataset.reader() as reader:
        batches = [_batch(reader, rows[indices], plan.seed, epoch, quarantine) for indices in ranks[rank]]
    return StepData(
        epoch=epoch,
        k=k,
        rows=len(rows),
        text_targets=int(rows["n_text"].sum(dtype=np.int64)) + len(rows),
        code_targets=int(rows["n_code"].sum(dtype=np.int64)) + len(rows),
        tokens=int(lengths.sum()),
        padded_tokens=sum(int(lengths[i].max()) * len(i) for each in ranks for i in each if len(i)),
        microbatches=batches,
    )


def _places(plan: Plan, epoch: int, k: int, epochs: int | None) -> Iterator[tuple[int, int]]:
    """(epoch, step) pairs; a position behind an epoch's last step is the beginning of the next epoch."""
    while epochs is None or epoch < epochs:
        for step in range(k, plan.steps(epoch)):
            yield epoch, step
        epoch, k = epoch + 1, 0


def _ahead(prepare, places: Iterator, prefetch: int, threads: int) -> Iterator[StepData]:
    """Yields prepare(place) of each place in order, at most `prefetch` of them in work or waiting."""
    pool = ThreadPoolExecutor(threads, thread_name_prefix="load")
    waiting: deque[Future] = deque()
    try:
        for place in places:
            waiting.append(pool.submit(prepare, place))
            if len(waiting) >= max(1, prefetch):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _batch(reader: Reader, rows: np.ndarray, seed: int, epoch: int, quarantine: Quarantine) -> Batch:
    dataset = reader.dataset
    places = list(zip(rows["shard"].tolist(), rows["row"].tolist()))
    read = [_read_with_prompt(reader, shard, row, seed, epoch, quarantine) for shard, row in places]
    records = [dataset.rows[int(dataset.first_row[shard]) + row] for shard, row in places]
    samples: list[tuple[Sample, np.ndarray] | None] = read or [None]
    no_prompt = np.zeros((dataset.info.conditioning_rows or 1, dataset.info.conditioning_width), dtype=np.float32)
    nothing = np.zeros(0, dtype=np.int64)
    text = [nothing if one is None else one[0].ids for one in samples]
    codes = [nothing if one is None else one[0].codes for one in samples]
    prompts = [no_prompt if one is None else one[1] for one in samples]
    return Batch(
        text=_padded(text, torch.int64),
        text_lengths=torch.tensor([len(one) for one in text]),
        codes=_padded(codes, torch.int64),
        code_lengths=torch.tensor([len(one) for one in codes]),
        prompt=_padded(prompts, torch.float32),
        prompt_lengths=torch.tensor([len(one) for one in prompts]),
        weight=torch.tensor([0.0 if one is None else 1.0 for one in samples]),
        uids=[record["id"].tobytes().hex() for record in records] or [""],
        speakers=[dataset.info.speakers[record["speaker"]] for record in records] or [""],
    )


def _padded(arrays: list[np.ndarray], dtype: torch.dtype) -> torch.Tensor:
    """Arrays (length, …) → tensor (arrays, longest, …), zero behind the end of each."""
    longest = max(len(array) for array in arrays)
    padded = torch.zeros((len(arrays), longest, *arrays[0].shape[1:]), dtype=dtype)
    target = padded.numpy()
    for i, array in enumerate(arrays):
        target[i, : len(array)] = array
    return padded


def _read_with_prompt(
    reader: Reader, shard: int, row: int, seed: int, epoch: int, quarantine: Quarantine
) -> tuple[Sample, np.ndarray] | None:
    """(row, conditioning of its prompt (rows, width)), or None when the row or all its prompts are damaged."""
    sample = _read_or_quarantine(reader, shard, row, quarantine)
    if sample is None:
        return None
    start, end = reader.dataset.first_row[shard : shard + 2]
    for candidate in prompt_candidates(reader.dataset.rows[start:end], row, seed, epoch):
        prompt = sample if candidate == row else _read_or_quarantine(reader, shard, candidate, quarantine)
        if prompt is not None:
            return sample, prompt.conditioning
    return None


def _read_or_quarantine(reader: Reader, shard: int, row: int, quarantine: Quarantine) -> Sample | None:
    for wait in RETRY_SECONDS:
        if wait:  # sleep(0) would give the processor away for every row
            time.sleep(wait)
        try:
            return reader.read(shard, row)
        except DamagedRow as error:
            reason = str(error)
            reader.forget(shard)
    uid = reader.dataset.rows[int(reader.dataset.first_row[shard]) + row]["id"].tobytes().hex()
    quarantine.add(shard, row, uid, reason)
    return None
