"""The recipe: what is learned. Base, data, learning rate, loss weights, validation (the JSON says how a GPU runs it)."""

import dataclasses
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import yaml

from amharic_tts.errors import InputError
from amharic_tts.model.config import ConformerConfig, ModelConfig
from amharic_tts.model.lora import Lora
from amharic_tts.typed import build, merge


@dataclass(frozen=True)
class ModelSection:
    """Sizes of a model from scratch; a pretrained base brings its own, and only `dropout` is said here. Rows of the
    tables and the conditioning width come from the data (tokenizer and codec)."""

    dim: int = 1280
    layers: int = 24
    heads: int = 20
    max_text: int = 600
    max_codes: int = 1815
    conditioning: ConformerConfig = field(default_factory=ConformerConfig)
    emotion: ConformerConfig | None = None
    generation_offset: int = 0
    dropout: float = 0.1


OF_ANY_BASE = ("dropout",)
"""Settings of the section `model` that go with a pretrained base."""


@dataclass(frozen=True)
class TrainableSection:
    """Which parameters learn."""

    what: Literal["full", "lora"] = "full"
    """full: trunk, embeddings and heads. lora: adapters on the trunk, embeddings and heads; merged on export."""
    lora: Lora = field(default_factory=Lora)
    conditioning: bool = False
    """The prompt encoders of a pretrained base learn too: the shards must hold frames, not what the frozen encoders made
    of them (tools/extract_features.py --conditioning frames). Those of a model from scratch always learn."""
    base_rows: bool = True
    """False: the rows of text embedding and head that belong to the base's own pieces stay as they are."""


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
class EmaSection:
    """A moving average of the weights, in float32, beside them; what is exported where there is one."""

    decay: float | None = None
    """Share of the average that stays at each step, 0.999 for instance; None: no average. It rises to this value over the
    first steps. Every phase begins a new one."""


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
    """How many of the newest checkpoints stay, beside the one with the lowest validation code loss."""
    keep_every: int | None = None
    """Checkpoints whose step is a multiple of this stay too."""
    max_skipped: int = 10
    """Stop after this many steps in a row that were skipped for a non-finite loss or gradient."""
    stop_within: float = 100.0
    """Seconds from SIGTERM or SIGUSR1 in which the step is finished and a checkpoint published; after them the job ends at
    the last one. Leave the scheduler some seconds less than it gives (SLURM: --signal)."""
    requeue_code: int = 85
    """Exit code of a job that was asked to stop, and wants to be started again."""


@dataclass(frozen=True)
class MonitorSection:
    """Where figures go besides metrics.jsonl."""

    tensorboard: bool = True
    wandb: bool = True
    """Weights & Biases; offline (files under the run's folder) where no key is set."""
    wandb_project: str = "amharic_tts"


