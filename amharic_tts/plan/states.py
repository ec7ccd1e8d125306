"""Model states: parameters, gradients, optimizer. Counted as DeepSpeed 0.19.8 allocates them under this trainer, beside
what DeepSpeed's own estimators say.

The two differ. The estimators know neither frozen parameters nor accumulation by the trainer: at stage 2 they count
half-precision gradients of the whole model, which are in truth reduced bucket by bucket, and with offload they leave out
the float32 sums of gradients, which stay on the GPU. tests/plan/test_states.py compares the count with every tensor that
is alive in a real engine.
"""

from dataclasses import dataclass

import torch

from amharic_tts.model.config import ModelConfig
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.train.deepspeed_config import half_precision
from amharic_tts.train.recipe import TrainableSection

BUCKET = 5e8
"""DeepSpeed's reduce_bucket_size and allgather_bucket_size, in elements."""

LIVE, PREFETCH, PERSISTENT = 1e9, 5e7, 1e5
"""DeepSpeed's stage3_max_live_parameters, stage3_prefetch_bucket_size, stage3_param_persistence_threshold."""

TORCH_ADAM = 8
"""Bytes of temporaries for each parameter while torch's AdamW steps (measured); DeepSpeed's fused one has none."""


@dataclass(frozen=True)
class Machine:
    """How many GPUs work on one run."""

    gpus: int = 1
    """Of one node."""
    nodes: int = 1

    @property
    def world(self) -> int:
        return self.gpus * self.nodes


@dataclass(frozen=True)
class Parameters:
    """Numbers of parameters."""

    all: int
    trainable: int
    largest: int
    """Of the largest trainable tensor."""
    block: int
    """Of one block of the trunk: what ZeRO-3 gathers together."""


@dataclass(frozen=True)
class States:
    """Bytes on one GPU, and on the host of one node."""

    parameters: int
    gradients: int
    optimizer: int
    """Float32 masters and AdamW's two moments."""
    averages: int
    """Of the recipe's section `ema`."""
    buffers: int
    """In which gradients are reduced and parameters gathered."""
    step: int
    """Temporaries of the optimizer's step, when no activations are there."""
    host: int
    """What is offloaded, all ranks of a node together."""

    @property
    def resident(self) -> int:
        """On the GPU all the time."""
        return self.parameters + self.gradients + self.optimizer + self.averages


def count_parameters(config: ModelConfig, section: TrainableSection, pretrained: bool) -> Parameters:
    """Of `SpeechLM(config)` with what the recipe lets learn. Nothing is allocated."""
    from amharic_tts.train.trainable import choose_trainable

    with torch.device("meta"):
        model = SpeechLM(config)
        # Rows of the base that do not learn stay in their table, with states of their own: 1 stands for any number.
        choose_trainable(model, section, base_rows=1, pretrained=pretrained, seed=0)
    learning = [p.numel() for p in model.parameters() if p.requires_grad]
    block = sum(p.numel() for p in model.trunk.blocks[0].parameters())
    return Parameters(sum(p.numel() for p in model.parameters()), sum(learning), max(learning), block)


def count_states(deepspeed: dict, parameters: Parameters, machine: Machine, averaged: bool) -> States:
    """deepspeed: a completed configuration, of ZeRO stage 1, 2 or 3. averaged: the recipe has an EMA."""
    zero = deepspeed["zero_optimization"]
    stage, size = zero["stage"], 2 if half_precision(deepspeed) else 4
    learning, share = parameters.trainable, parameters.trainable / machine.world
    offloaded = zero.get("offload_optimizer", {}).get("device", "none") != "none"
    optimizer, averages = 12 * share, 4 * share if averaged else 0
    held, gathered = parameter_bytes(zero, parameters, machine, size)
    # Each rank has its share of the float32 sums; at stage 1 all of them, and bf16's own gradients beside them.
    sums = (4 + (2 if size == 2 else 0)) * learning if stage == 1 else 4 * share
    bucket = zero.get("reduce_bucket_size", BUCKET)
    # The bucket (two when it is sent while the next one fills), its flat copy, and its largest gradient raised to float32.
    buffers = size * bucket * (2 + bool(zero.get("overlap_comm"))) + 4 * min(parameters.largest, bucket) + gathered
    if size == 4 and stage < 3:
        buffers += 4 * share  # gradients of a micro-batch, before they are added to the sums
    adam = deepspeed.get("optimizer", {}).get("params", {}).get("torch_adam", False) and not offloaded
    on_host = 0.0
    if offloaded:
        # Masters and moments, gradients as the optimizer takes them, and new weights on their way back; at stage 3 the
        # sums of gradients are there too.
        on_host = (12 + 4 + (4 if stage == 3 else size)) * share
        buffers += size * parameters.largest
        optimizer, sums = 0, 0 if stage == 3 else sums
        averages, on_host = 0, on_host + averages
    if stage == 3 and zero.get("offload_param", {}).get("device", "none") != "none":
        on_host += size * parameters.all / machine.world
    return States(
        parameters=int(held),
        gradients=int(sums),
        optimizer=int(optimizer),
        averages=int(averages),
        buffers=int(buffers),
        step=int(TORCH_ADAM * share if adam else 8 * parameters.largest),
        host=int(on_host * machine.gpus),
    )


def parameter_bytes(zero: dict, parameters: Parameters, machine: Machine, size: int) -> tuple[float, float]:
    """Bytes of parameters that stay on a GPU, and of those gathered there at a time."""
    if zero["stage"] < 3:
        return size * parameters.all, 0.0
    offloaded = zero.get("offload_param", {}).get("device", "none") != "none"
    held = 0.0 if offloaded else size * parameters.all / machine.world
    if (within := zero.get("zero_hpz_partition_size", 1)) > 1:
        held += size * parameters.all / within  # a second share, of the node's own copy
    if machine.world == 1 and not offloaded:
        return held, 0.0
    live = zero.get("stage3_max_live_parameters", LIVE) + zero.get("stage3_prefetch_bucket_size", PREFETCH)
    return held, size * min(parameters.all, max(live, parameters.block))


def estimated(deepspeed: dict, parameters: Parameters, machine: Machine) -> tuple[int, int]:
    """What DeepSpeed's estimators say: bytes on one GPU, and on the host of a node. On the host they add half again as
    a margin. They take all parameters for trainable, and know stages 2 and 3 only; stage 1 is estimated as stage 2."""
    from deepspeed.runtime.zero.stage3 import estimate_zero3_model_states_mem_needs
    from deepspeed.runtime.zero.stage_1_and_2 import estimate_zero2_model_states_mem_needs

    zero = deepspeed["zero_optimization"]
    offload = zero.get("offload_optimizer", {}).get("device", "none") != "none"
    machine_sizes = {"num_gpus_per_node": machine.gpus, "num_nodes": machine.nodes, "cpu_offload": offload}
    if zero["stage"] < 3:
        host, gpu = estimate_zero2_model_states_mem_needs(parameters.trainable, **machine_sizes)
        return gpu, host
    offload_parameters = zero.get("offload_param", {}).get("device", "none") != "none"
    host, gpu, _ = estimate_zero3_model_states_mem_needs(
        parameters.trainable, parameters.block, **machine_sizes, cpu_offload_params=offload_parameters
    )
    return gpu, host
