"""Saving a session as a checkpoint and continuing from one."""

import json
import shutil
from pathlib import Path

import torch
import torch.distributed as dist
import yaml
from safetensors.torch import save_file

from amharic_tts.bases.choose import RECORD, require_same_base
from amharic_tts.data.plan import require_same_plan
from amharic_tts.errors import InputError
from amharic_tts.model.lora import base_name, is_adapter
from amharic_tts.model.weights import FILES, load_state, read_state, save_model, save_tensors
from amharic_tts.train import checkpoints
from amharic_tts.train.deepspeed_config import EngineConfig
from amharic_tts.train.engine import keyed_seed
from amharic_tts.train.masters import full_state
from amharic_tts.train.processes import rank, say, world_size
from amharic_tts.train.recipe import Recipe
from amharic_tts.train.session import Course, Run, Session, sizes

FREE_TO_CHANGE = (
    ("run", "directory"), ("run", "validate_every"), ("run", "checkpoint_every"), ("run", "keep_checkpoints"), ("run", "keep_every"),
    ("run", "max_skipped"), ("run", "stop_within"), ("run", "requeue_code"), ("data", "threads"), ("data", "train"), ("data", "validation"), ("base_folder", ""),
)  # fmt: skip
"""Settings that do not change what is learned. Data and base are known by their content, not by their path."""


def save(session: Session, score: float | None = None) -> Path:
    """Publishes a checkpoint of the session. score: its validation code loss, if it was just measured. All ranks must call
    it."""
    folder = session.run.folder / "checkpoints"
    staging = folder / ".staging"
    if rank() == 0:
        shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(parents=True)
    dist.barrier()
    session.engine.save_checkpoint(str(staging), tag="deepspeed", save_latest=False)
    state = full_state(session.engine, session.frozen)
    if session.ema is not None:
        session.ema.save(staging)
        with session.ema.in_place_of_masters():
            average = full_state(session.engine, session.frozen)
        if rank() == 0:
            save_tensors(staging / FILES["ema"], average)
        del average
    if rank() == 0:
        trainable = session.phase.trainable
        save_model(staging, state, session.model.config, trainable.lora if trainable.what == "lora" else None)
        (staging / RECORD).write_text(json.dumps(session.run.identity, indent=1) + "\n", encoding="utf-8")
        session.run.data.tokenizer.save(staging / "tokenizer")
        session.run.data.codec.save(staging / "codec")
        save_file(session.run.data.prompts, staging / "prompts.safetensors")
        (staging / "recipe.yaml").write_text(session.run.recipe.to_yaml(), encoding="utf-8")
        (staging / "deepspeed.json").write_text(json.dumps(session.config.deepspeed, indent=1) + "\n", encoding="utf-8")
    dist.barrier()
    if rank() == 0:
        progress = checkpoints.Progress(
            step=session.step,
            phase=session.number,
            epoch=session.epoch,
            k=session.k,
            plan=session.run.course.plan.identity,
            tokenizer=session.run.data.tokenizer.fingerprint,
            world_size=world_size(),
            score=score,
        )
        newest, kept = checkpoints.finish(staging, progress), session.run.recipe.run
        checkpoints.rotate(folder, newest, kept.keep_checkpoints, kept.keep_every)
    dist.barrier()
    return checkpoint_of(session.run.folder, session.step)


def checkpoint_of(run: Path, step: int) -> Path:
    """Where the checkpoint of a step is published."""
    return run / "checkpoints" / checkpoints.name_of(step)


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


def where_to_begin(course: Course, checkpoint: Path | None) -> tuple[int, bool]:
    """The phase that a run begins or goes on with, and whether the checkpoint is of that phase (else of the one before,
    which is over)."""
    if checkpoint is None:
        return 0, False
    progress = checkpoints.read_progress(checkpoint)
    if progress.phase >= len(course.ends):
        raise InputError(
            f"{checkpoint} is of phase {progress.phase + 1}, the recipe has {len(course.ends)}: give the recipe that the "
            "run was begun with, or another run.directory"
        )
    over = progress.step >= course.ends[progress.phase] and progress.phase + 1 < len(course.ends)
    return progress.phase + over, not over


def require_same_run(checkpoint: Path, run: Run, config: EngineConfig) -> None:
    """Raises InputError when the checkpoint was made with other data, another base or settings that change the learning."""
    progress = checkpoints.read_progress(checkpoint)
    require_same_plan(progress.plan, run.course.plan)
    require_same_base(run.identity, json.loads((checkpoint / RECORD).read_text(encoding="utf-8")), checkpoint)
    if progress.tokenizer != run.data.tokenizer.fingerprint:
        raise InputError(
            f"{checkpoint} was trained with tokenizer {progress.tokenizer}, the shards hold "
            f"{run.data.tokenizer.fingerprint}: give the shards that the run was begun with"
        )
    if progress.world_size != world_size():
        raise InputError(
            f"{checkpoint} was written by {progress.world_size} processes, this run has {world_size()}: start "
            f"`deepspeed --num_accelerators {progress.world_size} launch/train.py …`"
        )
    saved_engine = json.loads((checkpoint / "deepspeed.json").read_text(encoding="utf-8"))
    changed = engine_differences(saved_engine, config.deepspeed)
    changed += differences(yaml.safe_load((checkpoint / "recipe.yaml").read_text(encoding="utf-8")), run.recipe)
    if changed:
        raise InputError(
            f"{checkpoint} was trained with other settings: {'; '.join(changed)}. Give the old settings, or another "
            "run.directory to begin a new run"
        )


def starting_weights(run: Run, checkpoint: Path | None, same_phase: bool) -> dict[str, torch.Tensor]:
    """What a phase's engine is built on: the base, what the phase before has left, or, to go on within a phase, what it
    began with as far as that does not learn (the rest comes with the engine's state)."""
    if checkpoint is None:
        base, data, seed = run.base, run.data, keyed_seed(run.recipe.run.seed, "weights")
        start = base.start(sizes(base, data), data.tokenizer, data.codec, seed)
        say(start.account)
        return start.state
    if not same_phase:
        return load_state(checkpoint)[0]
    state, *_ = read_state(checkpoint)
    return {base_name(name): value for name, value in state.items() if not is_adapter(name)}


def restore(session: Session, checkpoint: Path, same_phase: bool) -> None:
    """Puts the session where the checkpoint stood, its engine too if it is of the same phase."""
    progress = checkpoints.read_progress(checkpoint)
    if same_phase:
        loaded, _ = session.engine.load_checkpoint(str(checkpoint), tag="deepspeed")
        if loaded is None:
            raise InputError(f"DeepSpeed found no state in {checkpoint}; remove that folder to go on from an older one")
        if session.ema is not None:
            session.ema.restore(checkpoint)
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
    before, now = (settings(values) for values in (saved, yaml.safe_load(recipe.to_yaml())))
    return [
        f"{'.'.join(part for part in name if part)} was {before.get(name)}, is {now.get(name)}"
        for name in sorted(before.keys() | now.keys())
        if name[0] != "monitors" and name not in FREE_TO_CHANGE and before.get(name) != now.get(name)
    ]


def settings(values: dict) -> dict[tuple[str, str], object]:
    """(section, key) → value of a recipe; a setting without a section has an empty key."""
    found = {}
    for section, value in values.items():
        inner = value if isinstance(value, dict) else {"": value}
        found |= {(section, key): item for key, item in inner.items()}
    return found