@dataclass(frozen=True)
class Phase:
    """A part of a run with an engine of its own. What a recipe's phase leaves out is said by the recipe's sections."""

    name: str
    trainable: TrainableSection
    optimizer: OptimizerSection
    schedule: ScheduleSection
    """Over this phase's steps."""
    epochs: int | None = None
    steps: int | None = None


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what is learned; `load_recipe` reads it."""

    base: Literal["indextts2", "scratch"] = "scratch"
    """The pretrained model that is taught, or a new one."""
    base_folder: str = "base"
    """Folder of a pretrained base (tools/download_base.py)."""
    trainable: TrainableSection = field(default_factory=TrainableSection)
    model: ModelSection = field(default_factory=ModelSection)
    data: DataSection = field(default_factory=DataSection)
    optimizer: OptimizerSection = field(default_factory=OptimizerSection)
    schedule: ScheduleSection = field(default_factory=ScheduleSection)
    loss: LossSection = field(default_factory=LossSection)
    ema: EmaSection = field(default_factory=EmaSection)
    run: RunSection = field(default_factory=RunSection)
    monitors: MonitorSection = field(default_factory=MonitorSection)
    phases: tuple[Phase, ...] = ()
    """One after the other, each from the weights of the one before; none: the whole run is one phase."""

    @property
    def all_phases(self) -> tuple[Phase, ...]:
        """The phases of the run, at least one."""
        whole = Phase("", self.trainable, self.optimizer, self.schedule, self.run.epochs, self.run.steps)
        return self.phases or (whole,)

    def to_yaml(self) -> str:
        values = plain(dataclasses.asdict(self))
        if self.base != "scratch":
            values["model"] = {name: values["model"][name] for name in OF_ANY_BASE}
        return yaml.safe_dump(values, sort_keys=False, allow_unicode=True)


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
    if not isinstance(values, dict):
        raise InputError(f"recipe {path}: expected a mapping of sections")
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
    if values.get("base", Recipe.base) != "scratch" and isinstance(values.get("model"), dict):
        problems += [
            f"model.{name}: the base brings its own sizes" for name in values["model"] if name not in OF_ANY_BASE
        ]
    recipe = build(Recipe, with_whole_phases(values), "", problems)
    if recipe is not None:
        problems += checks(recipe)
    if problems:
        raise InputError(f"recipe {path}:\n  " + "\n  ".join(problems))
    return recipe


def with_whole_phases(values: dict) -> dict:
    """Each phase laid on the sections of the recipe that it may change."""
    if not isinstance(values.get("phases"), list):
        return values
    shared = {
        name: values[name] for name in ("trainable", "optimizer", "schedule") if isinstance(values.get(name), dict)
    }
    empty: dict = {"trainable": {}, "optimizer": {}, "schedule": {}}
    phases = [merge(empty | shared, phase) if isinstance(phase, dict) else phase for phase in values["phases"]]
    return values | {"phases": phases}


def checks(recipe: Recipe) -> list[str]:
    """What is wrong between settings that are each of the right type."""
    found = []
    run = recipe.run
    names = [phase.name for phase in recipe.phases]
    if len(set(names)) < len(names) or "" in names:
        found.append("phases: every phase needs a name of its own")
    trainable = [phase.trainable for phase in recipe.all_phases]
    if recipe.base == "scratch" and trainable[0].what == "lora":
        found.append("trainable.what: a model from scratch has no trunk to adapt yet: begin with `what: full`")
    if any(one.lora != Lora() for one in trainable) and not any(one.what == "lora" for one in trainable):
        found.append("trainable.lora is read with `trainable.what: lora` alone")
    if recipe.base == "scratch" and recipe.base_folder != Recipe.base_folder:
        found.append("base_folder is read with a pretrained base alone")
    if recipe.phases and (run.epochs, run.steps) != (None, None):
        found.append("run.epochs and run.steps: with phases each of them says its own length")
    for number, phase in enumerate(recipe.all_phases):
        found += phase_checks(phase, f"phases[{number}]." if recipe.phases else "", recipe)
    if len({phase.epochs is None for phase in recipe.phases}) > 1:
        found.append("phases: give the length of all in epochs, or of all in steps")
    for name, value in (
        ("run.validate_every", run.validate_every),
        ("run.checkpoint_every", run.checkpoint_every), ("run.keep_checkpoints", run.keep_checkpoints),
        ("run.keep_every", run.keep_every),
        ("run.max_skipped", run.max_skipped), ("data.step_tokens", recipe.data.step_tokens),
        ("data.window_shards", recipe.data.window_shards), ("data.threads", recipe.data.threads),
    ):  # fmt: skip
        if value is not None and value < 1:
            found.append(f"{name} must be at least 1, not {value}")
    if not 0 < run.stop_within < math.inf:
        found.append(f"run.stop_within must be a number of seconds above 0, not {run.stop_within}")
    if not 3 <= run.requeue_code <= 125:
        found.append(
            f"run.requeue_code must be 3 to 125, apart from the codes of errors and signals: {run.requeue_code}"
        )
    if min(recipe.loss.text, recipe.loss.codes) < 0 or recipe.loss.codes == 0:
        found.append("loss.text must be at least 0 and loss.codes above 0")
    if recipe.ema.decay is not None and not 0 < recipe.ema.decay < 1:
        found.append(f"ema.decay must be between 0 and 1, not {recipe.ema.decay}")
    if "train" in recipe.data.validation:
        found.append("data.validation: the name 'train' is taken by the training set")
    found += model_config(recipe.model).problems()
    return found


def phase_checks(phase: Phase, where: str, recipe: Recipe) -> list[str]:
    """What is wrong with one phase; `where` stands before the names of its settings."""
    found = []
    optimizer, schedule, length = phase.optimizer, phase.schedule, where or "run."
    if (phase.epochs is None) == (phase.steps is None):
        found.append(f"{length.rstrip('.')}: give exactly one of {length}epochs and {length}steps")
    for name, value in (("epochs", phase.epochs), ("steps", phase.steps)):
        if value is not None and value < 1:
            found.append(f"{length}{name} must be at least 1, not {value}")
    if not 0 < optimizer.learning_rate < math.inf:
        found.append(f"{where}optimizer.learning_rate must be above 0, not {optimizer.learning_rate}")
    if not all(0 <= beta < 1 for beta in optimizer.betas) or optimizer.eps <= 0 or optimizer.weight_decay < 0:
        found.append(f"{where}optimizer: betas must be in [0, 1), eps above 0, weight_decay at least 0")
    if schedule.warmup_steps < 0 or (phase.steps is not None and schedule.warmup_steps >= phase.steps):
        found.append(f"{where}schedule.warmup_steps {schedule.warmup_steps} does not lie in {phase.steps} steps")
    if not 0 <= schedule.warmup_share < 1:
        found.append(f"{where}schedule.warmup_share must be in [0, 1), not {schedule.warmup_share}")
    if not 0 <= schedule.final_share <= 1:
        found.append(f"{where}schedule.final_share must be in [0, 1], not {schedule.final_share}")
    found += [f"{where}trainable.{problem}" for problem in phase.trainable.lora.problems()]
    if recipe.base == "scratch" and not phase.trainable.base_rows:
        found.append(f"{where}trainable.base_rows: a model from scratch has no rows of a base to keep")
    if recipe.base == "scratch" and phase.trainable.conditioning:
        found.append(f"{where}trainable.conditioning: the encoders of a model from scratch always learn")
    return found


def model_config(section: ModelSection) -> ModelConfig:
    """The sizes that a recipe says; the data decides the rows of the tables and the conditioning width."""
    own = {field.name: getattr(section, field.name) for field in dataclasses.fields(section)}
    return ModelConfig(text_rows=3, code_rows=3, conditioning_width=80, **own)
