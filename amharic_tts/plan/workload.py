"""The data of a run as the trainer will cut it: steps of an epoch, micro-batches of a step, the largest of them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from amharic_tts.data.plan import Plan, microbatches, require_fits
from amharic_tts.data.read import Dataset
from amharic_tts.data.shard import CATALOG
from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.plan.shape import Shape
from amharic_tts.train.recipe import Recipe

SAMPLE = 40
"""Steps of an epoch that are cut for the figures, evenly spread."""

SECONDS, SPREAD, SHORTEST, LONGEST = 5.8, 0.62, 1.0, 20.0
"""Speech whose data is not there yet: durations of utterances in seconds, log-normal around a mean of 5.8, cut off."""

TEXT_RATE, CODE_RATE = 6.0, 50.0
"""Text ids and codes for each second of speech: Amharic in a vocabulary of its own pieces; IndexTTS-2's codes."""

SHARD_ROWS = 1000


@dataclass(frozen=True)
class Workload:
    """A data set under a plan."""

    plan: Plan
    rows: int
    positions: int
    """Positions of all its rows."""
    frames: int
    """Of its longest prompt."""
    seconds: float
    """Of speech; each code is a fiftieth."""


def of_data(dataset: Dataset, recipe: Recipe, config: ModelConfig) -> Workload:
    """Packed shards."""
    frames = 0 if config.stored_conditioning else int(dataset.rows["n_prompt"].max(initial=0))
    seconds = float(dataset.rows["duration"].sum(dtype=np.float64))
    return workload(dataset.catalog, dataset.rows_of_shard, recipe, config, frames, seconds)


def of_hours(hours: float, recipe: Recipe, config: ModelConfig) -> Workload:
    """`hours` of speech with lengths as speech has them; the same every time. Raises InputError for no speech."""
    count = int(hours * 3600 / SECONDS)
    if count < 1:
        raise InputError(f"--hours {hours} is less than one utterance")
    generator = np.random.default_rng(0)
    seconds = generator.lognormal(np.log(SECONDS) - SPREAD**2 / 2, SPREAD, count).clip(SHORTEST, LONGEST)
    rows = np.zeros(count, dtype=[("n_text", "<u2"), ("n_code", "<u2")])
    rows["n_text"] = np.minimum(seconds * TEXT_RATE, config.max_text)
    rows["n_code"] = np.minimum(seconds * CODE_RATE, config.max_codes)
    shards = np.array_split(rows, -(-count // SHARD_ROWS))
    catalog = np.zeros(len(shards), dtype=CATALOG)
    for record, shard in zip(catalog, shards, strict=True):
        text, codes = shard["n_text"].astype(int), shard["n_code"].astype(int)
        record["rows"], record["text"], record["codes"] = len(shard), text.sum(), codes.sum()
        record["longest"] = (text + codes).max()
    frames = 0 if config.stored_conditioning else int(CODE_RATE * SECONDS)
    return workload(catalog, shards.__getitem__, recipe, config, frames, float(seconds.sum()))


def workload(
    catalog: np.ndarray, rows_of_shard: Callable[[int], np.ndarray], recipe: Recipe, config: ModelConfig, frames: int,
    seconds: float,
) -> Workload:  # fmt: skip
    """The plan that training makes of these shards."""
    plan = Plan(
        catalog, rows_of_shard, recipe.run.seed, recipe.data.step_tokens,
        positions_per_row=config.positions_per_row, window_shards=recipe.data.window_shards,
    )  # fmt: skip
    rows = int(catalog["rows"].sum())
    positions = int(catalog["text"].sum()) + int(catalog["codes"].sum()) + rows * config.positions_per_row
    return Workload(plan, rows, positions, frames, seconds)


def step_shapes(work: Workload, world: int, budget: int) -> list[list[list[Shape]]]:
    """Of a sample of steps, of every rank: its micro-batches that have rows. Raises InputError when a row exceeds the
    budget."""
    require_fits(work.plan, budget)
    steps = work.plan.steps(0)
    numbers = sorted({int(k) for k in np.linspace(0, steps - 1, min(SAMPLE, steps))})
    return [step_shape(work, work.plan.step_set(0, k), world, budget) for k in numbers]


def step_shape(work: Workload, rows: np.ndarray, world: int, budget: int) -> list[list[Shape]]:
    """One step, rank by rank."""
    lengths = work.plan.lengths(rows)
    return [
        [shape_of(rows[indices], lengths[indices], work.frames) for indices in rank if len(indices)]
        for rank in microbatches(lengths, world, budget)
    ]


def shape_of(rows: np.ndarray, lengths: np.ndarray, frames: int) -> Shape:
    """Of one micro-batch."""
    text, codes = rows["n_text"].astype(np.int64) + 1, rows["n_code"].astype(np.int64) + 1
    return Shape(len(rows), int(lengths.max()), int(text.sum()), int(codes.sum()), frames)


def fullest(shapes: list[list[list[Shape]]], budget: int) -> Shape:
    """A micro-batch that is worse than all of the sample: a tenth larger than its largest, within the budget, and with
    the greatest shares of text and of codes that any has."""
    every = [shape for step in shapes for rank in step for shape in rank]
    positions = min(budget, max(shape.positions for shape in every) * 11 // 10)
    return filled(every, positions)


def filled(every: list[Shape], positions: int) -> Shape:
    """A micro-batch of `positions` as full of text and of codes as the fullest of `every`, in rows about as long as the
    longest."""
    rows = -(-positions // max(shape.longest for shape in every))
    longest = positions // rows
    text = max(shape.text_targets / shape.positions for shape in every)
    codes = max(shape.code_targets / shape.positions for shape in every)
    frames = max(shape.frames for shape in every)
    return Shape(rows, longest, int(text * rows * longest), int(codes * rows * longest), frames)
