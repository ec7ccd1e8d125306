"""IndexTTS-2's `gpt.pth` as a state dict of `SpeechLM`, with an account of every tensor in the file.

The weights that are published as IndexTTS-2 fall under bilibili's model licence, not under this project's.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from amharic_tts.codec.indextts2.weights import read_file
from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig
from amharic_tts.model.indextts2_config import BaseConfig, read_base_config
from amharic_tts.model.indextts2_keys import COMPUTED, our_layout, our_name
from amharic_tts.model.indextts2_sizes import differences, position_tables, reference_shapes, sizes_of
from amharic_tts.model.trainer_wrapping import common_prefix, unwrapped
from amharic_tts.model.vocabulary_growth import Growth, grow_vocabulary, required_plan
from amharic_tts.text.tokenizer import Tokenizer

MEND = "`python tools/download_base.py` fetches a sound one"
SHOWN = 5
"""Names in one message."""

# Once it has spoken, the reference's module holds some tensors a second time, under the names of its generation model.
COPIES = (
    (re.compile(r"gpt\.wte\.weight|inference_model\.(embeddings|transformer\.wte)\.weight"), "mel_embedding.weight"),
    (re.compile(r"inference_model\.transformer\.(.+)"), r"gpt.\1"),
    (re.compile(r"inference_model\.text_pos_embedding\.(.+)"), r"mel_pos_embedding.\1"),
    (re.compile(r"inference_model\.(?:final_norm|lm_head\.0)\.(.+)"), r"final_norm.\1"),
    (re.compile(r"inference_model\.lm_head\.1\.(.+)"), r"mel_head.\1"),
)


@dataclass(frozen=True)
class Account:
    """What became of every tensor in a file; `str()` is for people."""

    file: Path
    loaded: tuple[str, ...]
    """Keys of the reference that are in the state."""
    computed: tuple[str, ...]
    """Constants: compared and left out."""
    copies: tuple[str, ...]
    """Second names of loaded tensors: compared and left out."""
    types: dict[str, int]
    """Number type in the file → loaded tensors of it. In the state all are float32."""
    prefix: str
    """What stood before every name."""
    passed_over: tuple[str, ...]
    """What else lay beside the tensors, as an optimizer's state."""
    growth: Growth | None = None
    """The tensors that were resized for a larger vocabulary."""

    def __str__(self) -> str:
        total = len(self.loaded) + len(self.computed) + len(self.copies)
        types = ", ".join(f"{count} {kind}" for kind, count in self.types.items())
        lines = [f"{self.file}: {total} tensors", f"  loaded    {len(self.loaded)} ({types})"]
        lines += [f"  resized   {self.growth}"] if self.growth else []
        lines += [f"  computed  {len(self.computed)} ({some(self.computed)})"] if self.computed else []
        lines += [f"  copies    {len(self.copies)} ({some(self.copies)})"] if self.copies else []
        lines += [f"  prefix    {self.prefix!r} taken off every name"] if self.prefix else []
        lines += [f"  not read  {some(self.passed_over)}"] if self.passed_over else []
        return "\n".join(lines)


class Imported(NamedTuple):
    """A base model, ready to be trained."""

    state: dict[str, Tensor]
    """Our names and layout, float32."""
    config: ModelConfig
    base: BaseConfig
    account: Account


def import_base(directory: str | Path, tokenizer: Tokenizer | None = None, seed: int = 0) -> Imported:
    """The GPT of a folder with IndexTTS-2, its text tables grown to a tokenizer that extends the folder's own.

    A folder that was exported with this very tokenizer has grown already. Raises InputError for anything that does not
    fit; see `read_base_config`, `import_gpt` and `grow_vocabulary`.
    """
    base = read_base_config(directory)
    state, account = import_gpt(base.gpt, base.model)
    if tokenizer is None or has_vocabulary(base, tokenizer):
        return Imported(state, base.model, base, account)
    state, config, growth = grow_vocabulary(state, base.model, tokenizer, seed)
    return Imported(state, config, base, replace(account, growth=growth))


def has_vocabulary(base: BaseConfig, tokenizer: Tokenizer) -> bool:
    """Whether a folder has this vocabulary already. Raises InputError unless it has that, or the one that it extends."""
    plan = required_plan(tokenizer)
    try:
        model = base.tokenizer.read_bytes()
    except OSError as error:
        raise InputError(f"{base.tokenizer} cannot be read ({error.strerror}); {MEND}") from None
    if hashlib.sha256(model).hexdigest() == plan.model_sha256:
        return True
    try:
        plan.require_base(model)
    except InputError as error:
        raise InputError(f"{base.tokenizer}: {error}") from None
    return False


