"""Memory, time, disk and money of a job."""

from dataclasses import dataclass

from amharic_tts.model.config import ModelConfig
from amharic_tts.plan.activations import Activations, activations
from amharic_tts.plan.flops import flops
from amharic_tts.plan.job import Job
from amharic_tts.plan.shape import Shape
from amharic_tts.plan.states import Parameters, States, count_parameters, count_states, estimated
from amharic_tts.plan.workload import fullest, step_shapes
from amharic_tts.train.deepspeed_config import half_precision
from amharic_tts.train.recipe import Phase

CONTEXT = 0.6e9
"""Bytes that CUDA, its libraries' workspaces and NCCL take beside the tensors; assumed, not measured here."""

RESERVE = 0.05
"""Share of a card's memory that is left alone: what is fragmented, and what the driver keeps."""

FRACTION = 0.35
"""Share of the card's peak that is assumed for all arithmetic, recomputation included; --fraction says another."""

HOST_LINK, HOST_MEMORY = 12e9, 15e9
"""Bytes a second over PCIe 3 ×16, and of main memory while the host's AdamW steps; assumed, for offload."""

HOST_ADAM = 28
"""Bytes of main memory that AdamW reads and writes for each parameter: 16 read, 12 written."""


@dataclass(frozen=True)
class Forecast:
    """Of one job. Bytes, seconds, US dollars where a price was given."""

    job: Job
    parameters: Parameters
    states: States
    shape: Shape
    activations: Activations
    estimate: tuple[int, int]
    """Of DeepSpeed's estimators: bytes on one GPU, and on the host of a node with their margin."""
    steps: int
    """Of the whole run."""
    epoch_steps: int
    micro_batches: float
    """Of a step on one GPU, on average."""
    padding: float
    """Share of positions that are padding."""
    step_flops: float
    """Of a step on its slowest GPU, recomputation included."""
    step_seconds: float
    run_seconds: float
    checkpoint: int
    disk: int
    """Of the run's folder at its fullest."""
    start_host: int
    """Bytes of main memory while the weights are read, all ranks of a node."""
    fraction: float
    price: float | None

    @property
    def peak(self) -> int:
        """Bytes of tensors on one GPU at the fullest moment: within a micro-batch, or in the optimizer's step."""
        within = self.activations.peak + self.states.buffers
        return self.states.resident + max(within, self.states.step)

    @property
    def total(self) -> float:
        """Bytes on one GPU, with what is no tensor."""
        return self.peak + CONTEXT

    @property
    def room(self) -> float:
        """Bytes of the card that may be used."""
        return self.job.card.memory * (1 - RESERVE)

    @property
    def fits(self) -> bool:
        return self.total <= self.room

    @property
    def epoch_seconds(self) -> float:
        return self.step_seconds * self.epoch_steps

    @property
    def cost(self) -> float | None:
        """Of the whole run on all GPUs."""
        return None if self.price is None else self.price * self.job.machine.world * self.run_seconds / 3600


def forecast(job: Job, fraction: float = FRACTION, price: float | None = None) -> Forecast:
    """Raises InputError when a row of the data exceeds the token budget."""
    recipe, own, machine = job.recipe, job.config.own, job.machine
    counts = [count_parameters(job.model, phase.trainable, job.pretrained) for phase in recipe.all_phases]
    number = max(range(len(counts)), key=lambda i: counts[i].trainable)
    parameters, phase = counts[number], recipe.all_phases[number]
    states = count_states(job.config.deepspeed, parameters, machine, recipe.ema.decay is not None)
    shapes = step_shapes(job.work, machine.world, own.micro_batch_tokens)
    steps = [phase_steps(job, one) for one in recipe.all_phases]
    seconds = [
        step_seconds(job, shapes, one, count, fraction) for one, count in zip(recipe.all_phases, counts, strict=True)
    ]
    run_seconds = sum(n * s for n, (s, _) in zip(steps, seconds, strict=True))
    checkpoint = checkpoint_bytes(job, parameters)
    micro = [len(rank) for step in shapes for rank in step]
    every = [shape for step in shapes for rank in step for shape in rank]
    return Forecast(
        job=job,
        parameters=parameters,
        states=states,
        shape=(shape := fullest(shapes, own.micro_batch_tokens)),
        activations=micro_batch(job, shape, phase),
        estimate=estimated(job.config.deepspeed, parameters, machine),
        steps=sum(steps),
        epoch_steps=job.work.plan.steps(0),
        micro_batches=sum(micro) / len(micro),
        padding=1 - sum(tokens(job.model, shape) for shape in every) / sum(shape.positions for shape in every),
        step_flops=seconds[number][1],
        step_seconds=run_seconds / max(sum(steps), 1),
        run_seconds=run_seconds,
        checkpoint=checkpoint,
        # One more than the recipe keeps is there while the newest is published.
        disk=checkpoint * (recipe.run.keep_checkpoints + 1),
        start_host=4 * parameters.all * machine.gpus,
        fraction=fraction,
        price=price,
    )


def micro_batch(job: Job, shape: Shape, phase: Phase) -> Activations:
    """Activations of one micro-batch on this card."""
    size = 2 if half_precision(job.config.deepspeed) else 4
    recompute = job.config.own.activation_checkpointing
    return activations(job.model, shape, size, recompute, encoders_learn(job.model, phase, job.pretrained))


def encoders_learn(config: ModelConfig, phase: Phase, pretrained: bool) -> bool:
    """Whether the prompt encoders are in the model and learn."""
    return not config.stored_conditioning and (phase.trainable.conditioning or not pretrained)


def phase_steps(job: Job, phase: Phase) -> int:
    """Optimizer steps of a phase. An epoch has as many steps as the first, give or take a rounding."""
    return phase.steps or phase.epochs * job.work.plan.steps(0)


def tokens(config: ModelConfig, shape: Shape) -> int:
    """Positions of a micro-batch without padding. Its targets count one position more than each row's text and codes."""
    return shape.text_targets + shape.code_targets + shape.rows * (config.positions_per_row - 2)


def step_seconds(
    job: Job, shapes: list[list[list[Shape]]], phase: Phase, parameters: Parameters, fraction: float
) -> tuple[float, float]:
    """Seconds of a step, and its operations on the slowest GPU, on average over the sample. Communication between GPUs
    is not in it."""
    rank = phase.trainable.lora.rank if phase.trainable.what == "lora" else 0
    learn = encoders_learn(job.model, phase, job.pretrained)
    recompute = job.config.own.activation_checkpointing
    slowest = [
        max(sum(flops(job.model, shape, recompute, rank, learn).total for shape in one) for one in step)
        for step in shapes
    ]
    operations = sum(slowest) / len(slowest)
    seconds = operations / (job.card.peak[job.precision] * fraction)
    if job.config.deepspeed["zero_optimization"].get("offload_optimizer", {}).get("device", "none") != "none":
        share = parameters.trainable / job.machine.world
        seconds += 6 * share / HOST_LINK + HOST_ADAM * share * job.machine.gpus / HOST_MEMORY
    return seconds, operations


def checkpoint_bytes(job: Job, parameters: Parameters) -> int:
    """One checkpoint: the engine's state (weights in its precision, masters and both moments), the model in float32, and
    the averages by rank and as a model where there are any."""
    size = 2 if half_precision(job.config.deepspeed) else 4
    engine = size * parameters.all + 12 * parameters.trainable
    averages = 4 * (parameters.trainable + parameters.all) if job.recipe.ema.decay is not None else 0
    return engine + 4 * parameters.all + averages
