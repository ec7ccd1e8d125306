"""The recipe: what is learned. Model, data, learning rate, loss weights, validation (the JSON says how a GPU runs it)."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from amharic_tts.errors import InputError
from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.train.typed import build, merge


@dataclass(frozen=True)
class ModelSection:
    """Sizes of the model. Rows of the tables and the conditioning width come from the data (tokenizer and codec)."""

    dim: int = 1280
    layers: int = 24
    heads: int = 20
    max_text: int = 600
    max_codes: int = 1815
    conditioning: ConformerConfig = field(default_factory=ConformerConfig)
    emotion: ConformerConfig | None = None
    generation_offset: int = 0
    dropout: float = 0.1


@dataclass(frozen=True)
class DataSection:
    """What is read, and how much of it makes one optimizer step."""

    train: str = "shards/train"
    """Folder of packed shards (tools/build_shards.py)."""
    validation: dict[str, str] = field(default_factory=dict)
    """Name → folder of shards that are never trained on."""
    step_tokens: int = 16384
    """Size of one optimizer step in sequence positions, over all GPUs: the global batch, whatever the machine."""
    window_shards: int = 64
    """Shards that rows are shuffled over together, and that are open at a time."""
    threads: int = 2
    """Reading threads per process."""


@dataclass(frozen=True)
class OptimizerSection:
    """AdamW. Norms, biases and embeddings do not decay."""

    learning_rate: float = 2e-5
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    weight_decay: float = 0.01


@dataclass(frozen=True)
class ScheduleSection:
    """How the learning rate moves over the run; see `schedule.learning_rate_share`."""

    kind: Literal["constant", "linear", "cosine"] = "cosine"
    warmup_steps: int = 0
    """Optimizer steps over which the rate rises linearly from nearly zero."""
    warmup_share: float = 0.0
    """The same as a share of the run; the longer of the two counts."""
    final_share: float = 0.1
    """Share of the learning rate that is left at the last step (linear and cosine)."""

    def warmup(self, total: int) -> int:
        """Warm-up steps of a run of `total` steps."""
        return max(self.warmup_steps, round(self.warmup_share * total))


@dataclass(frozen=True)
class LossSection:
    """loss = text × mean text cross-entropy + codes × mean code cross-entropy, each over the whole step's targets."""

    text: float = 0.2
    codes: float = 0.8


@dataclass(frozen=True)
class RunSection:
    """Where a run lives, how long it is, and how often it looks at itself."""

    directory: str = "runs/full"
    seed: int = 0
    epochs: int | None = None
    """Length of the run in passes over the data; or give `steps`."""
    steps: int | None = None
    """Length of the run in optimizer steps; or give `epochs`."""
    validate_every: int = 250
    """Optimizer steps between validations; one comes before the first step and one at the end."""
    checkpoint_every: int = 250
    keep_checkpoints: int = 2
    """How many of the newest checkpoints stay."""
    max_skipped: int = 10
    """Stop after this many steps in a row that were skipped for a non-finite loss or gradient."""


@dataclass(frozen=True)
class MonitorSection:
    """Where figures go besides metrics.jsonl."""

    tensorboard: bool = True
    wandb: bool = True
    """Weights & Biases; offline (files under the run's folder) where no key is set."""
    wandb_project: str = "amharic_tts"


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is learned; `load_recipe` reads it."""

    model: ModelSection = field(default_factory=ModelSection)
    data: DataSection = field(default_factory=DataSection)
    optimizer: OptimizerSection = field(default_factory=OptimizerSection)
    schedule: ScheduleSection = field(default_factory=ScheduleSection)
    loss: LossSection = field(default_factory=LossSection)
    run: RunSection = field(default_factory=RunSection)
    monitors: MonitorSection = field(default_factory=MonitorSection)

    def to_yaml(self) -> str:
        return yaml.safe_dump(plain(dataclasses.asdict(self)), sort_keys=False, allow_unicode=True)


def plain(value):
    """Tuples as lists, so that YAML stays plain."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def load_recipe(path: str | Path, settings: list[str] = ()) -> Recipe:
    """Reads a recipe and lays `section.key=value` settings on it. Raises InputError naming everything that is wrong."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"recipe {path} does not exist; the recipes are in launch/recipes/")
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"recipe {path} is not readable YAML: {error}") from None
    problems: list[str] = []
    if not isinstance(values, dict) or not all(isinstance(section, dict) for section in values.values()):
        raise InputError(f"recipe {path}: expected a mapping of sections, each a mapping of settings")
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or not name:
            problems.append(f"--set {setting!r}: write section.key=value")
            continue
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            problems.append(f"--set {setting!r}: the value is not readable YAML")
            continue
        for part in reversed(name.split(".")):
            value = {part: value}
        values = merge(values, value)
    recipe = build(Recipe, values, "", problems)
    if recipe is not None:
        problems += checks(recipe)
    if problems:
        raise InputError(f"recipe {path}:\n  " + "\n  ".join(problems))
    return recipe


def checks(recipe: Recipe) -> list[str]:
    """What is wrong between settings that are each of the right type."""
    found = []
    run, schedule = recipe.run, recipe.schedule
    if (run.epochs is None) == (run.steps is None):
        found.append("run: give exactly one of run.epochs and run.steps")
    for name, value in (
        ("run.epochs", run.epochs), ("run.steps", run.steps), ("run.validate_every", run.validate_every),
        ("run.checkpoint_every", run.checkpoint_every), ("run.keep_checkpoints", run.keep_checkpoints),
        ("run.max_skipped", run.max_skipped), ("data.step_tokens", recipe.data.step_tokens),
        ("data.window_shards", recipe.data.window_shards), ("data.threads", recipe.data.threads),
    ):  # fmt: skip
        if value is not None and value < 1:
            found.append(f"{name} must be at least 1, not {value}")
    optimizer = recipe.optimizer
    if not 0 < optimizer.learning_rate < math.inf:
        found.append(f"optimizer.learning_rate must be above 0, not {optimizer.learning_rate}")
    if not all(0 <= beta < 1 for beta in optimizer.betas) or optimizer.eps <= 0 or optimizer.weight_decay < 0:
        found.append("optimizer: betas must be in [0, 1), eps above 0, weight_decay at least 0")
    if schedule.warmup_steps < 0 or (run.steps is not None and schedule.warmup_steps >= run.steps):
        found.append(f"schedule.warmup_steps {schedule.warmup_steps} does not lie in a run of {run.steps} steps")
    if not 0 <= schedule.warmup_share < 1:
        found.append(f"schedule.warmup_share must be in [0, 1), not {schedule.warmup_share}")
    if not 0 <= schedule.final_share <= 1:
        found.append(f"schedule.final_share must be in [0, 1], not {schedule.final_share}")
    if min(recipe.loss.text, recipe.loss.codes) < 0 or recipe.loss.codes == 0:
        found.append("loss.text must be at least 0 and loss.codes above 0")
    if "train" in recipe.data.validation:
        found.append("data.validation: the name 'train' is taken by the training set")
    found += model_config(recipe.model, 3, 3, 80).problems()
    return found


def model_config(section: ModelSection, text_rows: int, code_rows: int, conditioning_width: int) -> ModelConfig:
    """The model's sizes, those that the data decides included."""
    own = {field.name: getattr(section, field.name) for field in dataclasses.fields(section)}
    return ModelConfig(text_rows=text_rows, code_rows=code_rows, conditioning_width=conditioning_width, **own)
