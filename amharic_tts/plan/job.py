"""What is planned: a recipe, a DeepSpeed JSON, a card, and the sizes of the model with or without its base and data."""

from dataclasses import dataclass, replace
from pathlib import Path

from amharic_tts.bases.choose import choose_base
from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.codec.protocol import CodecFacts
from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.indextts2_config import CONFIG_FILE, read_base_config
from amharic_tts.plan.cards import Card, card_for
from amharic_tts.plan.states import Machine
from amharic_tts.plan.workload import Workload, of_data, of_hours
from amharic_tts.text.tokenizer import Tokenizer
from amharic_tts.train.deepspeed_config import EngineConfig, load_engine_config
from amharic_tts.train.recipe import Recipe, model_config

CONFIGS = Path("ds_configs")
MULTINODE = "a100_multinode"

TEXT_ROWS = 24_001
"""Rows of the text tables where no data says them: a base's vocabulary that was grown to 24 000 pieces, and the spare."""

CODE_ROWS = 1026
"""The same for a model from scratch: a codec of 1024 codes, start, stop."""


@dataclass(frozen=True)
class Job:
    """One run on one kind of card."""

    gpu: str
    """Name of the card's file in ds_configs/."""
    card: Card
    machine: Machine
    recipe: Recipe
    config: EngineConfig
    model: ModelConfig
    work: Workload
    assumed: tuple[str, ...]
    """What is not known yet and was taken for true, in words."""

    @property
    def pretrained(self) -> bool:
        return self.recipe.base != "scratch"

    @property
    def precision(self) -> str:
        """fp16, bf16 or fp32."""
        values = self.config.deepspeed
        return next((name for name in ("fp16", "bf16") if values.get(name, {}).get("enabled")), "fp32")


def make_job(
    gpu: str, recipe: Recipe, machine: Machine, config: Path | None = None, hours: float | None = None,
    text_rows: int | None = None,
) -> Job:  # fmt: skip
    """hours: of speech, where there are no shards yet; None: the shards that `data.train` of the recipe names.

    config: None is the card's own in ds_configs/. Raises InputError where something is missing or does not fit.
    """
    card = card_for(gpu)
    path = config or CONFIGS / f"{gpu}.json"
    engine = load_engine_config(path, recipe.all_phases[0].optimizer)
    if hours is None:
        # Opening shards checks them, and draws in the training room, which brings deepspeed along.
        from amharic_tts.train.session import open_data

        data = open_data(recipe)
        sizes, assumed = sizes_for(recipe, data.tokenizer, data.codec)
        work = of_data(data.train, recipe, sizes)
    else:
        sizes, assumed = sizes_assumed(recipe, text_rows)
        work = of_hours(hours, recipe, sizes)
        assumed.append(f"{hours:g} hours of speech in utterances of 5.8 s on average, 6 text ids a second")
    job = Job(gpu, card, machine, recipe, engine, sizes, work, tuple(assumed))
    require_precision_of(job, path)
    return job


def require_precision_of(job: Job, path: Path) -> None:
    """Raises InputError for a precision that the card only emulates, and for a partition that no node has."""
    if job.precision not in job.card.peak:
        raise InputError(
            f"{path} computes in {job.precision}, which a {job.card.title} has not: use ds_configs/{job.gpu}.json"
        )
    within = job.config.deepspeed["zero_optimization"].get("zero_hpz_partition_size", 1)
    if within > 1 and within != job.machine.gpus:
        raise InputError(
            f"{path} shares parameters among the {within} GPUs of a node (zero_hpz_partition_size), the plan has "
            f"{job.machine.gpus}: give --gpus {within}, or a copy of the file with the number of GPUs of your nodes"
        )


def sizes_for(recipe: Recipe, tokenizer: Tokenizer, codec: CodecFacts) -> tuple[ModelConfig, list[str]]:
    """Of the model that training builds for this vocabulary and these codes, and what was assumed of a base that is not
    there."""
    if recipe.base == "scratch" or (Path(recipe.base_folder) / CONFIG_FILE).is_file():
        return choose_base(recipe.base, recipe.base_folder, model_config(recipe.model)).sizes(tokenizer, codec), []
    if not isinstance(codec, IndexTTS2Codes):
        raise InputError("the shards hold codes of another codec than IndexTTS-2's, the recipe says base: indextts2")
    base, assumed = base_sizes(recipe)
    added = tokenizer.size - tokenizer.base_size if tokenizer.base_size else 0
    stored = codec.conditioning == "latents"
    width = codec.conditioning_width
    changed = {"text_rows": base.text_rows + added, "stored_conditioning": stored, "conditioning_width": width}
    return replace(base, **changed, dropout=recipe.model.dropout), assumed


def sizes_assumed(recipe: Recipe, text_rows: int | None) -> tuple[ModelConfig, list[str]]:
    """The same before there is any data."""
    rows = text_rows or TEXT_ROWS
    told = [] if text_rows else [f"{rows} rows in the text tables (--text-rows)"]
    if recipe.base == "scratch":
        sizes = replace(model_config(recipe.model), text_rows=rows, code_rows=CODE_ROWS)
        return sizes, [*told, f"{CODE_ROWS} rows in the code tables"]
    base, assumed = base_sizes(recipe)
    stored = not any(phase.trainable.conditioning for phase in recipe.all_phases)
    sizes = replace(base, text_rows=rows, stored_conditioning=stored, dropout=recipe.model.dropout)
    return sizes, told + assumed


def base_sizes(recipe: Recipe) -> tuple[ModelConfig, list[str]]:
    """IndexTTS-2's, from the base's folder, or as published while there is none."""
    folder = Path(recipe.base_folder)
    if (folder / CONFIG_FILE).is_file():
        return read_base_config(folder).model, []
    return ModelConfig(), [f"the published sizes of IndexTTS-2, as there is no base in {folder}"]
