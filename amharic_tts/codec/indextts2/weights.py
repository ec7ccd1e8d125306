"""Published tensor files into our modules: read without executing anything, every key accounted for."""

import pickle
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from amharic_tts.errors import InputError

MEND = "download it again: python tools/download_base.py"


def read_file(path: Path, mmap: bool = False) -> object:
    """What a `.safetensors` file or a torch pickle (`.pt`, `.pth`, `.bin`) holds, on the CPU.

    Nothing in the file is executed. `mmap` leaves the pickle's tensors on the disk until they are used. Raises
    InputError when the file is missing, damaged, or holds more than tensors and plain containers.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # torch before 1.6 wrote a format that cannot be mapped.
        mapped = mmap and zipfile.is_zipfile(path)
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:  # weights_only met something that is not on torch's short list
        reason = str(error).split("\n")[0]
        raise InputError(
            f"{path} is damaged or holds more than tensors, and is not loaded ({reason}); {MEND}"
        ) from None
    except Exception as error:  # a damaged file raises whatever its damage happens to meet
        reason = f"{type(error).__name__}: {error}".split("\n")[0]
        raise InputError(f"{path} cannot be read as tensors ({reason}); {MEND}") from None


def read_tensors(path: Path, inside: str | None = None) -> dict[str, Tensor]:
    """The state dict that is the whole file, or that the file holds under `inside`. Raises InputError as `read_file`
    does, and when there is something else than names and tensors."""
    content = read_file(path)
    if inside is not None and isinstance(content, Mapping) and isinstance(content.get(inside), Mapping):
        content = content[inside]
    if not isinstance(content, Mapping) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in content.items()
    ):
        raise InputError(f"{path} does not hold a state dict (names and tensors); {MEND}")
    return dict(content)


def merge_weight_norm(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Replaces each pair `….weight_g`, `….weight_v` by `….weight` = g · v / ‖v‖ (Salimans & Kingma 2016), the norm
    over all axes but the first. Other tensors, and halves without their partner, stay."""
    merged = dict(tensors)
    for key in tensors:
        stem, part = key[:-2], key[-2:]
        if part == "_g" and stem.endswith("weight") and f"{stem}_v" in tensors:
            length, direction = merged.pop(f"{stem}_g").float(), merged.pop(f"{stem}_v").float()
            axes = tuple(range(1, direction.dim()))
            merged[stem] = length * direction / direction.norm(dim=axes, keepdim=True)
    return merged


def fill(
    module: nn.Module, tensors: Mapping[str, Tensor], names: Mapping[str, str], known: re.Pattern, source: str | Path
) -> None:
    """Loads `tensors` into `module`, in place, as float32.

    names: reference key → name in `module`; each key must be there, of the shape of its place or with axes of length 1
    after it (the reference's 1×1 convolutions are linear layers here). known: keys that may be there and are not
    loaded. Raises InputError that names what is missing, unknown or of another shape; `source` says where.
    """
    missing = sorted(names.keys() - tensors.keys())
    unknown = sorted(key for key in tensors.keys() - names.keys() if not known.fullmatch(key))
    for what, keys in (("lacks", missing), ("has unknown", unknown)):
        if keys:
            shown = ", ".join(keys[:5]) + (", …" if len(keys) > 5 else "")
            raise InputError(f"{source} is not the file this model takes: it {what} {len(keys)} keys: {shown}")
    places = module.state_dict()
    for key, name in names.items():
        value, place = tensors[key], places[name]
        if value.shape != place.shape and value.shape != (*place.shape, *[1] * (value.dim() - place.dim())):
            raise InputError(f"{source}: {key} has shape {tuple(value.shape)}, {tuple(place.shape)} is needed")
        with torch.no_grad():
            place.copy_(value.reshape(place.shape))
