"""Where a run's figures go: metrics.jsonl (everything), TensorBoard, Weights & Biases. The axis is the optimizer step.

Only rank 0 has monitors. After a resume, figures of steps that will be done again are taken out first, so that each
step stands once.
"""

import json
import os
import secrets
from pathlib import Path

from amharic_tts.publish import publish


def read_events(path: Path) -> list[dict]:
    """Events of a metrics.jsonl. A last line cut off by a crash is left out."""
    events = []
    for line in path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []:
        try:
            events.append(json.loads(line))
        except json.JSONDecodeError:
            break
    return events


def stays(event: dict, step: int) -> bool:
    """Whether an event is not told again by a run that goes on at `step`, where a phase may begin anew."""
    again = ("phase", "resume")
    return event.get("step", 0) < step or (event.get("step", 0) == step and event["event"] not in again)


class JsonLines:
    """Every event as one line of `metrics.jsonl`."""

    def __init__(self, run: Path, first_step: int):
        path = run / "metrics.jsonl"
        self.kept = [event for event in read_events(path) if first_step and stays(event, first_step)]
        """Events of before, where a run goes on."""
        with publish(path) as file:
            file.writelines((json.dumps(event, ensure_ascii=False) + "\n").encode() for event in self.kept)
        self.file = open(path, "a", encoding="utf-8", buffering=1)  # noqa: SIM115  closed by close()

    def log(self, event: dict) -> None:
        self.file.write(json.dumps(event, ensure_ascii=False) + "\n")

    def close(self) -> None:
        self.file.close()


def scalars(event: dict) -> dict[str, float]:
    """Figures of a train or validation event under the names that dashboards show: `train/loss`, `held_out/loss` …"""
    if event["event"] not in ("train", "validation"):
        return {}
    group = event.get("set", "train")
    skip = ("step", "epoch")
    return {
        f"{group}/{name}": value for name, value in event.items() if isinstance(value, int | float) and name not in skip
    }


class TensorBoard:
    """Figures of train and validation events, below `<run>/tensorboard`."""

    def __init__(self, run: Path, first_step: int):
        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(run / "tensorboard"), purge_step=first_step + 1 if first_step else 0)

    def log(self, event: dict) -> None:
        for name, value in scalars(event).items():
            self.writer.add_scalar(name, value, event["step"])

    def close(self) -> None:
        self.writer.close()


class WeightsAndBiases:
    """Online with a key, else offline: files under `<run>/wandb` that `wandb sync` uploads later."""

    def __init__(self, run: Path, project: str, configuration: dict):
        import wandb

        mode = os.environ.get("WANDB_MODE") or ("online" if has_key() else "offline")
        # One id per run folder: a resumed run goes on in the same place.
        id_file = run / "wandb_id"
        if not id_file.is_file():
            with publish(id_file) as file:
                file.write(secrets.token_hex(4).encode())
        self.run = wandb.init(
            project=project,
            name=run.name,
            id=id_file.read_text().strip(),
            dir=str(run),
            mode=mode,
            resume="allow" if mode == "online" else None,
            config=configuration,
            settings=wandb.Settings(silent=True, console="off"),
        )
        self.run.define_metric("*", step_metric="optimizer_step")

    def log(self, event: dict) -> None:
        figures = scalars(event)
        if figures:
            self.run.log({**figures, "optimizer_step": event["step"]})

    def close(self) -> None:
        self.run.finish()


def has_key() -> bool:
    """A key for Weights & Biases is in the environment or in ~/.netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    netrc = Path(os.environ.get("NETRC", Path.home() / ".netrc"))
    try:
        return "api.wandb.ai" in netrc.read_text()
    except (OSError, UnicodeDecodeError):
        return False
