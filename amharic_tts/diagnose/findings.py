"""What a rule says when it has found something."""

from dataclasses import dataclass

NAMES = (
    "lr_too_low", "lr_too_high", "unstable", "plateau", "spike_after_resume", "overfitting", "nothing_learned",
    "gradient_explosion", "loss_scale_collapse", "data_stall",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """`evidence` holds the figures and steps that led to it, `confidence` is within 0…1, `advice` says what to change by
    how much."""

    name: str
    evidence: str
    confidence: float
    advice: str

    def __post_init__(self):
        assert self.name in NAMES, self.name
        assert 0 <= self.confidence <= 1, self.confidence

    def line(self) -> str:
        """The finding on one line, as it is said while a run is under way."""
        return f"{self.name} ({self.confidence:.0%}): {self.evidence}. {self.advice}"


def certainty(measured: float, limit: float, most: float = 0.95) -> float:
    """Confidence of a figure that passed its limit: 0.5 where it just did, 0.75 at twice the limit, never above `most`."""
    return round(float(min(most, 1 - 0.5 * limit / max(measured, limit))), 2)


def figure(value: float) -> str:
    """A number in a sentence: 0.571, 13.2, 5e-07."""
    return f"{value:.3g}"
