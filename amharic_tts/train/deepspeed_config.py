"""Reads and checks a DeepSpeed JSON, and completes it with what the recipe says.

DeepSpeed ignores top-level keys that it does not know, and some that it knows in the wrong place. Here each is an
error before anything is started. Our own settings stand under the key `amharic_tts`, which DeepSpeed never sees.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from amharic_tts.errors import InputError
from amharic_tts.train.recipe import OptimizerSection
from amharic_tts.typed import build, describe, nearest

OURS = "amharic_tts"

KNOWN = frozenset(
    [
        "activation_checkpointing",
        "bf16",
        "comms_logger",
        "communication_data_type",
        "data_types",
        "disable_python_gc",
        "dump_state",
        "flops_profiler",
        "fp16",
        "gradient_clipping",
        "gradient_predivide_factor",
        "memory_breakdown",
        "optimizer",
        "prescale_gradients",
        "steps_per_print",
        "timers",
        "wall_clock_breakdown",
        "zero_allow_untested_optimizer",
        "zero_force_ds_cpu_optimizer",
        "zero_optimization",
    ]
)
"""Top-level keys of DeepSpeed 0.19.8 that mean something in this trainer."""

BLOCKS = {
    "activation_checkpointing": "partition_activations cpu_checkpointing contiguous_memory_optimization "
    "number_checkpoints synchronize_checkpoint_boundary profile",
    "data_types": "grad_accum_dtype",
    "flops_profiler": "enabled profile_step module_depth top_modules detailed output_file recompute_fwd_factor",
    "optimizer": "type params",
    "zero_optimization": None,
    "fp16": None,
    "bf16": None,
    "comms_logger": None,
    "timers": None,
    OURS: None,
}
"""Keys that are objects. DeepSpeed reads the named ones with defaults and never looks at what else is in them, so their
keys stand here; it checks the others (None) itself."""

OPTIMIZER_PARAMS = ("torch_adam", "adam_w_mode", "fp32_optimizer_states")

SAID_ELSEWHERE = {
    "train_batch_size": "the step is counted in tokens: data.step_tokens in the recipe",
    "train_micro_batch_size_per_gpu": f'micro-batches are counted in tokens: "{OURS}": {{"micro_batch_tokens": …}}',
    "gradient_accumulation_steps": "it follows from data.step_tokens, the token budget and the number of GPUs",
    "managed_gradient_accumulation": "the trainer sets it",
    "scheduler": "the recipe's section `schedule` says it",
    "tensorboard": "the recipe's section `monitors` says it",
    "wandb": "the recipe's section `monitors` says it",
    "csv_monitor": "every figure is in the run's metrics.jsonl",
    "elasticity": "DeepSpeed 0.19 removed it; runs continue on another number of GPUs through checkpoints",
}


@dataclass(frozen=True)
class OwnSection:
    """The key `amharic_tts` of a DeepSpeed JSON."""

    micro_batch_tokens: int
    """Padded positions that one micro-batch may have on one GPU."""
    activation_checkpointing: bool = False
    """Recompute each block's activations in the backward pass: less memory, about a third more time."""


@dataclass(frozen=True)
class EngineConfig:
    """A checked DeepSpeed configuration, completed, and our own settings apart from it."""

    deepspeed: dict
    """What DeepSpeed is handed."""
    own: OwnSection


