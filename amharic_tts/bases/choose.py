"""The base that a recipe names, and the one that a checkpoint was trained on."""

import json
from pathlib import Path

import yaml

from amharic_tts.bases.base import Base
from amharic_tts.bases.indextts2 import IndexTTS2
from amharic_tts.bases.scratch import Scratch
from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.weights import read_sizes

RECORD = "base.json"
"""In a checkpoint: `Base.identity` of what it was trained on."""


def choose_base(name: str, folder: str | Path, given: ModelConfig) -> Base:
    """The base called `name`. folder: where a pretrained one lies; given: sizes of one from scratch, and the dropout."""
    if name == Scratch.name:
        return Scratch(given)
    return IndexTTS2(Path(folder), given.dropout)


def base_of_checkpoint(checkpoint: Path, folder: str | Path | None = None) -> Base:
    """The base of a published checkpoint; `folder` where it lies now, None: where it lay while training. Raises
    InputError when another one lies there."""
    try:
        identity = json.loads((checkpoint / RECORD).read_text(encoding="utf-8"))
        recipe = yaml.safe_load((checkpoint / "recipe.yaml").read_text(encoding="utf-8"))
        base = choose_base(identity["name"], folder or recipe["base_folder"], read_sizes(checkpoint)[0])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{checkpoint} does not say which base it was trained on ({error})") from None
    require_same_base(base, identity, checkpoint)
    return base


def require_same_base(base: Base, identity: dict, checkpoint: Path) -> None:
    """Raises InputError unless `base` is the one that `identity`, of a checkpoint, tells of."""
    if base.identity() != identity:
        raise InputError(
            f"{checkpoint} was trained on {describe(identity)}, not on {describe(base.identity())}: give the folder of "
            "the base that it was trained on"
        )


def describe(identity: dict) -> str:
    """An identity in words."""
    name, *rest = identity.values()
    return f"{name} ({', '.join(str(one)[:16] for one in rest)}…)" if rest else str(name)
