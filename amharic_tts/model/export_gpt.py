"""A folder that IndexTTS-2's own inference loads: `gpt.pth`, `bpe.model`, `config.yaml`, what else the base's folder has,
and the weights once more as `model.safetensors`.

The reference builds its text tables with `number_text_tokens` + 1 rows and loads strictly, so that setting is one less
than the rows here. It never looks at the sizes of the tokenizer: an id beyond the tables would only fail while speaking,
which is why that is checked on writing.
"""

import os
import shutil
import tempfile
from pathlib import Path

import torch
import yaml
from safetensors.torch import save_file
from torch import Tensor

from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.import_gpt import some
from amharic_tts.model.indextts2_config import CONFIG_FILE, BaseConfig, exported_values
from amharic_tts.model.indextts2_keys import reference_layout, reference_name
from amharic_tts.model.indextts2_sizes import position_tables, reference_shapes
from amharic_tts.publish import sync_directory
from amharic_tts.text.tokenizer import Tokenizer

GPT_FILE, SAFETENSORS_FILE = "gpt.pth", "model.safetensors"


def to_reference(state: dict[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """A state dict of `SpeechLM` under the reference's keys, in its layouts, with the tables that it computes.

    Raises InputError unless the state has every tensor of a model of these sizes, and no other.
    """
    keys = {name: reference_name(name) for name in state}
    if foreign := [name for name, key in keys.items() if key is None]:
        raise InputError(f"{len(foreign)} tensors are not of IndexTTS-2's GPT and cannot be exported: {some(foreign)}")
    exported = {
        keys[name]: reference_layout(keys[name], value.detach().to("cpu", torch.float32)).contiguous()
        for name, value in state.items()
    }
    expected = reference_shapes(config)
    found = {key: tuple(value.shape) for key, value in exported.items()}
    if wrong := [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]:
        raise InputError(f"{len(wrong)} tensors do not fit the model's sizes: {some(sorted(wrong))}")
    return exported | position_tables(config)


def export_gpt(
    state: dict[str, Tensor], config: ModelConfig, tokenizer: Tokenizer, base: BaseConfig, directory: str | Path
) -> list[Path]:
    """Writes the folder. It exists only when it is complete, and an existing one is never written into.

    state: of `SpeechLM`, adapters merged, any float type; written as float32. base: the folder whose other files (S2Mel,
    statistics, …) are handed on. Returns those of them that it lacks, without which the reference cannot speak. The
    folder is also that of a `Tokenizer`. Raises InputError when something does not fit or cannot be written.
    """
    directory = Path(directory)
    values = exported_values(base, config)
    if config.text_rows - tokenizer.size not in (0, 1):
        raise InputError(
            f"the model has {config.text_rows} text rows, the vocabulary {tokenizer.size} ids (rows = ids, or one more): "
            "export a checkpoint with the vocabulary that it was trained on"
        )
    require_new_folder(directory)
    exported = to_reference(state, config)
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", suffix=".tmp", dir=directory.parent))
        try:
            staging.chmod(0o755)  # of temporary folders only the owner can read the files
            torch.save(exported, staging / GPT_FILE)
            save_file(exported, staging / SAFETENSORS_FILE)
            shutil.copymode(staging / GPT_FILE, staging / SAFETENSORS_FILE)  # which only its owner could read
            text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
            (staging / CONFIG_FILE).write_text(text, encoding="utf-8")
            tokenizer.save(staging)
            missing = hand_on(base, staging)
            publish_folder(staging, directory)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    except OSError as error:
        raise InputError(f"{directory} cannot be written ({error})") from None
    return missing


def require_new_folder(directory: Path) -> None:
    """Raises InputError when something lies where an export is to be written."""
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise InputError(f"{directory} is there already and not empty: give --out a folder that is not there yet")


def hand_on(base: BaseConfig, directory: Path) -> list[Path]:
    """Puts the other files of a base folder into `directory` under the same names; returns those that it lacks."""
    missing = []
    for setting, source in base.others.items():
        target = directory / source.relative_to(base.directory.resolve())
        if target.exists():
            raise InputError(f"{base.directory / CONFIG_FILE}: {setting} {target.name!r} is the name of another file")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, symlinks=True, copy_function=link)
        elif source.is_file():
            link(source, target)
        else:
            missing.append(source)
    return missing


def link(source: str | Path, target: str | Path) -> None:
    """A second name of a file where the file system allows it, as these have gigabytes; a copy elsewhere."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def publish_folder(staging: Path, directory: Path) -> None:
    """Makes what was written durable, and renames it."""
    for path in staging.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
    sync_directory(staging)
    os.rename(staging, directory)
    sync_directory(directory.parent)
