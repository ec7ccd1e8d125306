"""Saving a session as a checkpoint and continuing from one."""

import json
import shutil
from pathlib import Path

import torch
import torch.distributed as dist
import yaml
from safetensors.torch import save_file

from amharic_tts.data.plan import require_same_plan
from amharic_tts.errors import InputError
from amharic_tts.model.weights import save_model
from amharic_tts.train import checkpoints
from amharic_tts.train.processes import rank, say, world_size
from amharic_tts.train.recipe import Recipe
from amharic_tts.train.session import Session

FREE_TO_CHANGE = (
    ("run", "directory"), ("run", "validate_every"), ("run", "checkpoint_every"), ("run", "keep_checkpoints"),
    ("run", "max_skipped"), ("data", "threads"), ("data", "train"), ("data", "validation"),
)  # fmt: skip
"""Settings that do not change what is learned. The data's identity is checked by its plan, not by its path."""


def save(session: Session) -> Path:
    """Publishes a checkpoint of the session. All ranks must call it."""
    folder = session.run / "checkpoints"
    staging = folder / ".staging"
    if rank() == 0:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
    dist.barrier()
    session.engine.save_checkpoint(str(staging), tag="deepspeed", save_latest=False)
    if rank() == 0:
        save_model(staging, session.model.state_dict(), session.model.config)
        session.data.tokenizer.save(staging / "tokenizer")
        session.data.codec.save(staging / "codec")
        save_file(session.data.prompts, staging / "prompts.safetensors")
        (staging / "recipe.yaml").write_text(session.recipe.to_yaml(), encoding="utf-8")
        (staging / "deepspeed.json").write_text(json.dumps(session.config.deepspeed, indent=1) + "\n", encoding="utf-8")
    dist.barrier()
    final = folder / checkpoints.name_of(session.step)
    if rank() == 0:
        progress = checkpoints.Progress(
            step=session.step,
            epoch=session.epoch,
            k=session.k,
            plan=session.plan.identity,
            tokenizer=session.data.tokenizer.fingerprint,
            world_size=world_size(),
        )
        newest = checkpoints.finish(staging, progress)
        checkpoints.rotate(folder, newest, session.recipe.run.keep_checkpoints)
    dist.barrier()
    return final


def choose(run: Path, mode: str, device: torch.device) -> Path | None:
    """The checkpoint to continue from: the newest undamaged one of the run, the same on all ranks; None to begin.

    mode: `auto`, or `never`, which refuses a folder that already has checkpoints.
    """
    folder = run / "checkpoints"
    found = checkpoints.published(folder)
    if mode == "never" and found:
        raise InputError(f"{run} has checkpoints up to {found[0].name}: use --resume auto, or another run.directory")
    step = torch.full((), -1, dtype=torch.int64, device=device)
    if rank() == 0 and found:
        # Reading and checking is done once; the others are told the answer.
        checkpoint, passed = checkpoints.newest_valid(folder)
        for line in passed:
            say(line)
        step.fill_(checkpoints.read_progress(checkpoint).step if checkpoint else -2)
    dist.broadcast(step, 0)
    if step == -2:
        raise InputError(f"no checkpoint in {folder} is undamaged; move the folder away to begin again")
    return folder / checkpoints.name_of(int(step)) if step >= 0 else None


def restore(session: Session, checkpoint: Path) -> None:
    """Puts the session where the checkpoint stood. Raises InputError when it was made with other data or settings."""
    progress = checkpoints.read_progress(checkpoint)
    require_same_plan(progress.plan, session.plan)
    if progress.tokenizer != session.data.tokenizer.fingerprint:
        raise InputError(
            f"{checkpoint} was trained with tokenizer {progress.tokenizer}, the shards hold "
            f"{session.data.tokenizer.fingerprint}: give the shards that the run was begun with"
        )
    if progress.world_size != world_size():
        raise InputError(
            f"{checkpoint} was written by {progress.world_size} processes, this run has {world_size()}: start "
            f"`deepspeed --num_accelerators {progress.world_size} launch/train.py …`"
        )
    saved_engine = json.loads((checkpoint / "deepspeed.json").read_text(encoding="utf-8"))
    changed = engine_differences(saved_engine, session.config.deepspeed)
    changed += differences(yaml.safe_load((checkpoint / "recipe.yaml").read_text(encoding="utf-8")), session.recipe)
    if changed:
        raise InputError(
            f"{checkpoint} was trained with other settings: {'; '.join(changed)}. Give the old settings, or another "
            "run.directory to begin a new run"
        )
    loaded, _ = session.engine.load_checkpoint(str(checkpoint), tag="deepspeed")
    if loaded is None:
        raise InputError(f"DeepSpeed found no state in {checkpoint}; remove that folder to go on from an older one")
    session.step, session.epoch, session.k = progress.step, progress.epoch, progress.k
    say(f"continuing from {checkpoint} at step {progress.step}")


def engine_differences(saved: dict, now: dict) -> list[str]:
    """What a checkpoint's engine state cannot be loaded into, or what would change the learning, in words."""
    found = []
    for name, key in (("fp16", "enabled"), ("bf16", "enabled"), ("zero_optimization", "stage")):
        before, after = saved.get(name, {}).get(key), now.get(name, {}).get(key)
        if before != after:
            found.append(f"{name}.{key} was {before}, is {after}")
    if saved["gradient_clipping"] != now["gradient_clipping"]:
        found.append(f"gradient_clipping was {saved['gradient_clipping']}, is {now['gradient_clipping']}")
    return found


def differences(saved: dict, recipe: Recipe) -> list[str]:
    """`section.key was …, is …` for every setting that changes what is learned."""
    now = yaml.safe_load(recipe.to_yaml())
    found = []
    for section in now:
        if section == "monitors":
            continue
        before, after = saved.get(section, {}), now[section]
        for key in sorted(before.keys() | after.keys()):
            if (section, key) not in FREE_TO_CHANGE and before.get(key) != after.get(key):
                found.append(f"{section}.{key} was {before.get(key)}, is {after.get(key)}")
    return found
