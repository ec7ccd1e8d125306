"""The largest token budget that a GPU holds, found by trying, and a DeepSpeed JSON with it.

The result is a copy of the configuration under `runs/tuned/`, named after the GPU. Training uses it when told:
`--deepspeed_config runs/tuned/tesla-t4.json`. The largest budget is not the fastest where steps are small; the
planner's advice weighs padding (`advice.faster_budget`).
"""

import json
import re
from collections.abc import Callable
from pathlib import Path

from amharic_tts.errors import InputError
from amharic_tts.plan.advice import GRAIN
from amharic_tts.plan.job import Job
from amharic_tts.plan.trial import Measured, run_trial
from amharic_tts.publish import publish
from amharic_tts.train.deepspeed_config import OURS

SPARED = 0.97
"""Share of the found budget that is written down: what is fragmented differs from run to run."""

LARGEST = 2**18
"""Positions beyond which nobody looks."""


def require_gpu() -> None:
    """Raises InputError on a machine without one."""
    import torch

    if not torch.cuda.is_available():
        raise InputError("--tune measures on a GPU, and this machine has none: leave it out for a prediction")


def tune(job: Job, config: Path, directory: Path) -> str:
    """Bisects, writes the JSON, and says what was found, in words. Raises InputError when not even the longest row of the
    data fits."""
    require_gpu()
    smallest = -(-job.work.plan.longest() // GRAIN) * GRAIN
    found = bisect(lambda budget: run_trial(job, config, budget), smallest, LARGEST)
    if found is None:
        raise InputError(
            f"not even {smallest} positions fit, which the longest row needs: `python tools/plan_run.py --gpu {job.gpu} …` "
            "without --tune says what would help"
        )
    budget, measured = found
    kept = max(smallest, int(budget * SPARED) // GRAIN * GRAIN)
    path = write_tuned(config, directory, measured.device, kept)
    return (
        f"{measured.device}: {budget} positions fit, {measured.peak / 1e9:.2f} GB, "
        f"{measured.positions / measured.seconds:.0f} positions a second; {kept} written into {path}"
    )


def bisect(trial: Callable[[int], Measured | None], smallest: int, largest: int) -> tuple[int, Measured] | None:
    """The largest multiple of GRAIN (or `smallest`) whose trial succeeds, and that trial. It doubles until one fails, then
    halves the interval; None when `smallest` fails."""
    good, measured = smallest, trial(smallest)
    if measured is None:
        return None
    bad = None
    while bad is None and good < largest:
        budget = min(2 * good, largest)
        if (tried := trial(budget)) is None:
            bad = budget
        else:
            good, measured = budget, tried
    while bad is not None and bad - good > GRAIN:
        budget = (good + bad) // 2 // GRAIN * GRAIN
        if budget <= good:
            break
        if (tried := trial(budget)) is None:
            bad = budget
        else:
            good, measured = budget, tried
    return good, measured


def write_tuned(config: Path, directory: Path, device: str, budget: int) -> Path:
    """Publishes a copy of `config` with another budget, named after the GPU."""
    values = json.loads(config.read_text(encoding="utf-8"))
    values[OURS]["micro_batch_tokens"] = budget
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{re.sub(r'[^a-z0-9]+', '-', device.lower()).strip('-')}.json"
    with publish(path) as file:
        file.write((json.dumps(values, indent=2) + "\n").encode())
    return path
