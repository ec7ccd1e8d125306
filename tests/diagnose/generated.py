"""Curves as runs leave them, healthy and with each sickness, at every length, scale and noise; nothing here knows a rule.

Each maker takes a random generator and a number of points, and returns {column: values with None for gaps}.
"""

import math

import numpy as np

LENGTHS = (4, 6, 9, 14, 25, 50, 100, 250, 700, 2000, 5000)
# Loss at the start and where it ends: documents 002 and 003, fine-tuning, learning from nothing.
SCALES = ((0.57, 0.12), (13.0, 1.5), (4.5, 2.9), (4.5, 1.2), (9.0, 3.6), (6.5, 2.2), (2.2, 1.5))

Columns = dict[str, list]


def noise(rng, n: int, size: float) -> np.ndarray:
    """Relative noise of one of three kinds: normal, with heavy tails, alike in neighbouring steps."""
    kind = rng.integers(3)
    if kind == 0:
        return size * rng.standard_normal(n)
    if kind == 1:
        return size * rng.standard_t(4, n) / math.sqrt(2)
    out, keep = np.zeros(n), 0.7
    white = rng.standard_normal(n)
    for i in range(1, n):
        out[i] = keep * out[i - 1] + math.sqrt(1 - keep**2) * white[i]
    return size * out


def noise_size(rng, n: int) -> float:
    """Few points are means over epochs; many are single steps."""
    return float(
        rng.uniform(0.002, 0.015) if n < 14 else rng.uniform(0.005, 0.05) if n < 50 else rng.uniform(0.01, 0.08)
    )


def times(n: int) -> np.ndarray:
    return np.linspace(0.0, 1.0, n)


def falling(rng, n: int, start: float, floor: float) -> np.ndarray:
    """A loss that falls as it should: exponentially, by a power law, or in two stages."""
    x, kind = times(n), rng.integers(3)
    if kind == 0:
        share = np.exp(-x * rng.uniform(2.5, 6.5))
    elif kind == 1:
        share = (1 + x * rng.uniform(10, 60)) ** -rng.uniform(0.3, 0.6)
        share = (share - 0.5 * share[-1]) / (1 - 0.5 * share[-1])
    else:
        share = 0.6 * np.exp(-x * rng.uniform(8, 30)) + 0.4 * np.exp(-x * rng.uniform(2, 4))
    return floor + (start - floor) * share


def schedule(rng, n: int, peak: float, kind: str | None = None) -> np.ndarray:
    """Warm-up of up to a tenth, then constant, linear or cosine."""
    x, warm = times(n), rng.choice([0.0, 0.03, 0.1]) if n >= 25 else 0.0
    kind = kind or rng.choice(["constant", "linear", "cosine"])
    done = np.clip((x - warm) / (1 - warm), 0, 1)
    fall = {"constant": np.ones(n), "linear": 1 - 0.95 * done, "cosine": 0.02 + 0.49 * (1 + np.cos(np.pi * done))}[kind]
    return peak * np.where(x < warm, (x + 1 / n) / (warm + 1 / n), fall)


