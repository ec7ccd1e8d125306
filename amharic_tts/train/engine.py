"""Puts a model under DeepSpeed's engine: sharding, precision, clipping, optimizer, schedule, recomputation."""

import gc
import hashlib

import deepspeed
import torch
from deepspeed.runtime.zero import parameter_offload
from deepspeed.runtime.zero.partitioned_param_coordinator import PartitionedParameterCoordinator
from torch import Tensor

from amharic_tts.model.speech_lm import Losses, SpeechLM
from amharic_tts.train.deepspeed_config import EngineConfig
from amharic_tts.train.recipe import LossSection, Phase
from amharic_tts.train.schedule import learning_rate_share
from amharic_tts.train.trainable import parameter_groups


def keyed_seed(*key: object) -> int:
    """A 63-bit seed that depends on nothing but `key`: the random state of a step is a function of its number."""
    digest = hashlib.blake2b(repr(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def build_engine(model: SpeechLM, phase: Phase, config: EngineConfig, steps: int):
    """The DeepSpeed engine around `model`, ready for `accumulate` and `engine.step()`. steps: of the phase."""
    if config.own.activation_checkpointing:
        deepspeed.checkpointing.configure(None, deepspeed_config=config.deepspeed)
        model.trunk.checkpoint = deepspeed.checkpointing.checkpoint

    def schedule(optimizer):
        share = lambda step: learning_rate_share(step, steps, phase.schedule)  # noqa: E731
        return torch.optim.lr_scheduler.LambdaLR(optimizer, share)

    engine, *_ = deepspeed.initialize(
        model=model,
        model_parameters=parameter_groups(model, phase.optimizer.weight_decay),
        config=config.deepspeed,
        lr_scheduler=schedule,
    )
    return engine


def release(engine) -> None:
    """Ends an engine and lets go of its memory, so that a second one has room; drop all other references to it too.

    DeepSpeed 0.19.8 keeps a destroyed engine alive at stage 3: in a stack of modules in forward, and in the cache of a
    method of its coordinator, both of the whole process. On parameters it leaves what leads back to its optimizer.
    """
    parameters = list(engine.module.parameters())
    engine.destroy()
    parameter_offload.FWD_MODULE_STACK.clear()
    method = vars(PartitionedParameterCoordinator)["_PartitionedParameterCoordinator__params_to_release"]
    next(cell.cell_contents for cell in method.__closure__ if hasattr(cell.cell_contents, "cache_clear")).cache_clear()
    for parameter in parameters:
        vars(parameter).clear()
        parameter.grad = None
    gc.collect()


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