def load_engine_config(path: str | Path, optimizer: OptimizerSection) -> EngineConfig:
    """Reads `path`, completes it, and has DeepSpeed check it. Raises InputError naming everything that is wrong."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"DeepSpeed configuration {path} does not exist; the configurations are in ds_configs/")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"DeepSpeed configuration {path} is not readable JSON: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"DeepSpeed configuration {path}: expected an object of settings")
    problems = key_problems(values)
    own = build(OwnSection, values.pop(OURS, {}), OURS, own_problems := [])
    problems += own_problems
    if own is not None and own.micro_batch_tokens < 1:
        problems.append(f"{OURS}.micro_batch_tokens must be at least 1, not {own.micro_batch_tokens}")
    if not problems:
        values = complete(values, optimizer)
        problems += deepspeed_problems(values)
    if problems:
        raise InputError(f"DeepSpeed configuration {path}:\n  " + "\n  ".join(problems))
    return EngineConfig(values, own)


def half_precision(values: dict) -> bool:
    """Whether the model computes in bf16 or fp16, with float32 masters behind it."""
    return any(values.get(name, {}).get("enabled") for name in ("bf16", "fp16"))


def require_precision(values: dict) -> None:
    """Raises InputError when this machine cannot compute in the configuration's precision.

    CUDA: bf16 counts from compute capability 8.0 on; torch also reports what it only emulates, slower than float32.
    """
    import torch
    from deepspeed.accelerator import get_accelerator

    on_gpu = torch.cuda.is_available()
    has_fp16 = on_gpu or get_accelerator().is_fp16_supported()
    has_bf16 = torch.cuda.get_device_capability() >= (8, 0) if on_gpu else get_accelerator().is_bf16_supported()
    for name, has in (("fp16", has_fp16), ("bf16", has_bf16)):
        if values.get(name, {}).get("enabled") and not has:
            where = torch.cuda.get_device_name() if on_gpu else "this machine's CPU"
            raise InputError(
                f"the DeepSpeed configuration wants {name}, which {where} cannot compute: choose another file of "
                "ds_configs/ (cpu.json runs everywhere)"
            )


def key_problems(values: dict) -> list[str]:
    """What is wrong with the keys of a configuration as it was written, before it is completed; in words."""
    found = []
    for key in values:
        if key in SAID_ELSEWHERE:
            found.append(f"key {key!r} does not belong here: {SAID_ELSEWHERE[key]}")
        elif key not in KNOWN and key != OURS:
            found.append(f"unknown key {key!r}{nearest(key, KNOWN | {OURS})}")
    for block, known in BLOCKS.items():
        if not isinstance(values.get(block, {}), dict):
            return [*found, f"{block}: expected an object of settings, found {describe(values[block])}"]
        for key in values.get(block, {}) if known else ():
            if key not in known.split():
                found.append(f"unknown key '{block}.{key}'{nearest(key, known.split())}")
    found += optimizer_problems(values.get("optimizer", {}))
    accumulated = values.get("data_types", {}).get("grad_accum_dtype", "fp32")
    if accumulated not in ("fp32", "fp16", "bf16"):
        found.append(f"data_types.grad_accum_dtype: {accumulated!r} is not one of fp32, fp16, bf16")
    clipping = values.get("gradient_clipping", 1.0)
    if isinstance(clipping, bool) or not isinstance(clipping, int | float) or clipping <= 0:
        found.append(f"gradient_clipping: expected a number above 0, found {describe(clipping)}")
    zero = values.get("zero_optimization", {})
    stage = zero.get("stage", 0)
    if stage not in (1, 2, 3):
        # Stage 0 never looks for non-finite gradients: one bad step and every weight is NaN for good.
        found.append(f"zero_optimization.stage must be 1, 2 or 3, not {stage!r}")
    elif "offload_param" in zero and stage != 3:
        found.append("zero_optimization.offload_param works at stage 3 only; DeepSpeed would ignore it without a word")
    if stage in (1, 3) and zero.get("overlap_comm"):
        found.append("zero_optimization.overlap_comm works at stage 2 only when the trainer accumulates gradients")
    return found


def optimizer_problems(optimizer: dict) -> list[str]:
    """What is wrong with the block `optimizer`, in words."""
    found = []
    if optimizer.get("type", "AdamW") != "AdamW":
        found.append(f"optimizer.type must be AdamW, not {optimizer['type']!r}")
    params = optimizer.get("params", {})
    if not isinstance(params, dict):
        return [*found, f"optimizer.params: expected an object of settings, found {describe(params)}"]
    for key in params:
        if key in ("lr", "betas", "eps", "weight_decay"):
            found.append(f"key 'optimizer.params.{key}' does not belong here: the recipe's section `optimizer` says it")
        elif key not in OPTIMIZER_PARAMS:
            found.append(f"unknown key 'optimizer.params.{key}'{nearest(key, OPTIMIZER_PARAMS)}")
    return found


def complete(values: dict, optimizer: OptimizerSection) -> dict:
    """Adds what the recipe decides, and the defaults of DeepSpeed that would quietly lose precision."""
    given = values.get("optimizer", {})
    learned = {
        "lr": optimizer.learning_rate,
        "betas": list(optimizer.betas),
        "eps": optimizer.eps,
        "weight_decay": optimizer.weight_decay,
    }
    zero = values.get("zero_optimization", {})
    if zero.get("stage") == 3:  # where it is on by default, and does not go with accumulation by the trainer
        zero = {"overlap_comm": False, **zero}
    return {
        "gradient_clipping": 1.0,
        **values,
        "zero_optimization": zero,
        # Sums of micro-batches in float32: DeepSpeed's default is the model's own precision, also in fp16.
        "data_types": {"grad_accum_dtype": "fp32", **values.get("data_types", {})},
        "optimizer": {"type": "AdamW", "params": {**given.get("params", {}), **learned}},
        # One micro-batch per DeepSpeed "batch"; the trainer owns the step's boundary, so their number may vary.
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "managed_gradient_accumulation": False,
    }


def deepspeed_problems(values: dict) -> list[str]:
    """What DeepSpeed's own schema says of the completed configuration."""
    from deepspeed.runtime.config import DeepSpeedConfig, DeepSpeedConfigError

    try:
        DeepSpeedConfig(json.loads(json.dumps(values)))
    except ValidationError as error:
        return [f"{error.title}: {'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    except (DeepSpeedConfigError, AssertionError, ValueError, TypeError) as error:
        return [str(error) or type(error).__name__]
    return []
