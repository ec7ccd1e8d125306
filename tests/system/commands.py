"""Running the real commands as subprocesses, and training jobs in folders of their own."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]

TINY_MODEL = {
    "dim": 32, "layers": 2, "heads": 2, "max_text": 120, "max_codes": 400, "dropout": 0.1,
    "conditioning": {"dim": 16, "linear_units": 32, "heads": 2, "blocks": 1, "kernel": 5, "latents": 4},
}  # fmt: skip
TINY_MACHINE = {
    "zero_optimization": {"stage": 2},
    "optimizer": {"type": "AdamW", "params": {"torch_adam": True}},
    "amharic_tts": {"micro_batch_tokens": 1024, "activation_checkpointing": True},
}


def environment() -> dict[str, str]:
    return os.environ | {"DS_ACCELERATOR": "cpu", "WANDB_MODE": "offline", "OMP_NUM_THREADS": "1"}


def call(*command: object, deadline: float = 300) -> subprocess.CompletedProcess:
    """Runs a command in the project's folder and returns its exit code and output; the deadline ends a hang."""
    return subprocess.run(
        [str(part) for part in command], cwd=PROJECT, env=environment(), capture_output=True, text=True,
        timeout=deadline, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


def tool(name: str, *arguments: object, **options) -> subprocess.CompletedProcess:
    return call(sys.executable, PROJECT / f"tools/{name}.py", *arguments, **options)


def done(result: subprocess.CompletedProcess) -> subprocess.CompletedProcess:
    assert result.returncode == 0, f"{result.args}\n{result.stdout}\n{result.stderr}"
    return result


@dataclass(frozen=True)
class Corpus:
    folder: Path
    """Manifests, audio/, tokenizer/, codec/."""
    shards: Path
    """train/, held_out_texts/, held_out_speaker/."""


@dataclass(frozen=True)
class Job:
    """A training job in a folder of its own: recipe, DeepSpeed JSON, run folder."""

    folder: Path
    recipe: Path
    machine: Path

    def read_recipe(self) -> dict:
        return yaml.safe_load(self.recipe.read_text(encoding="utf-8"))

    def write_recipe(self, values: dict) -> None:
        self.recipe.write_text(yaml.safe_dump(values), encoding="utf-8")

    @property
    def run(self) -> Path:
        return self.folder / "run"

    def command(self, ranks: int, *settings: str) -> list[str]:
        program = [sys.executable, "launch/train.py"]
        if ranks > 1:
            port = str(20000 + os.getpid() % 20000)
            runner = ["-m", "deepspeed.launcher.runner", "--num_accelerators", str(ranks), "--master_port", port]
            program = [sys.executable, *runner, "launch/train.py"]
        files = ["--deepspeed_config", str(self.machine), "--recipe", str(self.recipe)]
        return [*program, *files, *(part for setting in settings for part in ("--set", setting))]

    def train(self, *settings: str, ranks: int = 1, deadline: float = 300) -> subprocess.CompletedProcess:
        return call(*self.command(ranks, *settings), deadline=deadline)

    def kill_after(self, step: int, *settings: str, ranks: int) -> None:
        """Starts the job and kills every process of it, without a chance to tidy up, once `step` is logged."""
        process = subprocess.Popen(
            self.command(ranks, *settings), cwd=PROJECT, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            while process.poll() is None and not any(e["step"] >= step for e in self.events("train")):
                try:
                    process.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
            assert process.poll() is None, "the job ended before it could be killed"
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def events(self, kind: str) -> list[dict]:
        """Events of one kind in metrics.jsonl, as far as they are written."""
        path = self.run / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.is_file() else []
        return [event for event in map(json.loads, lines) if event["event"] == kind]


def make_job(folder: Path, corpus: Corpus | None, machine: dict | None = None, **sections: dict) -> Job:
    """Writes a small recipe and DeepSpeed JSON into `folder`, with `sections` and `machine` laid on them. Without a corpus
    `sections` name the data."""
    folder.mkdir()
    data = {}
    if corpus is not None:
        held_out = {"held_out_texts": str(corpus.shards / "held_out_texts")}
        data = {"train": str(corpus.shards / "train"), "validation": held_out}
    recipe = {
        "model": TINY_MODEL,
        "data": data | {"step_tokens": 2048},
        "optimizer": {"learning_rate": 1.0e-3},
        "schedule": {"warmup_steps": 0},
        "run": {"directory": str(folder / "run"), "steps": 6, "validate_every": 4, "checkpoint_every": 3},
        "monitors": {"wandb": False, "tensorboard": False},
    }
    for section, values in sections.items():
        recipe[section] = recipe.get(section, {}) | values if isinstance(values, dict) else values
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (folder / "ds.json").write_text(json.dumps(TINY_MACHINE | (machine or {})))
    return Job(folder, folder / "recipe.yaml", folder / "ds.json")
