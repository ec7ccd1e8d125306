"""`config.yaml` of an IndexTTS-2 folder ↔ `ModelConfig`.

The file comes from elsewhere, so it is closed and bounded: an unknown setting of the model, a size beyond its limits, or
a path that leaves the folder is an error. Nothing is allocated by its sizes before the tensors are found to have them.
"""

import copy
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from amharic_tts.errors import InputError
from amharic_tts.model.config import ENCODER_LIMITS, LIMITS, ConformerConfig, ModelConfig
from amharic_tts.model.speech_lm import START_TEXT, STOP_TEXT

CONFIG_FILE = "config.yaml"
LARGEST_FILE = 2**20  # bytes; the real one has 3 KB
MEND = "`python tools/download_base.py` fetches a sound one"

# The reference's name → ours, whose limits hold.
SIZES = {
    "model_dim": "dim",
    "layers": "layers",
    "heads": "heads",
    "number_mel_codes": "code_rows",
    "max_text_tokens": "max_text",
    "max_mel_tokens": "max_codes",
}
TEXT_TOKENS = "number_text_tokens"  # the reference's tables have one row more
ENCODER_SIZES = {
    "output_size": "dim",
    "linear_units": "linear_units",
    "attention_heads": "heads",
    "num_blocks": "blocks",
    "perceiver_mult": "perceiver_mult",
}
LATENTS = ("condition_num_latent", 32)  # optional in the file: name, default
ENCODERS = {"condition_module": "conditioning", "emo_condition_module": "emotion"}
EMOTION_WIDTH = 1024  # of the emotion encoder's latent, fixed in the reference
FEATURE_WIDTH = 1024  # of one frame of w2v-bert-2.0, fixed in the reference

# What is built here, and nothing else. Absent settings have these values in the reference too, but for REQUIRED_FIXED.
FIXED: dict[str, Any] = {
    "use_mel_codes_as_input": True,
    "train_solo_embeddings": False,
    "condition_type": "conformer_perceiver",
    "start_text_token": START_TEXT,
    "stop_text_token": STOP_TEXT,
    "max_conditioning_inputs": 1,
    "types": 1,
}
REQUIRED_FIXED = ("condition_type",)
WITHOUT_EFFECT = ("mel_length_compression", "checkpointing", "use_accel")  # on tensors and results
FILES = ("gpt_checkpoint", "w2v_stat", "s2mel_checkpoint", "emo_matrix", "spk_matrix", "qwen_emo_path")
HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class BaseConfig:
    """A folder of IndexTTS-2 and what its config.yaml says, checked."""

    directory: Path
    model: ModelConfig
    values: dict[str, Any]
    """The whole file, for what lies outside the GPT."""

    @property
    def gpt(self) -> Path:
        """The GPT's weights."""
        return inside(self.directory, self.values.get("gpt_checkpoint") or "gpt.pth", "gpt_checkpoint")

    @property
    def tokenizer(self) -> Path:
        """The SentencePiece model."""
        return inside(self.directory, self.values["dataset"]["bpe_model"], "dataset.bpe_model")

    @property
    def others(self) -> dict[str, Path]:
        """Setting → what else of the folder the reference's inference reads: files, and one folder."""
        named = {name: self.values.get(name) for name in FILES if name != "gpt_checkpoint"}
        return {name: inside(self.directory, value, name) for name, value in named.items() if value is not None}


def read_base_config(directory: str | Path) -> BaseConfig:
    """Reads and checks config.yaml of an IndexTTS-2 folder. Raises InputError naming everything that is wrong."""
    directory = Path(directory)
    path = directory / CONFIG_FILE
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise InputError(f"{path} is larger than 1 MB, so it is no settings of IndexTTS-2; {MEND}")
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {MEND}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise InputError(f"{path} is no plain YAML ({str(error).splitlines()[0][:200]}); {MEND}") from None
    if not isinstance(values, dict) or not all(isinstance(values.get(name), dict) for name in ("gpt", "dataset")):
        raise InputError(f"{path} has no sections gpt and dataset; {MEND}")
    try:
        model = model_config(values["gpt"])
        for name in FILES:
            if values.get(name) is not None:
                inside(directory, values[name], name)
        inside(directory, values["dataset"].get("bpe_model"), "dataset.bpe_model")
        check_vocoder(values.get("vocoder"))
    except InputError as error:
        raise InputError(f"{path}: {error}; {MEND}") from None
    return BaseConfig(directory, model, values)


def inside(directory: Path, name: Any, setting: str) -> Path:
    """The path of a file that a setting names, which must lie in the folder, links followed. Raises InputError."""
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise InputError(f"{setting} must name a file, not {shown(name)}")
    path, folder = (directory / name).resolve(), directory.resolve()
    if Path(name).is_absolute() or folder not in path.parents:
        raise InputError(f"{setting} {shown(name)} leaves the folder {directory}: put the file into it")
    return path


def check_vocoder(section: Any) -> None:
    """Raises InputError unless the vocoder is named as `owner/name` on the hub: elsewhere it would be read as a path."""
    name = section.get("name") if isinstance(section, dict) else section
    if name is not None and not (isinstance(name, str) and HUB_NAME.fullmatch(name) and ".." not in name):
        raise InputError(f"vocoder.name {shown(name)} is no owner/name on the hub")


