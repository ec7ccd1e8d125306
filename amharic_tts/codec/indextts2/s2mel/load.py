"""IndexTTS-2's `s2mel.pth` into `S2Mel`: nothing in the file is executed, every tensor is accounted for."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig
from amharic_tts.codec.indextts2.s2mel.keys import PARTS, names, unread
from amharic_tts.codec.indextts2.s2mel.model import S2Mel
from amharic_tts.codec.indextts2.weights import MEND, fill, merge_weight_norm, read_file
from amharic_tts.errors import InputError


def load_s2mel(path: Path, device: str | torch.device = "cpu", config: S2MelConfig | None = None) -> S2Mel:
    """The model in `s2mel.pth`, in evaluation mode, float32. Raises InputError when the file is damaged or another's."""
    config = config or S2MelConfig()
    tensors = merge_weight_norm(read_parts(path))
    with torch.device("meta"):
        model = S2Mel(config)
    model.to_empty(device="cpu")
    fill(model, tensors, names(config), unread(config), path)
    return model.to(device).eval()


def read_parts(path: Path) -> dict[str, Tensor]:
    """The tensors under the file's `net`, as `part.name`, without the `module.` that parallel training puts before.

    Other entries (training keeps its optimizer's state there) are not read from the disk.
    """
    content = read_file(path, mmap=True)
    net = content.get("net") if isinstance(content, Mapping) else None
    if not isinstance(net, Mapping):
        raise InputError(f"{path} has no entry 'net' with the parts {', '.join(PARTS)}; {MEND}")
    tensors: dict[str, Tensor] = {}
    for part in PARTS:
        state = net.get(part)
        if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
            raise InputError(f"{path}: net has no part '{part}' of names and tensors; {MEND}")
        tensors |= {f"{part}.{str(key).removeprefix('module.')}": value for key, value in state.items()}
    return tensors
