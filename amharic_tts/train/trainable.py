"""Which parameters of a model learn in a phase, and how the optimizer treats them."""

from torch import nn

from amharic_tts.errors import InputError
from amharic_tts.model.lora import add_lora
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.train.recipe import TrainableSection


def choose_trainable(model: SpeechLM, section: TrainableSection, base_rows: int, pretrained: bool, seed: int) -> None:
    """Freezes what the recipe keeps, in place; with LoRA the adapters are put in.

    base_rows: ids of the vocabulary that are a base's own. Raises InputError where the recipe wants what the data rules
    out.
    """
    if section.conditioning and model.prompt_encoder is None:
        raise InputError(
            "trainable.conditioning: the shards hold prompts that the frozen encoders have read; to train the encoders, "
            "extract with `python tools/extract_features.py --conditioning frames …` and build the shards again"
        )
    if model.prompt_encoder is not None and pretrained:
        model.prompt_encoder.requires_grad_(section.conditioning)
    if section.what == "lora":
        add_lora(model, section.lora, seed)
    if not section.base_rows:
        if not base_rows:
            raise InputError("trainable.base_rows: the vocabulary extends no base, so there are no rows to keep")
        model.text_embedding.frozen_rows = model.text_head.frozen_rows = base_rows


def parameter_groups(model: SpeechLM, weight_decay: float) -> list[dict]:
    """Two groups of what learns: the matrices of linear and convolution layers, which decay, and norms, biases, embeddings,
    learned queries and tables with frozen rows, which do not."""
    layers = [m for m in model.modules() if isinstance(m, nn.Linear | nn.Conv1d | nn.Conv2d)]
    matrices = {id(layer.weight) for layer in layers if not getattr(layer, "frozen_rows", 0)}
    decaying, plain = [], []
    for parameter in model.parameters():
        if parameter.requires_grad:
            (decaying if id(parameter) in matrices else plain).append(parameter)
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def parameter_counts(model: SpeechLM) -> dict[str, int]:
    """Numbers of parameters, all and those that learn, also where ZeRO-3 has taken them apart."""
    counts = [(getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in model.parameters()]
    return {"parameters": sum(n for n, _ in counts), "trainable": sum(n for n, learns in counts if learns)}
