"""What to do with a forecast: nothing, or which settings to change so that the job fits."""

import copy
from collections.abc import Callable
from dataclasses import replace

from amharic_tts.data.plan import require_fits
from amharic_tts.errors import InputError
from amharic_tts.plan.forecast import Forecast, forecast
from amharic_tts.plan.job import Job

GRAIN = 512
"""Token budgets are tried in multiples of this."""

SMALLEST = 4096
"""Positions of a micro-batch that keep a card busy; smaller budgets are not advised for the sake of less padding."""

OFFLOAD = {"device": "cpu"}


def advice(found: Forecast) -> list[str]:
    """Lines for a person, the verdict first."""
    job, own = found.job, found.job.config.own
    if not found.fits:
        return [f"does not fit: {(found.total - found.room) / 1e9:.1f} GB too much", *ways_out(found)]
    lines = [f"fits, with {(found.room - found.total) / 1e9:.1f} GB to spare"]
    step = job.recipe.data.step_tokens / job.machine.world
    if faster := faster_budget(found):
        budget, share = faster
        lines.append(f'"micro_batch_tokens": {budget} takes {share:.0%} less time: rows of a length stand together')
    if found.micro_batches > 1.01:
        lines.append(
            f"a step of {job.recipe.data.step_tokens} positions is accumulated over {found.micro_batches:.1f} "
            "micro-batches on each GPU; the result is the same as in one"
        )
    if own.micro_batch_tokens > 1.5 * found.shape.positions:
        lines.append(
            f"the budget of {own.micro_batch_tokens} positions is never filled: a step has {step:.0f} for each GPU. A "
            "larger data.step_tokens would use the card better, and changes what is learned"
        )
    if own.activation_checkpointing and fits(without_recomputation(job), found):
        lines.append(
            'it also fits with "activation_checkpointing": false, which saves '
            f"{1 - forecast(without_recomputation(job), found.fraction).step_flops / found.step_flops:.0%} of the time"
        )
    return lines


def ways_out(found: Forecast) -> list[str]:
    """Changes of the DeepSpeed JSON, each of which makes a job fit that does not; the cheapest in time first."""
    job = found.job
    recomputed = replace(job, config=replace(job.config, own=replace(job.config.own, activation_checkpointing=True)))
    ways: list[tuple[str, Job]] = []
    for text, changed in (
        ("", job),
        ('"activation_checkpointing": true: about a third more time', recomputed),
        ('"offload_optimizer": {"device": "cpu"}, with activation checkpointing', with_offload(recomputed)),
    ):
        if changed == job and text:  # it recomputes already
            continue
        if text and fits(changed, found):
            ways.append((text, changed))
        elif budget := smaller_budget(
            changed, lambda tokens, changed=changed: fits(with_budget(changed, tokens), found)
        ):
            smaller = f'"micro_batch_tokens": {budget}: more accumulation, the same steps'
            ways.append((f"{text}; {smaller}" if text else smaller, with_budget(changed, budget)))
    if not ways:
        return [
            "no setting of one card makes it fit: take more GPUs (--gpus; ZeRO shares the states among them), a larger "
            "card, or trainable.what: lora in the recipe"
        ]
    return [f"{text} ({what(changed, found)})" for text, changed in ways]


def faster_budget(found: Forecast) -> tuple[int, float] | None:
    """A smaller budget that wastes less on padding, and the share of the time that it saves; None for less than 5 %. A
    step that is cut into few micro-batches pads short rows to the length of long ones."""
    tried = {}
    budget = found.job.config.own.micro_batch_tokens // 2
    while budget >= max(SMALLEST, found.job.work.plan.longest()):
        tried[budget] = forecast(with_budget(found.job, budget), found.fraction).step_seconds
        budget //= 2
    best = min(tried, key=tried.__getitem__, default=None)
    share = 1 - tried[best] / found.step_seconds if best else 0
    return (best, share) if share >= 0.05 else None


def what(job: Job, found: Forecast) -> str:
    """A changed job in figures."""
    changed = forecast(job, found.fraction)
    host = f", {changed.states.host / 1e9:.1f} GB of main memory" if changed.states.host else ""
    return f"{changed.total / 1e9:.1f} GB{host}, {changed.step_seconds / found.step_seconds:.2f} times the time"


def fits(job: Job, found: Forecast) -> bool:
    """Whether the changed job fits; a budget below the longest row does not."""
    try:
        require_fits(job.work.plan, job.config.own.micro_batch_tokens)
    except InputError:
        return False
    return forecast(job, found.fraction).fits


def without_recomputation(job: Job) -> Job:
    return replace(job, config=replace(job.config, own=replace(job.config.own, activation_checkpointing=False)))


def with_budget(job: Job, tokens: int) -> Job:
    return replace(job, config=replace(job.config, own=replace(job.config.own, micro_batch_tokens=tokens)))


def with_offload(job: Job) -> Job:
    values = copy.deepcopy(job.config.deepspeed)
    values["zero_optimization"]["offload_optimizer"] = OFFLOAD
    return replace(job, config=replace(job.config, deepspeed=values))


def smaller_budget(job: Job, works: Callable[[int], bool]) -> int | None:
    """The largest multiple of GRAIN below the job's budget that works; None if none does. What works with a budget works
    with a smaller one, down to the longest row."""
    low, high = -(-job.work.plan.longest() // GRAIN), (job.config.own.micro_batch_tokens - 1) // GRAIN
    if low > high or not works(low * GRAIN):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if works(middle * GRAIN) else (low, middle - 1)
    return low * GRAIN
