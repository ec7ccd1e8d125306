"""What a run's folder says about the run: its curves, configuration, machine and data, each absent where it is not there."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from amharic_tts.errors import InputError
from amharic_tts.train.monitors import read_events

# Speakers of the demo corpus bear this prefix (amharic_tts.demo.corpus): their speech is made by espeak-ng.
SYNTHETIC = "synthetic_"


@dataclass
class RunRecord:
    """Parts of a run's folder. `train` and `validation` are events of metrics.jsonl in order of step."""

    directory: Path
    train: list[dict] = field(default_factory=list)
    validation: list[dict] = field(default_factory=list)
    start: dict = field(default_factory=dict)
    recipe: str = ""
    engine: str = ""
    data: dict = field(default_factory=dict)

    def points(self, name: str) -> list[tuple[float, float | None]]:
        """(step, value) of one figure of the training events; steps without it are gaps."""
        return [(event["step"], event.get(name)) for event in self.train]

    def validation_points(self, name: str) -> dict[str, list[tuple[float, float | None]]]:
        """(step, value) of one figure for each validation set, in the order the sets first appear."""
        out: dict[str, list[tuple[float, float | None]]] = {}
        for event in self.validation:
            out.setdefault(str(event["set"]), []).append((event["step"], event.get(name)))
        return out

    def seconds(self) -> float:
        """Time spent in optimizer steps."""
        return sum(event.get("seconds") or 0.0 for event in self.train)


def read_run(directory: Path) -> RunRecord:
    """Reads a run's folder. Raises InputError where the folder does not exist or its recipe cannot be read."""
    if not directory.is_dir():
        raise InputError(
            f"there is no run folder {directory}. `make demo` makes runs/demo; for another: deepspeed launch/train.py "
            "--deepspeed_config ds_configs/cpu.json --recipe RECIPE"
        )
    record = RunRecord(directory, recipe=_text(directory / "recipe.yaml"), engine=_text(directory / "deepspeed.json"))
    for event in read_events(directory / "metrics.jsonl"):
        if event.get("event") == "start":
            record.start = event
        elif event.get("event") == "train" and "step" in event:
            record.train.append(event)
        elif event.get("event") == "validation" and "step" in event and "set" in event:
            record.validation.append(event)
    record.data = _dataset(record.recipe, directory)
    return record


def is_synthetic(record: RunRecord, evaluation: dict | None) -> bool:
    """Whether anything in the data was spoken by the demo's synthetic voices."""
    speakers = list(record.data.get("speakers", []))
    speakers += [row["speaker"] for row in (evaluation or {}).get("rows", [])]
    return any(str(speaker).startswith(SYNTHETIC) for speaker in speakers)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _dataset(recipe: str, directory: Path) -> dict:
    """dataset.json of the data that the recipe names; {} where it is no longer there."""
    try:
        settings = yaml.safe_load(recipe) or {}
    except yaml.YAMLError as error:
        raise InputError(f"{directory / 'recipe.yaml'} is not readable YAML: {error}") from None
    folder = (settings.get("data") or {}).get("train") if isinstance(settings, dict) else None
    try:
        return json.loads(_text(Path(str(folder)) / "dataset.json") or "{}") if folder else {}
    except ValueError as error:
        raise InputError(f"{folder}/dataset.json is damaged ({error}); run tools/build_shards.py again") from None
