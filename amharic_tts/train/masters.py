"""The float32 weights behind a model in half precision: put in before the first step, read out for a checkpoint.

DeepSpeed makes its float32 masters from the model after it has been rounded to bf16 or fp16, and the module in training
holds rounded weights. Here the masters start from the weights themselves, and a checkpoint holds the masters; so rows that
do not learn leave a run as they came, bit for bit.
"""

import torch
from deepspeed.utils import safe_get_full_fp32_param, safe_set_full_fp32_param, safe_set_local_fp32_param
from torch import Tensor
from torch.nn import functional as F

from amharic_tts.model.lora import base_name, is_adapter
from amharic_tts.train.processes import rank, world_size


def set_masters(engine, start: dict[str, Tensor]) -> None:
    """Gives the masters the values that the model had before it was rounded. All ranks must call it.

    start: float32 state dict of the plain model; adapters, which are not in it, keep what they have.
    """
    for name, parameter in engine.module.named_parameters():
        if not parameter.requires_grad or is_adapter(name):
            continue
        value = start[base_name(name)].to(engine.device)
        if (own := getattr(parameter, "ds_tensor", None)) is None:
            safe_set_full_fp32_param(parameter, value)
        else:
            # ZeRO-3: DeepSpeed 0.19.8 cannot set a whole parameter whose size the ranks do not divide, as it forgets that
            # the last part is padded.
            share = own.ds_numel
            flat = F.pad(value.flatten(), (0, share * world_size() - value.numel()))
            safe_set_local_fp32_param(parameter, flat[share * rank() :][:share])


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
