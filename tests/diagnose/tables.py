"""Tables as curves, and as the trainer's events."""

import math

from amharic_tts.diagnose.curves import Curves, CurveWriter
from amharic_tts.diagnose.diagnose import diagnose

CURVES = {"train": "train", "validation": ("validation", "validation"), "lr": "rate", "grad_norm": "grad_norm"}
KEYS = {"train": "code_loss", "lr": "learning_rate", "grad_norm": "grad_norm"}


def curves(**columns) -> Curves:
    """Curves of {column: values}; None is a gap; without `step` rows are counted."""
    writer = CurveWriter()
    rows = len(next(iter(columns.values())))
    for i in range(rows):
        writer.move(columns["step"][i] if "step" in columns else i)
        for name, curve in CURVES.items():
            if name in columns and columns[name][i] is not None:
                writer.put(curve, columns[name][i])
    return writer.curves()


def names(**columns) -> set[str]:
    """Names of what is found in a table."""
    return {finding.name for finding in diagnose(curves(**columns))}


def events(columns: dict, epochs: int = 1) -> list[dict]:
    """The events of a run whose steps 1… are the table's rows; what is not finite is null, as the trainer writes it."""
    out: list[dict] = []
    rows = len(columns["train"])
    for i in range(rows):
        figures = {
            key: columns[name][i] if math.isfinite(columns[name][i]) else None
            for name, key in KEYS.items()
            if name in columns
        }
        out.append({"event": "train", "step": i + 1, "epoch": i * epochs // rows, **figures})
        if "validation" in columns and columns["validation"][i] is not None:
            out.append({"event": "validation", "step": i + 1, "set": "held_out", "code_loss": columns["validation"][i]})
    return out
