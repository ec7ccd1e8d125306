"""Everything that one training run holds, built from a recipe and a DeepSpeed JSON, each part checked before use."""

import functools
import platform
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import psutil
import torch

from amharic_tts.codec.load import load_codec
from amharic_tts.codec.protocol import Codec
from amharic_tts.data.plan import Plan, require_fits
from amharic_tts.data.read import Dataset
from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.text.tokenizer import Tokenizer
from amharic_tts.train.deepspeed_config import EngineConfig
from amharic_tts.train.engine import build_engine, keyed_seed
from amharic_tts.train.processes import world_size
from amharic_tts.train.recipe import Recipe, model_config
from amharic_tts.train.speaker_prompts import speaker_prompts


@dataclass(frozen=True)
class Data:
    """The packed data of a run. Everything in it was made with one tokenizer and one codec."""

    train: Dataset
    validation: dict[str, Dataset]
    tokenizer: Tokenizer
    codec: Codec

    @functools.cached_property
    def prompts(self) -> dict[str, torch.Tensor]:
        """A prompt for each speaker, for checkpoints; read once."""
        return speaker_prompts(self.train)


@dataclass
class Session:
    """One run at work: what was built, and where it stands."""

    recipe: Recipe
    config: EngineConfig
    data: Data
    plan: Plan
    engine: object
    device: torch.device
    total_steps: int
    run: Path
    step: int = 0
    """Optimizer steps done."""
    epoch: int = 0
    k: int = 0
    """The next step to take is number k of this epoch."""

    @property
    def model(self) -> SpeechLM:
        return self.engine.module


def open_data(recipe: Recipe) -> Data:
    """Opens the shards of a recipe. Raises InputError where one is missing, damaged or of another tokenizer or codec."""
    folder = Path(recipe.data.train)
    if not folder.is_dir():
        raise InputError(
            f"data.train: there are no shards in {folder}; make them with `python tools/build_shards.py --manifest "
            f"train.jsonl --out {folder} --tokenizer … --codec …`, or run `make demo` for a complete example"
        )
    train = Dataset.open(folder)
    tokenizer = Tokenizer.load(folder / "tokenizer")
    codec = load_codec(folder / "codec")
    train.require(tokenizer=tokenizer.fingerprint, codec=codec.fingerprint)
    validation = {name: Dataset.open(Path(path)) for name, path in recipe.data.validation.items()}
    for dataset in validation.values():
        dataset.require(tokenizer=tokenizer.fingerprint, codec=codec.fingerprint)
    return Data(train, validation, tokenizer, codec)


def sizes(recipe: Recipe, data: Data) -> ModelConfig:
    """The model's sizes for this data. Raises InputError when a row is longer than the model's tables."""
    info = data.train.info
    config = model_config(recipe.model, info.text_size, info.code_size + 2, info.conditioning_width)
    for dataset in (data.train, *data.validation.values()):
        for column, limit, setting in (
            ("n_text", config.max_text, "max_text"),
            ("n_code", config.max_codes, "max_codes"),
        ):
            longest = int(dataset.rows[column].max(initial=0))
            if longest > limit:
                raise InputError(
                    f"{dataset.directory} has a row with {column} = {longest}, above model.{setting} = {limit}: raise "
                    "it in the recipe, or leave such rows out of the manifest and build the shards again"
                )
    return config


def plan_data(recipe: Recipe, data: Data, config: ModelConfig, token_budget: int) -> Plan:
    """The order of the training data. Raises InputError when a row does not fit a micro-batch."""
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
    return plan


def build_session(recipe: Recipe, config: EngineConfig, data: Data, device: torch.device) -> Session:
    """Model, plan and engine; nothing is read from or written to the run's folder."""
    model_sizes = sizes(recipe, data)
    plan = plan_data(recipe, data, model_sizes, config.own.micro_batch_tokens)
    total = recipe.run.steps or sum(plan.steps(epoch) for epoch in range(recipe.run.epochs))
    if recipe.schedule.warmup(total) >= total:
        raise InputError(
            f"the warm-up of {recipe.schedule.warmup(total)} steps does not end within the run's {total}: lower "
            "schedule.warmup_steps, or give schedule.warmup_share (0.05 is a twentieth of the run)"
        )
    torch.manual_seed(keyed_seed(recipe.run.seed, "weights"))
    engine = build_engine(SpeechLM(model_sizes), recipe, config, total)
    return Session(recipe, config, data, plan, engine, device, total, Path(recipe.run.directory))


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
