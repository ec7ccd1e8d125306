"""Curves of a run's folder or of a table, their diagnosis, and the picture of it."""

import csv
import html
from collections.abc import Sequence
from pathlib import Path

import yaml

from amharic_tts.diagnose.curves import COLUMNS, MAY_BE_NON_FINITE, VALIDATION, Curves, CurveWriter, curves_of_events
from amharic_tts.diagnose.findings import Finding
from amharic_tts.diagnose.usual_rate import usual_rate_from_nothing
from amharic_tts.errors import InputError
from amharic_tts.evaluate.curves import Series, chart, scientific

EXPECTED = "step, train, validation, lr, grad_norm (any may be missing)"
MISSING = ("", "null", "none", "na", "-")
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#222}
figure{margin:1.5em 0}figcaption{font-weight:600}.legend{list-style:none;display:flex;gap:1.5em;padding:0;margin:.3em 0}
svg{width:100%;height:auto}svg text{font-size:11px;fill:#555}.x{text-anchor:middle}.y{text-anchor:end}.grid{stroke:#ddd}
.tick{stroke:#999}.series{fill:none;stroke-width:1.8}.faint{opacity:.3;stroke-width:1}.key{display:inline-block;width:1.2em;
height:.25em;vertical-align:middle;margin-right:.4em}.s1{stroke:#1b5e9b}.s2{stroke:#c1571a}.s3{stroke:#2b7a3d}.s4{stroke:#8a2f7d}
.s5{stroke:#6b6b00}circle.s1,.key.s1{fill:#1b5e9b;background:#1b5e9b}circle.s2,.key.s2{fill:#c1571a;background:#c1571a}
circle.s3,.key.s3{fill:#2b7a3d;background:#2b7a3d}circle.s4,.key.s4{fill:#8a2f7d;background:#8a2f7d}
circle.s5,.key.s5{fill:#6b6b00;background:#6b6b00}.finding{border-left:4px solid #c1571a;padding:.1em 1em;margin:1em 0}
"""


def read_curves(path: Path) -> list[Curves]:
    """Curves of a run's folder (one for each phase), of a metrics.jsonl or of a CSV. Raises InputError where nothing can be
    read from it."""
    if path.is_dir():
        path = path / "metrics.jsonl"
        if not path.is_file():
            raise InputError(
                f"there is no metrics.jsonl in {path.parent}: give the folder of a run (run.directory of its recipe, such as "
                "runs/demo after `make demo`) or a CSV with columns " + EXPECTED
            )
    if not path.is_file():
        raise InputError(f"there is no {path}: give the folder of a run or a CSV with columns {EXPECTED}")
    if path.suffix == ".jsonl":
        from amharic_tts.train.monitors import read_events  # loads torch; a table does not need it

        try:
            curves = curves_of_events(read_events(path), usual_rate(path.parent / "recipe.yaml"))
        except (KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
            raise InputError(f"{path} is not a run's metrics.jsonl: {error!r}") from None
    else:
        curves = [read_table(path)]
    if not any(len(one.train) or one.validation or len(one.grad_norm) for one in curves):
        raise InputError(
            f"{path} has no training loss, no validation loss and no gradient norm: there is nothing to say"
        )
    return curves


def usual_rate(recipe: Path) -> float | None:
    """Learning rate that the run's recipe leads to expect: known for a model that starts from nothing."""
    try:
        settings = yaml.safe_load(recipe.read_text(encoding="utf-8")) if recipe.is_file() else None
    except yaml.YAMLError as error:
        raise InputError(f"{recipe} is not readable YAML: {error}") from None
    model = settings.get("model") if isinstance(settings, dict) and settings.get("base") == "scratch" else None
    width = model.get("dim") if isinstance(model, dict) else None
    return usual_rate_from_nothing(width) if isinstance(width, int) and width > 0 else None


def read_table(path: Path) -> Curves:
    """Curves of a CSV with a head line; without a column `step` rows are counted. A cell that is empty was not logged; one
    that says nan or inf was logged and is not finite."""
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a CSV in UTF-8: {error}") from None
    head = [name.strip().lower() for name in rows[0]] if rows else []
    wanted = dict.fromkeys(VALIDATION, ("validation", "validation")) | COLUMNS
    if not any(name in wanted for name in head):
        raise InputError(f"{path} has none of the columns {EXPECTED}: its first line is {','.join(head)[:200]!r}")
    leading = [i for i, name in enumerate(head) if wanted.get(name) == "train"]
    writer = CurveWriter()
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) > len(head):
            raise InputError(f"{path}:{number} has {len(row)} cells under {len(head)} names")
        cells = {
            name: _number(cell, path, number, name) for name, cell in zip(head, row) if name in wanted or name == "step"
        }
        step = cells.get("step", number - 1.0) if "step" in head else number - 1.0
        if step is None or step != step:
            raise InputError(f"{path}:{number} has no step")
        writer.move(step, leads=not leading or any(i < len(row) and row[i].strip() for i in leading))
        for name, value in cells.items():
            if name != "step" and value is not None and (value == value or wanted[name] in MAY_BE_NON_FINITE):
                writer.put(wanted[name], value)
    return writer.curves()


def _number(cell: str, path: Path, line: int, name: str) -> float | None:
    if cell.strip().lower() in MISSING:
        return None
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"{path}:{line}: {name} is {cell!r}, which is no number") from None


def picture(curves: Sequence[Curves], findings: Sequence[Sequence[Finding]], name: str) -> str:
    """An HTML page with the curves and findings of every phase; the charts are SVG, nothing is fetched."""
    parts = [
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Diagnosis of {html.escape(name)}</title>'
        f"<style>{STYLE}</style></head><body><h1>Diagnosis of {html.escape(name)}</h1>"
    ]
    for one, found in zip(curves, findings, strict=True):
        if one.name:
            parts.append(f"<h2>{html.escape(one.name)}</h2>")
        parts += [
            f'<div class="finding"><h3>{finding.name} ({finding.confidence:.0%})</h3><p>{html.escape(finding.evidence)}.</p>'
            f"<p>{html.escape(finding.advice)}.</p></div>"
            for finding in found
        ] or ["<p>Nothing found: a healthy run.</p>"]
        losses = [_line("training", one.train, 1, noisy=len(one.train) > 50)]
        losses += [_line(label, s, 2 + i % 4, dots=True) for i, (label, s) in enumerate(one.validation.items())]
        parts.append(chart("Loss", losses))
        parts.append(chart("Learning rate", [_line("learning rate", one.rate, 1)], scientific, from_zero=True))
        parts.append(chart("Gradient norm", [_line("gradient norm", one.grad_norm, 1)], logarithmic=True))
        parts.append(chart("Loss scale", [_line("loss scale", one.loss_scale, 1)], logarithmic=True))
        parts.append(chart("Padding share", [_line("padding", one.padding, 1)], from_zero=True))
    return "".join(parts) + "</body></html>\n"


def _line(name: str, series, colour: int, **how) -> Series:
    points = [(float(x), float(y) if y == y else None) for x, y in zip(series.time, series.value)]
    return Series(name.replace("_", " "), points, colour, **how)