def import_gpt(path: str | Path, config: ModelConfig) -> tuple[dict[str, Tensor], Account]:
    """The tensors of `gpt.pth` (or the same as .safetensors) under our names, in our layout, float32, and the account.

    config: the sizes that the file must have. Raises InputError unless every tensor of the file and every tensor of the
    model is accounted for: an unknown, missing or wrongly shaped one is named.
    """
    path = Path(path)
    tensors, passed_over = unwrapped(read_file(path, mmap=True), path)  # ranks of a machine share the file's pages
    prefix = common_prefix(tensors)
    tensors = {key.removeprefix(prefix): value for key, value in tensors.items()}
    copies = {key: original for key in tensors if (original := copy_of(key)) is not None}
    computed = tuple(key for key in tensors if COMPUTED.fullmatch(key))
    loaded = tuple(key for key in tensors if key not in copies and not COMPUTED.fullmatch(key))
    require_plain(tensors, path)
    require_names_and_shapes({key: tuple(tensors[key].shape) for key in loaded}, config, path)
    require_finite({key: tensors[key] for key in loaded}, path)
    require_tables(tensors, config, path)
    require_copies(tensors, copies, path)
    types = Counter(str(tensors[key].dtype).removeprefix("torch.") for key in loaded)
    # Taken out one by one, so that a transposed tensor does not stay in memory in both layouts.
    state = {our_name(key): our_layout(key, tensors.pop(key)).float().contiguous() for key in loaded}
    return state, Account(path, loaded, computed, tuple(copies), dict(types), prefix, passed_over)


def copy_of(key: str) -> str | None:
    """The key of which a tensor is a second name, or None."""
    for pattern, original in COPIES:
        if match := pattern.fullmatch(key):
            return match.expand(original)
    return None


def require_plain(tensors: Mapping[str, Any], path: Path) -> None:
    """Raises InputError unless all values are dense tensors."""
    for key, value in tensors.items():
        if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_meta:
            raise InputError(f"{path}: {key!r} is no plain tensor; use a file that holds tensors alone: {MEND}")


def require_names_and_shapes(found: Mapping[str, tuple[int, ...]], config: ModelConfig, path: Path) -> None:
    """Raises InputError unless these are the keys and shapes of a model of these sizes."""
    if unknown := [key for key in found if our_name(key) is None]:
        lora = any("lora_" in key for key in unknown)
        mend = "merge the LoRA adapter into the weights first" if lora else MEND
        raise InputError(f"{path}: {len(unknown)} tensors are not of IndexTTS-2's GPT: {some(unknown)}; {mend}")
    if wrong := differences(config, sizes_of(found, config)):
        raise InputError(f"{path} does not fit the config.yaml beside it: {'; '.join(wrong)}; {MEND}")
    expected = reference_shapes(config)
    if missing := [key for key in expected if key not in found]:
        raise InputError(f"{path} lacks {len(missing)} of {len(expected)} tensors: {some(missing)}; {MEND}")
    if extra := [key for key in found if key not in expected]:
        raise InputError(f"{path}: {len(extra)} tensors have no place in a model of its size: {some(extra)}; {MEND}")
    if wrong := [f"{key} is {found[key]}, not {shape}" for key, shape in expected.items() if found[key] != shape]:
        raise InputError(f"{path}: {len(wrong)} tensors have the wrong shape: {some(wrong)}; {MEND}")


def require_finite(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Raises InputError unless all are finite floating-point numbers."""
    for key, value in tensors.items():
        if value.dtype not in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
            raise InputError(f"{path}: {key} is {value.dtype}, but weights are floating-point numbers; {MEND}")
        if not value.isfinite().all():
            raise InputError(f"{path}: {key} holds numbers that are not finite (a run that diverged?); {MEND}")


def require_tables(tensors: Mapping[str, Tensor], config: ModelConfig, path: Path) -> None:
    """Raises InputError unless the sinusoid tables in the file are those that are computed here."""
    for key, table in position_tables(config).items():
        stored = tensors.get(key)
        if stored is None:
            continue
        # half precision has three digits
        if stored.shape != table.shape or not torch.allclose(stored.float(), table, rtol=0, atol=2e-3):
            raise InputError(f"{path}: {key} is not the table of sines that IndexTTS-2 has; {MEND}")


def require_copies(tensors: Mapping[str, Tensor], copies: Mapping[str, str], path: Path) -> None:
    """Raises InputError unless each second name of a tensor holds what the first one holds."""
    for key, original in copies.items():
        if COMPUTED.fullmatch(original):
            continue
        if original not in tensors or not torch.equal(tensors[key], tensors[original]):
            raise InputError(f"{path}: {key} should be a copy of {original}, but is not; {MEND}")


def some(names: Iterable[str]) -> str:
    """The first few names."""
    names = list(names)
    return ", ".join(names[:SHOWN]) + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")
