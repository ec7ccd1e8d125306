"""Learning rate as a share of its peak, by optimizer step."""

import math

from amharic_tts.train.recipe import ScheduleSection


def learning_rate_share(step: int, total: int, schedule: ScheduleSection) -> float:
    """Share of the peak rate for optimizer step `step` (0 = the first) of a run of `total` steps.

    Warm-up rises from 1/(warmup+1), never from zero: the first step is not lost.
    """
    warmup = schedule.warmup(total)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / max(1, total - 1 - warmup))
    if schedule.kind == "constant":
        return 1.0
    fall = 1 - done if schedule.kind == "linear" else (1 + math.cos(math.pi * done)) / 2
    return schedule.final_share + (1 - schedule.final_share) * fall
