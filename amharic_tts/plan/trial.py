"""A few optimizer steps of a recipe's model, weights from a seed, on made-up micro-batches that fill the token budget,
under the real engine: what memory and time they take.

A trial runs in a process of its own (`python -m amharic_tts.plan.trial`), as nothing of an engine that ran out of memory
is worth keeping. It takes a JSON object on standard input and ends with one line of JSON on standard output.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.plan.flops import flops
from amharic_tts.plan.forecast import encoders_learn
from amharic_tts.plan.job import Job
from amharic_tts.plan.shape import Shape
from amharic_tts.plan.workload import filled, step_shapes

STEPS = 4
"""Optimizer steps; the first two warm up and are not timed."""

MICRO_BATCHES = 2
"""Of each step, so that gradients of one meet the sums of another."""

DEADLINE = 1800
"""Seconds after which a trial is taken for hung. DeepSpeed compiles its optimizer in the first."""

OUT_OF_MEMORY = 3


@dataclass(frozen=True)
class Measured:
    """What a trial found."""

    peak: int
    """Bytes of tensors on the GPU at the fullest moment; on a CPU what the process holds."""
    seconds: float
    """Of a step."""
    positions: int
    """Of a step, padding included."""
    model_flops: float
    """Of a step, without recomputation."""
    device: str
    finite: bool
    """Whether the last step was taken: loss and gradients were finite."""


def run_trial(job: Job, config: Path, budget: int, share: float | None = None) -> Measured | None:
    """Measures `job` with micro-batches of `budget` positions; None: the memory does not suffice.

    config: the job's DeepSpeed JSON. share: of this GPU's memory that may be used, None all of it. Raises InputError when
    the trial fails for another reason.
    """
    every = [
        shape for step in step_shapes(job.work, 1, max(budget, job.work.plan.longest())) for r in step for shape in r
    ]
    order = {
        "config": str(config.resolve()),
        "model": job.model.to_dict(),
        "recipe": job.recipe.to_yaml(),
        "shape": asdict(filled(every, budget)),
        "share": share,
    }
    command = [sys.executable, "-m", "amharic_tts.plan.trial"]
    # A run of one process, whatever launcher started this one.
    alone = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK")}
    try:
        ended = subprocess.run(
            command, input=json.dumps(order), env=alone, capture_output=True, text=True, timeout=DEADLINE, check=False
        )
    except subprocess.TimeoutExpired:
        raise InputError(f"a trial with {budget} positions did not end within {DEADLINE} s") from None
    if ended.returncode == OUT_OF_MEMORY:
        return None
    if ended.returncode:
        raise InputError(f"a trial with {budget} positions failed:\n{ended.stderr[-3000:]}")
    return Measured(**json.loads(ended.stdout.splitlines()[-1]))


def main() -> int:
    """One trial; its result is the last line on standard output."""
    order = json.load(sys.stdin)
    from amharic_tts.train.processes import connect, set_environment

    set_environment()
    import torch

    device = connect()
    if device.type == "cuda" and order["share"] is not None:
        torch.cuda.set_per_process_memory_fraction(order["share"], device)
    try:
        measured = measure(order, device)
    except torch.cuda.OutOfMemoryError:
        return OUT_OF_MEMORY
    finally:
        torch.distributed.destroy_process_group()
    print(json.dumps(asdict(measured)))
    return 0


def measure(order: dict, device) -> Measured:
    """Builds the engine and takes the steps."""
    import time

    import psutil
    import torch
    import yaml

    from amharic_tts.model.speech_lm import SpeechLM
    from amharic_tts.train.deepspeed_config import load_engine_config, require_precision
    from amharic_tts.train.ema import Ema
    from amharic_tts.train.engine import accumulate, build_engine
    from amharic_tts.train.recipe import Recipe, with_whole_phases
    from amharic_tts.train.trainable import choose_trainable
    from amharic_tts.train.validation import forward
    from amharic_tts.typed import build

    recipe = build(Recipe, with_whole_phases(yaml.safe_load(order["recipe"])), "", [])
    sizes, shape = ModelConfig.from_dict(order["model"]), Shape(**order["shape"])
    phase = recipe.all_phases[0]
    config = load_engine_config(order["config"], phase.optimizer)
    require_precision(config.deepspeed)
    torch.manual_seed(recipe.run.seed)
    model = SpeechLM(sizes)
    choose_trainable(model, phase.trainable, 1, recipe.base != "scratch", recipe.run.seed)
    engine = build_engine(model, phase, config, STEPS)
    engine.train()
    average = Ema(engine, recipe.ema.decay) if recipe.ema.decay is not None else None
    data = step_data(sizes, shape)
    seconds = []
    for _ in range(STEPS):
        started = time.perf_counter()
        for batch in data.microbatches:
            losses = forward(engine, batch.to(device))
            accumulate(engine, losses, data.text_targets, data.code_targets, recipe.loss)
            del losses
        skipped = engine.skipped_steps
        engine.step()
        if average is not None:
            average.update()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    on_gpu = device.type == "cuda"
    rank = phase.trainable.lora.rank if phase.trainable.what == "lora" else 0
    learn = encoders_learn(sizes, phase, recipe.base != "scratch")
    return Measured(
        peak=torch.cuda.max_memory_allocated(device) if on_gpu else psutil.Process().memory_info().rss,
        seconds=min(seconds[2:]),
        positions=data.padded_tokens,
        model_flops=MICRO_BATCHES * flops(sizes, shape, False, rank, learn).model,
        device=torch.cuda.get_device_name(device) if on_gpu else "cpu",
        finite=engine.skipped_steps == skipped,
    )


def step_data(sizes: ModelConfig, shape: Shape):
    """A step of MICRO_BATCHES equal micro-batches of `shape`, with random text, codes and prompts."""
    import torch

    from amharic_tts.data.load import Batch, StepData

    codes = max(1, shape.code_targets // shape.rows - 1)
    text = max(1, min(shape.longest - sizes.positions_per_row - codes, sizes.max_text))
    codes = min(shape.longest - sizes.positions_per_row - text, sizes.max_codes)
    generator = torch.Generator().manual_seed(0)
    frames = sizes.stored_rows if sizes.stored_conditioning else max(1, shape.frames)
    width = sizes.dim if sizes.stored_conditioning else sizes.conditioning_width
    whole = lambda count: torch.full((shape.rows,), count)  # noqa: E731
    batch = Batch(
        text=torch.randint(3, sizes.text_rows, (shape.rows, text), generator=generator), text_lengths=whole(text),
        codes=torch.randint(0, sizes.code_rows - 2, (shape.rows, codes), generator=generator),
        code_lengths=whole(codes), prompt=torch.randn(shape.rows, frames, width, generator=generator),
        prompt_lengths=whole(frames), weight=torch.ones(shape.rows), uids=[""] * shape.rows, speakers=[""] * shape.rows,
    )  # fmt: skip
    rows, positions = MICRO_BATCHES * shape.rows, MICRO_BATCHES * shape.rows * (sizes.positions_per_row + text + codes)
    targets = {"text_targets": rows * (text + 1), "code_targets": rows * (codes + 1)}
    return StepData(
        0, 0, rows, **targets, tokens=positions, padded_tokens=positions, microbatches=[batch] * MICRO_BATCHES
    )


if __name__ == "__main__":
    sys.exit(main())
