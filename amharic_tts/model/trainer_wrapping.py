"""What trainers put around a state dict when they save it: outer mappings, and prefixes of the names."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from amharic_tts.errors import InputError

CONTAINERS = ("model", "state_dict", "model_state_dict", "module")
PREFIXES = ("module.", "_orig_mod.", "model.", "gpt.")
"""Of DistributedDataParallel, torch.compile, a trainer's own module, and a whole speech system."""


def unwrapped(value: Any, path: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The innermost mapping of names in what a trainer saved, and the names of what lies beside it.

    Raises InputError when there is no such mapping; path is for the message.
    """
    passed_over: list[str] = []
    while isinstance(value, Mapping):
        inner = next((name for name in CONTAINERS if isinstance(value.get(name), Mapping)), None)
        if inner is None:
            break
        passed_over += [str(name) for name in value if name != inner]
        value = value[inner]
    if not isinstance(value, Mapping) or not value or not all(isinstance(key, str) for key in value):
        raise InputError(f"{path} holds no tensors by name; `python tools/download_base.py` fetches a sound one")
    return dict(value), tuple(passed_over)


def common_prefix(keys: Iterable[str]) -> str:
    """The prefixes that stand before all names. `gpt.` begins some names by itself, and is none unless all have it."""
    keys, prefix = list(keys), ""
    while found := next((one for one in PREFIXES if all(key.startswith(prefix + one) for key in keys)), None):
        prefix += found
    return prefix
