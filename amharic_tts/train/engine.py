"""Puts a model under DeepSpeed's engine: sharding, precision, clipping, optimizer, schedule, recomputation."""

import hashlib

import deepspeed
import torch
from torch import Tensor, nn

from amharic_tts.model.speech_lm import Losses, SpeechLM
from amharic_tts.train.deepspeed_config import EngineConfig
from amharic_tts.train.recipe import LossSection, Recipe
from amharic_tts.train.schedule import learning_rate_share


def keyed_seed(*key: object) -> int:
    """A 63-bit seed that depends on nothing but `key`: the random state of a step is a function of its number."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def parameter_groups(model: nn.Module, weight_decay: float) -> list[dict]:
    """Two groups: matrices that decay, and norms, biases and embeddings that do not."""
    embeddings = {id(p) for m in model.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    decaying, plain = [], []
    for parameter in model.parameters():
        (plain if parameter.ndim < 2 or id(parameter) in embeddings else decaying).append(parameter)
    return [{"params": decaying, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def build_engine(model: SpeechLM, recipe: Recipe, config: EngineConfig, total_steps: int):
    """The DeepSpeed engine around `model`, ready for `accumulate` and `engine.step()`."""
    if config.own.activation_checkpointing:
        deepspeed.checkpointing.configure(None, deepspeed_config=config.deepspeed)
        model.trunk.checkpoint = deepspeed.checkpointing.checkpoint

    def schedule(optimizer):
        share = lambda step: learning_rate_share(step, total_steps, recipe.schedule)  # noqa: E731
        return torch.optim.lr_scheduler.LambdaLR(optimizer, share)

    engine, *_ = deepspeed.initialize(
        model=model,
        model_parameters=parameter_groups(model, recipe.optimizer.weight_decay),
        config=config.deepspeed,
        lr_scheduler=schedule,
    )
    return engine


def step_loss(losses: Losses, text_targets: int, code_targets: int, weights: LossSection) -> Tensor:
    """This micro-batch's share of the optimizer step's loss: w_text ΣCE/N_text + w_code ΣCE/N_code.

    N counts the targets of the whole step on all ranks, so the shares of all micro-batches add up to the step's loss
    and the gradient is the same however the step was cut.
    """
    return weights.text * losses.text / text_targets + weights.codes * losses.codes / code_targets


def accumulate(engine, losses: Losses, text_targets: int, code_targets: int, weights: LossSection) -> None:
    """Adds the gradient of one micro-batch. DeepSpeed averages over ranks; the sum is wanted, hence the factor."""
    share = step_loss(losses, text_targets, code_targets, weights)
    engine.backward(share * engine.world_size, scale_wrt_gas=False)
