"""The curves of one phase of a run, from the trainer's events or from a table."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

# Names of the trainer's events (amharic_tts/train/loop.py) and of tables → the curve that they belong to.
COLUMNS = {
    "train": "train", "train_loss": "train", "loss": "train", "code_loss": "train",
    "lr": "rate", "learning_rate": "rate", "grad_norm": "grad_norm", "loss_scale": "loss_scale",
    "skipped": "skipped", "padding_share": "padding", "tokens_per_second": "speed",
}  # fmt: skip
VALIDATION = ("validation", "validation_loss", "val", "val_loss")
MAY_BE_NON_FINITE = ("train", "grad_norm")


@dataclass(frozen=True)
class Series:
    """One curve. `time` rises strictly; `step` is what the run called it (the same, but where steps were done again).
    A value that was logged and is not finite is NaN; one that was not logged is not there."""

    time: np.ndarray
    step: np.ndarray
    value: np.ndarray

    def __len__(self) -> int:
        return len(self.value)

    def only(self, keep: np.ndarray) -> "Series":
        return Series(self.time[keep], self.step[keep], self.value[keep])

    @property
    def finite(self) -> "Series":
        return self.only(np.isfinite(self.value))

    def at(self, time: np.ndarray | float) -> np.ndarray | float:
        """Value at any time, linear between points, the first and last beyond them."""
        return np.interp(time, self.time, self.value)


EMPTY = Series(*(np.zeros(0),) * 3)


@dataclass(frozen=True)
class Curves:
    """What is known of a run, or of one phase of it. Curves that were not logged are empty."""

    train: Series = EMPTY
    validation: Mapping[str, Series] = field(default_factory=dict)
    """By validation set."""
    rate: Series = EMPTY
    grad_norm: Series = EMPTY
    loss_scale: Series = EMPTY
    skipped: Series = EMPTY
    """1 where a step had a non-finite gradient and was left out."""
    padding: Series = EMPTY
    """Share of the positions that were padding."""
    waiting: Series = EMPTY
    """Share of a step's time that was spent waiting for data."""
    speed: Series = EMPTY
    """Tokens per second."""
    resumes: tuple[float, ...] = ()
    """Times of the first points after a resume."""
    planned: float | None = None
    """Last step of the phase where the run is still under way; None where the curves are the whole story."""
    usual_rate: float | None = None
    """Learning rate that such a model and such data usually take, where it is known (usual_rate.py)."""
    name: str = ""
    """Of the phase."""

    @property
    def end(self) -> float:
        """Time of the last point of any curve."""
        every = (self.train, *self.validation.values(), self.grad_norm, self.rate)
        return max((float(series.time[-1]) for series in every if len(series)), default=0.0)


class CurveWriter:
    """Collects figures row by row in the order in which they were logged, and makes Curves of them."""

    def __init__(self, name: str = ""):
        self.name, self.points, self.resumes = name, {}, []
        self.offset = self.time = 0.0
        self.last_step = None
        self.resumed = False

    def move(self, step: float, leads: bool = True) -> None:
        """Goes to a step. A step that was done before (a resume that fell back) comes after all that was seen; rows that do
        not lead (a validation among training rows) may come late without being taken for one."""
        if leads:
            if self.last_step is not None and step < self.last_step:
                self.offset += self.last_step - step + 1
                self.resumed = True
            if self.resumed and step != self.last_step:
                self.resumes.append(step + self.offset)
                self.resumed = False
            self.last_step = step
        self.step, self.time = step, step + self.offset

    def put(self, curve: str, value: float) -> None:
        """A figure at the step moved to. A second one at the same step replaces the first."""
        points = self.points.setdefault(curve, {})
        points[self.time] = (self.step, value if math.isfinite(value) else math.nan)

    def curves(self, planned: float | None = None, usual_rate: float | None = None) -> Curves:
        def series(points: dict) -> Series:
            times = sorted(points)
            return Series(
                np.array(times, float),
                np.array([points[t][0] for t in times], float),
                np.array([points[t][1] for t in times], float),
            )

        known = {name: series(points) for name, points in self.points.items()}
        validation = {name[1]: known[name] for name in known if isinstance(name, tuple)}
        plain = {name: one for name, one in known.items() if isinstance(name, str)}
        return Curves(
            validation=validation,
            resumes=tuple(self.resumes),
            planned=planned,
            usual_rate=usual_rate,
            name=self.name,
            **plain,
        )


def put_event(writer: CurveWriter, event: Mapping) -> None:
    """Takes one event of the trainer (train, validation, resume); others say nothing here."""
    kind = event.get("event")
    if kind == "resume":
        writer.resumed = True
    elif kind == "train":
        writer.move(event["step"])
        # The loss of codes is what validation measures too; the sum of losses stands in where it is not logged.
        loss = "code_loss" if "code_loss" in event else "loss"
        for key in (loss, "learning_rate", "grad_norm", "loss_scale", "skipped", "padding_share", "tokens_per_second"):
            value = event.get(key)
            if value is not None:
                writer.put(COLUMNS[key], value)
            elif key in event and COLUMNS[key] in MAY_BE_NON_FINITE:  # JSON has no NaN: the trainer writes null
                writer.put(COLUMNS[key], math.nan)
        if event.get("data_seconds") is not None and event.get("seconds"):
            writer.put("waiting", event["data_seconds"] / event["seconds"])
    elif kind == "validation":
        writer.move(event["step"], leads=False)
        loss = event.get("code_loss", event.get("loss"))
        if loss is not None:
            writer.put(("validation", str(event.get("set", "validation"))), loss)


def curves_of_events(events: Iterable[Mapping], usual_rate: float | None = None) -> list[Curves]:
    """Curves of each phase of a run's events. A phase that nothing was logged of is left out."""
    writers = [CurveWriter()]
    for event in events:
        if event.get("event") == "phase":
            writers.append(CurveWriter(str(event.get("phase") or "")))
        put_event(writers[-1], event)
    return [writer.curves(usual_rate=usual_rate) for writer in writers if writer.points]
