"""The rules while a run is under way: each event is taken as it comes, and each finding is said once an epoch."""

from collections.abc import Mapping

from amharic_tts.diagnose.curves import CurveWriter, put_event
from amharic_tts.diagnose.diagnose import findings_of_course, findings_of_steps
from amharic_tts.diagnose.findings import Finding

RECENT = 1000
"""Steps of which every figure is kept: rules on single steps look at these."""
COURSE = 500
"""Points to which the whole course is thinned, by means of neighbours; twice as many are held at most."""
EVERY = 0.04
"""Share of the steps seen so far after which the rules look again (at least 6 steps, and at most a tenth of RECENT)."""
LOOKS = 3
FEWEST = 50
"""Training steps before anything is said."""


class Watcher:
    """Takes the training loop's events in order and returns what is new.

    A finding is returned when three looks in a row have made it (one look of hundreds is wrong by chance), and again only in
    another epoch. `planned` is the last step of the phase: without it rules on pace (slow, flat, nothing learned) stay
    silent, because they need to know how much is still to come. `usual_rate` is the learning rate that such a model and such data usually
    take, where that is known: it makes a rate far below it easier to convict. Memory is bounded, whatever the run's length; most events
    cost an append, one in ten to one in forty takes some milliseconds.

        watcher = Watcher(planned=session.last_step)
        for finding in watcher.take(event): say(finding.line())
    """

    def __init__(self, planned: int | None = None, usual_rate: float | None = None):
        self.planned, self.usual_rate = planned, usual_rate
        self._begin("")

    def _begin(self, phase: str) -> None:
        self.course, self.recent = CurveWriter(phase), CurveWriter(phase)
        self.seen = self.group = 0
        self.held: list[dict] = []
        self.every, self.next_look = 1, FEWEST
        self.made: dict[str, int] = {}
        """Looks in a row that each finding has been made in."""
        self.said: dict[str, int] = {}
        self.epoch = 0

    def take(self, event: Mapping) -> list[Finding]:
        """Findings that this event makes, that were not said in this epoch before."""
        kind = event.get("event")
        if kind == "phase":
            self._begin(str(event.get("phase") or ""))
            self.planned = event.get("last_step", self.planned)
        if kind not in ("train", "validation", "resume"):
            return []
        put_event(self.recent, event)
        if kind != "train":
            put_event(self.course, event)
            return []
        self.seen += 1
        self.epoch = event.get("epoch", self.epoch)
        self._thin(event)
        if self.seen < self.next_look:
            return []
        self.next_look = self.seen + max(6, min(RECENT // 10, round(EVERY * self.seen)))
        return self._look()

    def _thin(self, event: Mapping) -> None:
        """Puts the mean of every `every` steps on the course, and halves a course that has become long."""
        self.held.append(
            {k: event[k] for k in ("step", "code_loss", "loss", "learning_rate") if event.get(k) is not None}
        )
        if len(self.held) >= self.every:
            put_event(self.course, {"event": "train", **_mean(self.held)})
            self.held = []
        if len(self.course.points.get("train", ())) > 2 * COURSE:
            self.every *= 2
            for name in ("train", "rate"):
                points = list(self.course.points.get(name, {}).items())
                pairs = zip(points[::2], points[1::2])
                self.course.points[name] = {b[0]: (b[1][0], (a[1][1] + b[1][1]) / 2) for a, b in pairs}
        for name, points in self.course.points.items():
            if isinstance(name, tuple) and len(points) > COURSE:
                self.course.points[name] = dict(list(points.items())[::2])
        for points in self.recent.points.values():
            if len(points) > RECENT:
                del points[next(iter(points))]
        del self.recent.resumes[:-5]

    def _look(self) -> list[Finding]:
        course, recent = (
            self.course.curves(self.planned, self.usual_rate),
            self.recent.curves(self.planned, self.usual_rate),
        )
        found = findings_of_steps(recent) + [
            one for one in findings_of_course(course) if one.name not in PACE or self.planned is not None
        ]
        self.made = {one.name: self.made.get(one.name, 0) + 1 for one in found}
        new = [one for one in found if self.made[one.name] >= LOOKS and self.said.get(one.name) != self.epoch]
        self.said |= {one.name: self.epoch for one in new}
        return new


PACE = ("lr_too_low", "plateau", "nothing_learned")


def _mean(events: list[dict]) -> dict:
    """Means of figures; the step is the last one's."""
    names = {name for event in events for name in event if name != "step"}
    values = {name: [event[name] for event in events if name in event] for name in names}
    return {"step": events[-1]["step"]} | {name: sum(known) / len(known) for name, known in values.items()}
