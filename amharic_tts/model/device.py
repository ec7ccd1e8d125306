"""The device that a person asked for, if this machine has it."""

import torch

from amharic_tts.errors import InputError


def usable_device(name: str) -> torch.device:
    """`cpu`, `cuda` or `cuda:N` as a device. Raises InputError when there is no such device here."""
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {name!r} cannot be used here ({str(error).splitlines()[0]}): use --device cpu"
        ) from None
    return device
