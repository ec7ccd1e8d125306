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


BASES = {
    Scratch.name: lambda folder, given: Scratch(given),
    IndexTTS2.name: lambda folder, given: IndexTTS2(Path(folder), given.dropout),
}
"""Name in recipes and checkpoints → how its adapter is made."""


def choose_base(name: str, folder: str | Path, given: ModelConfig) -> Base:
    """The base called `name`. folder: where a pretrained one lies; given: sizes of one from scratch, and the dropout.
    Raises InputError for a name that is not known."""
    if name not in BASES:
        raise InputError(f"no base is called {name!r}; known are {', '.join(BASES)}")
    return BASES[name](folder, given)


def base_of_checkpoint(checkpoint: Path, folder: str | Path | None = None) -> Base:
    """The base of a published checkpoint; `folder` where it lies now, None: where it lay while training. Raises
    InputError when there is none, or another one."""
    try:
        identity = json.loads((checkpoint / RECORD).read_text(encoding="utf-8"))
        recipe = yaml.safe_load((checkpoint / "recipe.yaml").read_text(encoding="utf-8"))
        name, folder = str(identity["name"]), Path(folder or recipe["base_folder"])
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        raise InputError(f"{checkpoint} does not say which base it was trained on ({error})") from None
    base = choose_base(name, folder, read_sizes(checkpoint)[0])
    if base.pretrained and not folder.is_dir():
        raise InputError(f"the base of {checkpoint} is not in {folder.absolute()}: say where it lies with --base DIR")
    require_same_base(base.identity(), identity, checkpoint)
    return base


def require_same_base(found: dict, recorded: dict, checkpoint: Path) -> None:
    """Raises InputError unless the identity `found` is the one that a checkpoint has recorded."""
    if found != recorded:
        raise InputError(
            f"{checkpoint} was trained on {describe(recorded)}, not on {describe(found)}: give the folder of the base "
            "that it was trained on"
        )


def describe(identity: dict) -> str:
    """An identity in words."""
    rest = [f"{key} {str(value)[:16]}…" for key, value in identity.items() if key != "name"]
    return f"{identity.get('name')} ({', '.join(rest)})" if rest else str(identity.get("name"))