def model_config(section: dict[str, Any]) -> ModelConfig:
    """The reference's `gpt` section as our sizes. Raises InputError naming everything that is wrong."""
    problems: list[str] = []
    encoders = {ours: section.get(theirs) for theirs, ours in ENCODERS.items()}
    known = {*SIZES, TEXT_TOKENS, LATENTS[0], *ENCODERS, *FIXED, "start_mel_token", "stop_mel_token", *WITHOUT_EFFECT}
    problems += [f"gpt.{name} is not known here" for name in section if name not in known]
    for name, value in FIXED.items():
        if (name in section or name in REQUIRED_FIXED) and not same(section.get(name), value):
            problems.append(f"gpt.{name} must be {value!r}, not {shown(section.get(name))}")
    sizes = {ours: size(section, name, *LIMITS[ours], "gpt", problems) for name, ours in SIZES.items()}
    text_tokens = size(section, TEXT_TOKENS, *(rows - 1 for rows in LIMITS["text_rows"]), "gpt", problems)
    name, default = LATENTS
    latents = size({name: default} | section, name, *ENCODER_LIMITS["latents"], "gpt", problems)
    parts = {ours: encoder(values, ours, problems) for ours, values in encoders.items()}
    if problems:
        raise InputError("; ".join(problems))
    for name, value in (("start_mel_token", sizes["code_rows"] - 2), ("stop_mel_token", sizes["code_rows"] - 1)):
        if not same(section.get(name), value):
            problems.append(f"gpt.{name} must be {value}, as number_mel_codes has it, not {shown(section.get(name))}")
    config = ModelConfig(
        **sizes,
        text_rows=text_tokens + 1,
        conditioning_width=FEATURE_WIDTH,
        conditioning=ConformerConfig(**parts["conditioning"], latents=latents),
        emotion=ConformerConfig(**parts["emotion"], latents=1, latent_dim=EMOTION_WIDTH),
    )
    problems += config.problems()
    if problems:
        raise InputError("; ".join(problems))
    return config


def encoder(values: Any, ours: str, problems: list[str]) -> dict[str, int | None]:
    """Sizes of a conformer and perceiver; what is wrong is appended to `problems`."""
    where = next(f"gpt.{theirs}" for theirs, name in ENCODERS.items() if name == ours)
    if not isinstance(values, dict):
        problems.append(f"{where} is missing")
        return {}
    problems += [f"{where}.{name} is not known here" for name in values if name not in {*ENCODER_SIZES, "input_layer"}]
    if values.get("input_layer") != "conv2d2":
        problems.append(f"{where}.input_layer must be 'conv2d2', not {shown(values.get('input_layer'))}")
    return {ours: size(values, name, *ENCODER_LIMITS[ours], where, problems) for name, ours in ENCODER_SIZES.items()}


def size(values: dict, name: str, low: int, high: int, where: str, problems: list[str]) -> int | None:
    """A whole number within its limits."""
    value = values.get(name)
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    problems.append(f"{where}.{name} must be {low} to {high}, not {shown(value)}")
    return None


def same(value: Any, expected: Any) -> bool:
    """Equal and of one type: 1 is not True."""
    return type(value) is type(expected) and value == expected


def shown(value: Any) -> str:
    """A value for a message; a container only by its kind, since YAML can make it endless."""
    if value is None:
        return "nothing"
    return f"a {type(value).__name__}" if isinstance(value, dict | list) else repr(value)[:80]


def gpt_section(config: ModelConfig) -> dict[str, Any]:
    """Our sizes as the reference's `gpt` section. Raises InputError for a model that the reference cannot be."""
    if config.emotion is None or config.emotion.latent_dim != EMOTION_WIDTH:
        raise InputError(f"IndexTTS-2 has an emotion encoder of width {EMOTION_WIDTH}; this model cannot be one of its")
    if config.conditioning_width != FEATURE_WIDTH:
        raise InputError(
            f"IndexTTS-2 takes conditioning frames of width {FEATURE_WIDTH}, not {config.conditioning_width}"
        )
    section: dict[str, Any] = {theirs: getattr(config, ours) for theirs, ours in SIZES.items()}
    section |= {TEXT_TOKENS: config.text_rows - 1}
    section |= {"start_mel_token": config.start_code, "stop_mel_token": config.stop_code}
    section |= {LATENTS[0]: config.conditioning.latents, **FIXED}
    for theirs, ours in ENCODERS.items():
        part = getattr(config, ours)
        section[theirs] = {name: getattr(part, ours_name) for name, ours_name in ENCODER_SIZES.items()}
        section[theirs]["input_layer"] = "conv2d2"
    return section


def exported_values(base: BaseConfig, config: ModelConfig) -> dict[str, Any]:
    """config.yaml of a folder with a model of `config`: what lies outside the GPT stays as in `base`."""
    values = copy.deepcopy(base.values)
    section = gpt_section(config)
    defaults = {**FIXED, LATENTS[0]: LATENTS[1]}  # left out where the base leaves them out: some loaders know few names
    added = {name: value for name, value in section.items() if not same(defaults.get(name), value)}
    values["gpt"] = {name: section.get(name, value) for name, value in values["gpt"].items()} | added
    values["gpt_checkpoint"] = "gpt.pth"
    values["dataset"]["bpe_model"] = "bpe.model"
    return values
