"""The float32 weights behind a model in half precision: put in before the first step, read out for a checkpoint.

DeepSpeed makes its float32 masters from the model after it has been rounded to bf16 or fp16, and the module in training
holds rounded weights. Here the masters start from the weights themselves, and a checkpoint holds the masters; so rows that
do not learn leave a run as they came, bit for bit.
"""

import torch
from deepspeed.utils import safe_get_full_fp32_param, safe_set_full_fp32_param
from torch import Tensor

from amharic_tts.model.lora import base_name, is_adapter
from amharic_tts.train.processes import rank


def set_masters(engine, start: dict[str, Tensor]) -> None:
    """Gives the masters the values that the model had before it was rounded. All ranks must call it.

    start: float32 state dict of the plain model; adapters, which are not in it, keep what they have.
    """
    for name, parameter in engine.module.named_parameters():
        if parameter.requires_grad and not is_adapter(name):
            safe_set_full_fp32_param(parameter, start[base_name(name)].to(engine.device))


def full_state(engine, frozen: dict[str, Tensor]) -> dict[str, Tensor]:
    """The model's state dict in float32 on the CPU of rank 0; nothing on other ranks. All ranks must call it.

    frozen: name → float32 value of what does not learn, known on rank 0.
    """
    state = {}
    for name, parameter in engine.module.named_parameters():
        if not parameter.requires_grad:
            continue
        value = safe_get_full_fp32_param(parameter)
        if rank() == 0:
            state[name] = value.detach().to("cpu", torch.float32, copy=True)
    return state | frozen if rank() == 0 else {}
