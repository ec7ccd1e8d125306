"""Batches that do not fit into memory are cut in two, and so are those that come after them."""

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from amharic_tts.codec.indextts2.w2v_bert import SAMPLE_RATE
from amharic_tts.extract.work import cut_batches

Result = TypeVar("Result")
SIGNS = ("out of memory", "can't allocate memory", "not enough memory", "alloc_failed")
"""In messages of torch's allocators on the CPU and the GPU, of CUDA, cuBLAS and cuDNN."""


@dataclass
class Budget:
    """Samples of a padded batch at most; it sinks when memory does not suffice, for the process that found out."""

    samples: int


class OutOfMemory:
    """In place of the result of a row that does not even fit alone."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory was asked for and not given."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error).lower() for sign in SIGNS)


def run_batches(
    run: Callable[[list[Tensor]], Sequence[Result]], waves: Sequence[Tensor], budget: Budget
) -> Iterator[tuple[int, Result | OutOfMemory]]:
    """(index of a wave, its result), each once: `run` takes batches of waves (samples,) within the budget. When one does
    not fit into memory, half of it is tried, and no later batch is larger than that half."""
    length = lambda row: len(waves[row])  # noqa: E731
    waiting = cut_batches(range(len(waves)), length, budget.samples)
    while waiting:
        rows = waiting.pop(0)
        results: Sequence[Result | OutOfMemory] | None = None
        try:
            results = run([waves[row] for row in rows])
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
        if results is None:  # outside of the handler, whose exception keeps the tensors of the batch alive
            torch.cuda.empty_cache()
            if len(rows) > 1:
                budget.samples = min(budget.samples, len(rows) * length(rows[0]) // 2)
                print(f"out of memory: batches of {budget.samples / SAMPLE_RATE:.1f} s from here on", file=sys.stderr)
                waiting = cut_batches([row for batch in (rows, *waiting) for row in batch], length, budget.samples)
                continue
            results = [OutOfMemory()]
        yield from zip(rows, results, strict=True)
