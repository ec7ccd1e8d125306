"""report.html of a run: one self-contained page with figures, sound, curves and configuration."""

import shlex
from pathlib import Path

import jinja2

from amharic_tts.evaluate.curves import Series, chart, percent, scientific, short
from amharic_tts.evaluate.evaluation import CONDITIONS, headline, read_evaluation
from amharic_tts.evaluate.listening import differences, samples
from amharic_tts.evaluate.run_record import RunRecord, is_synthetic, read_run
from amharic_tts.publish import publish

LISTENING_ROWS = 8  # about 150 KB each


def make_report(run: Path, out: Path, listening_rows: int = LISTENING_ROWS) -> dict:
    """Writes the page for a run's folder, with whatever of training and evaluation is there so far.

    Returns the headline figures: {"steps", "code_loss", "cer": {condition: rate of its main kind of text}}. Raises
    InputError for a missing run folder and for damaged files in it.
    """
    record = read_run(run)
    evaluation = read_evaluation(run / "evaluation")
    page = (
        _environment()
        .get_template("page.html")
        .render(
            record=record,
            name=run.resolve().name,
            synthetic=is_synthetic(record, evaluation),
            evaluation=evaluation,
            samples=samples(evaluation, run / "evaluation", listening_rows) if evaluation else [],
            charts=charts(record),
            machine=machine_rows(record),
            figures=headline_figures(record),
            conditions=CONDITIONS,
            differences=differences,
            headline=headline,
            commands=commands(run),
        )
    )
    with publish(out) as file:
        file.write(page.encode())
    conditions = evaluation["conditions"] if evaluation else {}
    rates = {name: headline(result)[1]["cer"] for name, result in conditions.items()}
    last = record.train[-1] if record.train else {}
    return {"steps": last.get("step", 0), "code_loss": last.get("code_loss"), "cer": rates}


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("amharic_tts.evaluate", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"rate": lambda value: f"{value * 100:.1f} %", "count": lambda value: f"{value:,}"}
    environment.filters["duration"] = duration
    return environment


def duration(seconds: float) -> str:
    """Seconds as people say them: 45 s, 12 min, 3 h 20 min."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def charts(record: RunRecord) -> list[str]:
    """All curves that the run has figures for, as markup."""

    def losses(name: str) -> list[Series]:
        sets = record.validation_points(name).items()
        return [Series("training", record.points(name), 1, noisy=True)] + [
            Series(label.replace("_", " "), points, 2 + i % 4, dots=True) for i, (label, points) in enumerate(sets)
        ]

    def single(name: str, label: str, noisy: bool = True) -> list[Series]:
        return [Series(label, record.points(name), 1, noisy=noisy)]

    drawn = [
        chart("Code loss (nats per code)", losses("code_loss")),
        chart("Text loss (nats per piece)", losses("text_loss")),
        chart("Codes predicted right (top 1)", losses("code_accuracy"), percent),
        chart("Learning rate", single("learning_rate", "learning rate", noisy=False), scientific, from_zero=True),
        chart("Throughput (tokens per second)", single("tokens_per_second", "tokens/s"), from_zero=True),
        chart("Gradient norm", single("grad_norm", "gradient norm"), logarithmic=True),
        chart("Padding share", single("padding_share", "padding"), percent, from_zero=True),
        chart("Memory (GB, this process)", single("memory_gb", "memory", noisy=False), from_zero=True),
    ]
    return [one for one in drawn if one]


def headline_figures(record: RunRecord) -> list[tuple[str, str]]:
    """Figures of the training itself: (label, value)."""
    out = []
    if record.start.get("parameters"):
        out.append(("parameters", f"{record.start['parameters'] / 1e6:.1f} M"))
    if record.data.get("rows"):
        out.append(("training rows", f"{record.data['rows']:,}"))
    if record.train:
        out.append(("optimizer steps", f"{record.train[-1]['step']:,}"))
        out.append(("time in training", duration(record.seconds())))
    for name, points in record.validation_points("code_loss").items():
        if points[-1][1] is not None:
            out.append((f"code loss, {name.replace('_', ' ')}", f"{points[-1][1]:.3f}"))
    speeds = [value for _, value in record.points("tokens_per_second") if value]
    if speeds:
        out.append(("tokens per second", short(sorted(speeds)[len(speeds) // 2])))
    return out


def machine_rows(record: RunRecord) -> list[tuple[str, str]]:
    """The start event's machine and versions, nested values flattened: (label, value)."""
    rows: list[tuple[str, str]] = []

    def add(prefix: str, value) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                add(f"{prefix} {key}".strip().replace("_", " "), inner)
        elif isinstance(value, list):
            rows.append((prefix, ", ".join(map(str, value)) or "none"))
        elif value is not None:
            rows.append((prefix, f"{value:,}" if isinstance(value, int) else str(value)))

    skipped = ("event", "step", "parameters")
    add("", {key: value for key, value in record.start.items() if key not in skipped})
    return [(label.removeprefix("machine "), value) for label, value in rows]


def commands(run: Path) -> dict[str, str]:
    """The commands that make what may be missing."""
    folder = shlex.quote(str(run))
    return {
        "train": "deepspeed launch/train.py --deepspeed_config ds_configs/cpu.json --recipe launch/recipes/demo.yaml",
        "recogniser": f"python tools/train_recogniser.py --manifest data/demo/train.jsonl --out {folder}/recogniser",
        "evaluate": f"python tools/evaluate.py --run {folder} --manifest data/demo/held_out_texts.jsonl "
        f"--recogniser {folder}/recogniser",
        "report": f"python tools/make_report.py --run {folder}",
    }
