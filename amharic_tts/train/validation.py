"""Loss on rows that are never trained on: every row once, weighted by tokens, summed over all ranks."""

from pathlib import Path

import torch

from amharic_tts.data.load import Batch, load_all
from amharic_tts.data.read import Dataset
from amharic_tts.model.speech_lm import Losses, SpeechLM
from amharic_tts.train.processes import rank, summed, world_size


def forward(model, batch: Batch) -> Losses:
    """The model's losses on one micro-batch; `model` is the module or the engine around it."""
    return model(
        batch.prompt, batch.prompt_lengths, batch.text, batch.text_lengths, batch.codes, batch.code_lengths,
        weight=batch.weight,
    )  # fmt: skip


@torch.no_grad()
def validate(
    model: SpeechLM, dataset: Dataset, token_budget: int, device: torch.device, quarantine: Path
) -> dict[str, float]:
    """Mean cross-entropies in nats per token, and the share of codes whose arg-max was right. All ranks must call it.

    Damaged rows are listed in the file `quarantine`; more than 1 in 10 000 raise InputError.
    """
    model.eval()
    total = torch.zeros(len(Losses._fields), dtype=torch.float64, device=device)
    positions = model.config.positions_per_row
    for step in load_all(
        dataset, rank(), world_size(), token_budget, positions_per_row=positions, quarantine=quarantine
    ):
        for batch in step.microbatches:
            total += torch.stack(forward(model, batch.to(device))).double()
    model.train()
    sums = Losses(*summed(*total.tolist(), device=device))
    return {
        "text_loss": sums.text / max(sums.text_targets, 1),
        "code_loss": sums.codes / max(sums.code_targets, 1),
        "code_accuracy": sums.codes_correct / max(sums.code_targets, 1),
    }