def validations(rng, n: int, values: np.ndarray) -> list:
    """A validation loss at some of the points; the same set each time, so that it is far less noisy."""
    every = 1 if n <= 14 else max(2, n // int(rng.integers(8, 40)))
    out: list = [None] * n
    for i in range(every - 1, n, every):
        out[i] = float(values[i] * (1 + rng.uniform(0.001, 0.006) * rng.standard_normal()))
    return out


def steps(rng, n: int) -> list:
    every = int(rng.choice([1, 10, 50, 250]))
    return [every * (i + 1) for i in range(n)]


def norms(rng, n: int) -> np.ndarray:
    """Gradient norms: high at first, then around a level, with the usual spread and now and then a high one."""
    level = rng.uniform(0.2, 3.0) * (1 + 4 * np.exp(-times(n) * 20))
    out = level * np.exp(rng.uniform(0.1, 0.4) * rng.standard_normal(n))
    if n > 50 and rng.random() < 0.3:
        out[rng.integers(n // 10, n)] *= 20
    return out


def columns(rng, n: int, train: np.ndarray, level: np.ndarray, rate: np.ndarray, gap: bool = True) -> Columns:
    """A table of a run; `level` is the loss without noise that validation goes by."""
    wide = rng.uniform(1.0, 1.15) + rng.uniform(0, 0.08) * times(n) * (1 if gap else 0)
    out = {
        "step": steps(rng, n),
        "train": train.tolist(),
        "validation": validations(rng, n, level * wide),
        "lr": rate.tolist(),
        "grad_norm": norms(rng, n).tolist(),
    }
    return out


def base(rng, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A healthy (train, level, rate)."""
    start, floor = SCALES[rng.integers(len(SCALES))]
    level = falling(rng, n, start, floor * rng.uniform(0.9, 1.1))
    rate = schedule(rng, n, float(rng.choice([1e-5, 2e-5, 5e-5, 2e-4, 2e-3])))
    return level * (1 + noise(rng, n, noise_size(rng, n))), level, rate


def drop_columns(rng, table: Columns, keep: tuple[str, ...] = ("train",)) -> Columns:
    """Leaves out some columns, but none of `keep`."""
    return {name: v for name, v in table.items() if name in keep or rng.random() < 0.6}


def healthy(rng, n: int) -> Columns:
    train, level, rate = base(rng, n)
    if n >= 50 and rng.random() < 0.3:  # a bad batch
        train[rng.integers(n // 4, n)] *= rng.uniform(1.3, 2.0)
    table = columns(rng, n, train, level, rate)
    return drop_columns(rng, table, ("validation",) if n <= 14 and rng.random() < 0.2 else ("train",))


def healthy_resume(rng, n: int) -> Columns:
    """Stopped and resumed without loss: the last few steps are done again."""
    train, level, rate = base(rng, n)
    table = columns(rng, n, train, level, rate)
    i, back = int(rng.integers(n // 4, 3 * n // 4)), int(rng.integers(1, max(2, n // 20)))
    return {name: values[:i] + values[i - back :] for name, values in table.items()}


def lr_too_low(rng, n: int) -> Columns:
    """A line, or the very beginning of an exponential, that has come down by a twentieth to a third."""
    start = SCALES[rng.integers(len(SCALES))][0]
    fall, bend = rng.uniform(0.06, 0.3), rng.uniform(0.0, 0.7)
    x = times(n)
    share = x if bend < 0.05 else (1 - np.exp(-bend * x)) / (1 - math.exp(-bend))
    level = start * (1 - fall * share)
    train = level * (1 + noise(rng, n, min(noise_size(rng, n), fall / 4, fall * math.sqrt(n) / 25)))
    rate = schedule(rng, n, float(rng.choice([1e-7, 1e-6])), "constant")
    keep = ("train", "lr") if rng.random() < 0.5 else ("train",)
    return drop_columns(rng, columns(rng, n, train, level, rate, gap=False), keep)


def lr_too_high(rng, n: int) -> Columns:
    """Rises from the start, turns up after a while and stays, or bounces at a high level."""
    train, level, rate = base(rng, n)
    x, kind = times(n), rng.integers(3)
    size = noise_size(rng, n)
    if kind == 0:
        level = level[0] * (1 + rng.uniform(0.4, 2.0) * np.minimum(1, x * rng.uniform(1.2, 4)))
    elif kind == 1:
        turn = rng.uniform(0.3, 0.7)
        at = level[min(n - 1, round(turn * n))]
        level = np.where(x < turn, level, at * (1 + rng.uniform(0.6, 1.5) * np.clip((x - turn) / 0.2, 0, 1)))
    else:
        level = level[0] * (
            0.7 + 0.25 * np.sin(2 * np.pi * x * (1.6 if n < 14 else rng.uniform(2, 5)) + rng.uniform(0, 0.5))
        )
        level = np.where(x < 1e-9, level[0] * 1.1, level)
    train = level * (1 + noise(rng, n, size))
    return drop_columns(rng, columns(rng, n, train, level, rate * 50))


def unstable(rng, n: int) -> Columns:
    """Many spikes over a loss that falls."""
    train, level, rate = base(rng, n)
    for _ in range(int(rng.integers(5, 12))):
        i = int(rng.integers(n // 8, n - 3))
        tail = rng.uniform(0.6, 2.5) * 0.5 ** np.arange(min(4, n - i))
        train[i : i + len(tail)] *= 1 + tail
    return drop_columns(rng, columns(rng, n, train, level, rate))


def plateau(rng, n: int) -> Columns:
    """Falls for a tenth to a fifth of the run and stands from then on, high, at an undiminished rate."""
    start = SCALES[rng.integers(len(SCALES))][0]
    stands = start * rng.uniform(0.5, 0.8)
    level = stands + (start - stands) * np.exp(-times(n) * rng.uniform(15, 40))
    train = level * (1 + noise(rng, n, min(noise_size(rng, n), 0.04)))
    table = columns(rng, n, train, level, schedule(rng, n, 2e-5, "constant"), gap=False)
    return drop_columns(rng, table)


def spike_after_resume(rng, n: int) -> Columns:
    """Resumed without the optimizer's state: the loss jumps and takes a tenth of the run to come back. Logged by steps done
    again, by a gap, or only by the curve."""
    train, level, rate = base(rng, n)
    i = int(rng.integers(n // 3, 2 * n // 3))
    back = rng.uniform(0.04, 0.12) * n
    train[i:] *= 1 + rng.uniform(0.5, 1.5) * np.exp(-np.arange(n - i) / back)
    table = columns(rng, n, train, level, rate)
    kind = rng.integers(3)
    if kind == 0:
        every, again = table["step"][0], int(rng.integers(2, 6))
        table["step"] = table["step"][:i] + [step - again * every for step in table["step"][i:]]
    elif kind == 1:
        table["step"] = table["step"][:i] + [step + 20 * table["step"][0] for step in table["step"][i:]]
    return drop_columns(rng, table, ("step", "train"))


def overfitting(rng, n: int) -> Columns:
    """Training falls on, validation turns in the middle."""
    train, level, rate = base(rng, n)
    turn, x = rng.uniform(0.25, 0.55), times(n)
    up = rng.uniform(0.15, 0.8) * np.clip((x - turn) / (1 - turn), 0, 1)
    table = columns(rng, n, train, level, rate)
    at = level[min(n - 1, round(turn * n))]
    table["validation"] = validations(rng, n, np.where(x < turn, level, at) * (1 + up) * 1.05)
    return drop_columns(rng, table, ("train", "validation") if rng.random() < 0.8 else ("validation",))


def nothing_learned(rng, n: int) -> Columns:
    """Noise around where it began."""
    start = SCALES[rng.integers(len(SCALES))][0]
    level = np.full(n, start)
    train = level * (1 + noise(rng, n, noise_size(rng, n) / (4 if n < 50 else 2)))
    return drop_columns(rng, columns(rng, n, train, level, schedule(rng, n, 2e-5), gap=False))


def gradient_explosion(rng, n: int) -> Columns:
    """Norms far above their past: again and again, for good, or not finite any more."""
    train, level, rate = base(rng, n)
    table = columns(rng, n, train, level, rate)
    norm, kind, i = np.array(table["grad_norm"]), rng.integers(3), int(rng.integers(n // 3, 2 * n // 3))
    if kind == 0:
        at = rng.choice(np.arange(n // 6, n, 3), size=min(6, n // 6), replace=False)
        norm[at] *= 10 ** rng.uniform(1.7, 4, len(at))
    elif kind == 1:
        norm[i:] *= 10 ** np.linspace(0.5, 3, n - i)
    else:
        norm[i:] = np.nan
        table["train"] = table["train"][:i] + [math.nan] * (n - i)
    table["grad_norm"] = norm.tolist()
    return drop_columns(rng, table, ("train", "grad_norm"))


SICK = {
    # maker, least number of points at which the sickness shows, names that may stand beside it
    "lr_too_low": (lr_too_low, 4, set()),
    "lr_too_high": (lr_too_high, 4, {"unstable"}),
    "unstable": (unstable, 50, {"lr_too_high"}),
    "plateau": (plateau, 9, set()),
    "spike_after_resume": (spike_after_resume, 50, set()),
    "overfitting": (overfitting, 6, set()),
    "nothing_learned": (nothing_learned, 4, set()),
    "gradient_explosion": (gradient_explosion, 25, {"unstable"}),
}
