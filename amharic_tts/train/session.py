"""Everything that one training run holds, built from a recipe and a DeepSpeed JSON, each part checked before use."""

import functools
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil
import torch

from amharic_tts.bases.base import Base
from amharic_tts.bases.choose import choose_base
from amharic_tts.codec.load import load_codec
from amharic_tts.codec.protocol import CodecFacts
from amharic_tts.data.plan import Plan, require_fits
from amharic_tts.data.read import Dataset
from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.text.tokenizer import Tokenizer
from amharic_tts.train.deepspeed_config import EngineConfig, half_precision
from amharic_tts.train.ema import Ema
from amharic_tts.train.engine import build_engine, keyed_seed
from amharic_tts.train.masters import set_masters
from amharic_tts.train.processes import rank, world_size
from amharic_tts.train.recipe import Phase, Recipe, model_config
from amharic_tts.train.speaker_prompts import speaker_prompts
from amharic_tts.train.trainable import choose_trainable


@dataclass(frozen=True)
class Data:
    """The packed data of a run. Everything in it was made with one tokenizer and one codec."""

    train: Dataset
    validation: dict[str, Dataset]
    tokenizer: Tokenizer
    codec: CodecFacts

    @functools.cached_property
    def prompts(self) -> dict[str, torch.Tensor]:
        """A prompt for each speaker, for checkpoints; read once."""
        return speaker_prompts(self.train)


@dataclass(frozen=True)
class Course:
    """The way of a run through its data: every phase and where it ends."""

    plan: Plan
    ends: tuple[int, ...]
    """Optimizer steps after which each phase is over; the last one is the run's length."""

    def steps(self, number: int) -> int:
        """Length of phase `number` in steps."""
        return self.ends[number] - (self.ends[number - 1] if number else 0)


@dataclass(frozen=True)
class Run:
    """What all phases of a run have in common, checked before anything is built."""

    recipe: Recipe
    configs: list[EngineConfig]
    """One for each phase."""
    data: Data
    base: Base
    identity: dict[str, str]
    """Of the base, as it was when the run began or went on."""
    course: Course
    device: torch.device

    @property
    def folder(self) -> Path:
        return Path(self.recipe.run.directory)


@dataclass
class Session:
    """One phase of a run at work: what was built, and where it stands."""

    run: Run
    number: int
    """Of the phase."""
    engine: object
    frozen: dict[str, torch.Tensor]
    """On rank 0: the float32 values of what does not learn, by their names in the engine's module."""
    ema: Ema | None = None
    step: int = 0
    """Optimizer steps done, in all phases."""
    epoch: int = 0
    k: int = 0
    """The next step to take is number k of this epoch."""

    @property
    def model(self) -> SpeechLM:
        return self.engine.module

    @property
    def phase(self) -> Phase:
        return self.run.recipe.all_phases[self.number]

    @property
    def config(self) -> EngineConfig:
        return self.run.configs[self.number]

    @property
    def first_step(self) -> int:
        """Steps of the run before the phase begins."""
        return self.last_step - self.run.course.steps(self.number)

    @property
    def last_step(self) -> int:
        """The phase ends after this step."""
        return self.run.course.ends[self.number]


def open_data(recipe: Recipe) -> Data:
    """Opens the shards of a recipe. Raises InputError where one is missing, damaged or of another tokenizer or codec."""
    folder = Path(recipe.data.train)
    if not folder.is_dir():
        raise InputError(
            f"data.train: there are no shards in {folder}; make them with `python tools/build_shards.py --manifest "
            f"train.jsonl --out {folder} --tokenizer … --features …` (a model from scratch: --codec …), or run `make demo` "
            "for a complete example"
        )
    train = Dataset.open(folder)
    tokenizer = Tokenizer.load(folder / "tokenizer")
    codec = load_codec(folder / "codec")
    train.require(tokenizer=tokenizer.fingerprint, codec=codec.fingerprint)
    validation = {name: Dataset.open(Path(path)) for name, path in recipe.data.validation.items()}
    for dataset in validation.values():
        dataset.require(tokenizer=tokenizer.fingerprint, codec=codec.fingerprint)
    return Data(train, validation, tokenizer, codec)


def base_of(recipe: Recipe) -> Base:
    """The base that the recipe names."""
    return choose_base(recipe.base, recipe.base_folder, model_config(recipe.model))


def sizes(base: Base, data: Data) -> ModelConfig:
    """The model's sizes for this data. Raises InputError when a row is longer than the model's tables."""
    config = base.sizes(data.tokenizer, data.codec)
    for dataset in (data.train, *data.validation.values()):
        for column, limit, setting in (
            ("n_text", config.max_text, "max_text"),
            ("n_code", config.max_codes, "max_codes"),
        ):
            longest = int(dataset.rows[column].max(initial=0))
            if longest > limit:
                mend = "" if base.pretrained else f"raise model.{setting} in the recipe, or "
                raise InputError(
                    f"{dataset.directory} has a row with {column} = {longest}, above the model's {setting} = {limit}: "
                    f"{mend}leave such rows out of the manifest and build the shards again"
                )
    return config


def chart(recipe: Recipe, data: Data, config: ModelConfig, token_budget: int) -> Course:
    """The order of the training data and the ends of all phases. Raises InputError when a row does not fit a micro-batch,
    or a warm-up not into its phase."""
    plan = Plan(
        data.train.catalog,
        data.train.rows_of_shard,
        recipe.run.seed,
        recipe.data.step_tokens,
        positions_per_row=config.positions_per_row,
        window_shards=recipe.data.window_shards,
    )
    for dataset in (data.train, *data.validation.values()):
        require_fits(
            Plan(dataset.catalog, dataset.rows_of_shard, 0, 1, positions_per_row=config.positions_per_row), token_budget
        )
    ends, epochs = [], 0
    for phase in recipe.all_phases:
        length = phase.steps or sum(plan.steps(epoch) for epoch in range(epochs, epochs + phase.epochs))
        epochs += phase.epochs or 0
        ends.append(length + (ends[-1] if ends else 0))
        if (warmup := phase.schedule.warmup(length)) >= length:
            raise InputError(
                f"the warm-up of {warmup} steps does not end within the {length} steps of {phase.name or 'the run'}: "
                "lower schedule.warmup_steps, or give schedule.warmup_share (0.05 is a twentieth)"
            )
    return Course(plan, tuple(ends))


def build_session(run: Run, number: int, start: dict[str, torch.Tensor]) -> Session:
    """Model and engine of phase `number`; nothing is read from or written to the run's folder.

    start: the weights that the phase begins with: a float32 state dict of the plain model, on every rank.
    """
    recipe, config, data = run.recipe, run.configs[number], run.data
    phase = recipe.all_phases[number]
    with torch.device("meta"):
        model = SpeechLM(sizes(run.base, data))
    model.load_state_dict(start, assign=True)
    seed = keyed_seed(recipe.run.seed, "adapters", number)
    choose_trainable(model, phase.trainable, data.tokenizer.base_size, run.base.pretrained, seed)
    still = {name: p.detach() for name, p in model.named_parameters() if not p.requires_grad} if rank() == 0 else {}
    engine = build_engine(model, phase, config, run.course.steps(number))
    if half_precision(config.deepspeed):
        set_masters(engine, start)
    ema = Ema(engine, recipe.ema.decay) if recipe.ema.decay is not None else None
    return Session(run, number, engine, still, ema)


def machine() -> dict:
    """What a run was made on, for its records."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "accelerators": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "world_size": world_size(),
        "versions": {name: version(name) for name in ("amharic_tts", "torch", "torchaudio", "deepspeed")},
    }
