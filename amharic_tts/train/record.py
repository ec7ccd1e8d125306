"""What a run writes down while it is at work: its recipe, its figures, and what they say about it."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import yaml
from tqdm import tqdm

from amharic_tts.diagnose.usual_rate import usual_rate_from_nothing
from amharic_tts.diagnose.watcher import Watcher
from amharic_tts.publish import publish
from amharic_tts.train.checkpoints import read_progress
from amharic_tts.train.monitors import JsonLines, TensorBoard, WeightsAndBiases
from amharic_tts.train.processes import rank
from amharic_tts.train.session import Run


@contextlib.contextmanager
def open_record(run: Run, checkpoint: Path | None) -> Iterator[Callable[[dict], None]]:
    """A function that takes events: on rank 0 into every monitor of the recipe, and past the diagnosis, whose findings are
    events too; elsewhere into nothing. checkpoint: where the run goes on from."""
    if rank() != 0:
        yield lambda event: None
        return
    recipe, step = run.recipe, read_progress(checkpoint).step if checkpoint else 0
    with publish(run.folder / "recipe.yaml") as file:
        file.write(recipe.to_yaml().encode())
    lines = JsonLines(run.folder, step)
    boards: list = []
    if recipe.monitors.tensorboard:
        boards.append(TensorBoard(run.folder, step))
    if recipe.monitors.wandb:
        boards.append(WeightsAndBiases(run.folder, recipe.monitors.wandb_project, yaml.safe_load(recipe.to_yaml())))
    watcher = Watcher(usual_rate=None if run.base.pretrained else usual_rate_from_nothing(recipe.model.dim))
    for event in lines.kept:
        watcher.take(event)

    def tell(event: dict) -> None:
        lines.log(event)
        for board in list(boards):
            if not survives(board.log, event):
                boards.remove(board)

    def take(event: dict) -> None:
        tell(event)
        for finding in watcher.take(event):
            tqdm.write(f"step {event['step']:>6}  {finding.line()}")
            tell({"event": "finding", "step": event["step"], **asdict(finding)})

    try:
        yield take
    finally:
        lines.close()
        for board in boards:
            survives(board.close)


def survives(action: Callable, *arguments) -> bool:
    """Does what a dashboard is asked for. False, with a line, when it fails: a signal to the whole job also ends the process
    that speaks for Weights & Biases, and a dashboard must not take the run and its last checkpoint with it."""
    try:
        action(*arguments)
    except Exception as error:
        kind = type(action.__self__).__name__
        tqdm.write(f"{kind} gave up and is left out from here on ({error}); every figure is in metrics.jsonl")
        return False
    return True
