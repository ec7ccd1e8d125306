"""Trains the full-size model, weights from a seed, under every single-GPU configuration, with the GPU's memory cut to that
card's, and writes memory, speed and MFU beside the predictions into ds_configs/README.md:

    python tests/bench/gpu_table.py

The model is the one of launch/recipes/full.yaml with a vocabulary of 24 000 pieces: 558 M parameters, all learning. (Of
IndexTTS-2's 866 M the prompt encoders are 336 M; their outputs are in the shards, and they are not on the GPU.) Speed is
that of the GPU at hand, whatever card the memory was cut to. Without a GPU the table shows the predictions.
"""

import argparse
from pathlib import Path

from amharic_tts.errors import InputError, run_command
from amharic_tts.plan.cards import CARDS, card_called
from amharic_tts.plan.forecast import CONTEXT, Forecast, forecast, micro_batch
from amharic_tts.plan.job import Job, make_job
from amharic_tts.plan.states import Machine
from amharic_tts.plan.trial import Measured, run_trial
from amharic_tts.plan.workload import filled, step_shapes
from amharic_tts.publish import publish
from amharic_tts.train.processes import set_environment
from amharic_tts.train.recipe import load_recipe

PROJECT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- gpu_table.py begins -->", "<!-- gpu_table.py ends -->"
HEAD = [
    "| file | micro-batch | predicted GB | measured GB | off by | predicted positions/s on the card | measured positions/s | MFU |",
    "|---|---|---|---|---|---|---|---|",
]
NOT_MEASURED = "not measured"
HOURS = 100.0


def predicted_peak(job: Job, found: Forecast) -> float:
    """Bytes of tensors where a micro-batch fills the budget, as in a trial."""
    budget = job.config.own.micro_batch_tokens
    every = [shape for step in step_shapes(job.work, 1, budget) for rank in step for shape in rank]
    within = micro_batch(job, filled(every, budget), job.recipe.all_phases[0]).peak + found.states.buffers
    return found.states.resident + max(within, found.states.step)


def line(job: Job, memory: float | None) -> str:
    """One row of the table. memory: bytes of the GPU at hand."""
    found = forecast(job)
    peak, budget = predicted_peak(job, found), job.config.own.micro_batch_tokens
    speed = job.work.positions / found.epoch_seconds
    cells = [f"{job.gpu}.json", f"{budget}", f"{peak / 1e9:.2f}"]
    if memory is None:
        return cells_line([*cells, NOT_MEASURED, "", f"{speed:.0f}", NOT_MEASURED, NOT_MEASURED])
    share = min(1.0, (job.card.memory - CONTEXT) / memory)
    measured = run_trial(job, PROJECT / "ds_configs" / f"{job.gpu}.json", budget, share)
    if measured is None:
        return cells_line([*cells, "out of memory", "", f"{speed:.0f}", "", ""])
    off = f"{measured.peak / peak - 1:+.1%}"
    positions = f"{measured.positions / measured.seconds:.0f} on {measured.device}"
    return cells_line(
        [*cells, f"{measured.peak / 1e9:.2f}", off, f"{speed:.0f}", positions, utilisation(job, measured, memory)]
    )


def utilisation(job: Job, measured: Measured, memory: float) -> str:
    """Model FLOPs of a second over the peak of the GPU that did them."""
    card = card_called(measured.device, memory)
    if card is None or job.precision not in card.peak:
        return "peak unknown"
    return f"{measured.model_flops / measured.seconds / card.peak[job.precision]:.1%}"


def cells_line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def memory_at_hand() -> float | None:
    """Bytes of this machine's first GPU."""
    import torch

    return float(torch.cuda.get_device_properties(0).total_memory) if torch.cuda.is_available() else None


def write(readme: Path, lines: list[str]) -> None:
    """Puts the table between its marks. Raises InputError where they are missing."""
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise InputError(f"{readme} must have the lines {BEGIN} and {END} once each: the table goes between them")
    before, rest = text.split(BEGIN)
    with publish(readme) as file:
        file.write("\n".join([before + BEGIN, *lines, END + rest.split(END)[1]]).encode())


def main() -> None:
    """Measures what can be measured, writes and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=CARDS, default=list(CARDS), help="names of configurations")
    parser.add_argument("--readme", type=Path, default=PROJECT / "ds_configs" / "README.md", help="file with the marks")
    options = parser.parse_args()
    set_environment()
    recipe, memory = load_recipe(PROJECT / "launch" / "recipes" / "full.yaml"), memory_at_hand()
    lines = list(HEAD)
    for gpu in options.only:
        job = make_job(gpu, recipe, Machine(), PROJECT / "ds_configs" / f"{gpu}.json", HOURS)
        lines.append(line(job, memory))
        print(lines[-1], flush=True)
    write(options.readme, lines)


if __name__ == "__main__":
    run_command(main)
