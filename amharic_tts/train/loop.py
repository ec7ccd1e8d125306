"""The training loop: step, log, validate, save, in this order, and the end of the run goes through the same branches."""

import itertools
import math
import time
from collections.abc import Callable

import psutil
import torch
from tqdm import tqdm

from amharic_tts.data.load import StepData, load_steps
from amharic_tts.errors import InputError
from amharic_tts.model.speech_lm import Losses
from amharic_tts.train.engine import accumulate, keyed_seed
from amharic_tts.train.preemption import StopRequest
from amharic_tts.train.processes import rank, say, summed, world_size
from amharic_tts.train.resume import save
from amharic_tts.train.session import Session
from amharic_tts.train.validation import forward, validate


def train(session: Session, log: Callable[[dict], None], stop: StopRequest) -> bool:
    """Runs the session to the end of its phase, where it is saved. Returns False when it was asked to stop before; then it
    is saved where it stands. `log` takes each event; rank 0's are worth keeping."""
    run, device = session.run.recipe.run, session.run.device
    session.model.train()
    if session.step == 0:
        validate_all(session, log)
    bar = tqdm(
        total=session.last_step, initial=session.step, desc=session.phase.name or "train", unit="step",
        disable=rank() != 0,
        dynamic_ncols=True, smoothing=0.05,
    )  # fmt: skip
    skipped_in_a_row = 0
    started = time.perf_counter()
    for data in itertools.islice(steps(session), session.last_step - session.step):
        event = take_step(session, data)
        session.step += 1
        session.epoch, session.k = data.epoch, data.k + 1
        now = time.perf_counter()
        event |= speed(data, now - started)
        log({"event": "train", "step": session.step, "epoch": data.epoch, **event})
        bar.update()
        bar.set_postfix_str(live_line(event), refresh=False)
        skipped_in_a_row = skipped_in_a_row + 1 if event["skipped"] else 0
        if skipped_in_a_row >= run.max_skipped:
            names = ", ".join(uid for batch in data.microbatches for uid in batch.uids if uid)
            raise InputError(
                f"{skipped_in_a_row} steps in a row had a non-finite loss or gradient, the last at step "
                f"{session.step}: lower optimizer.learning_rate, or look at these rows: {names}"
            )
        last = session.step == session.last_step
        score = None
        if last or session.step % run.validate_every == 0:
            score = validate_all(session, log)
        asked = stop.on_any_rank(device)
        if last or asked or session.step % run.checkpoint_every == 0:
            path = save(session, score)
            log({"event": "checkpoint", "step": session.step, "path": str(path)})
        if asked:
            bar.close()
            say(f"asked to stop: step {session.step} is saved, and the same command goes on from there")
            log({"event": "stop", "step": session.step})
            return False
        started = time.perf_counter()
    bar.close()
    return True


def steps(session: Session):
    """Step after step from where the session stands, for this rank."""
    return load_steps(
        session.run.data.train,
        session.run.course.plan,
        rank(),
        world_size(),
        session.config.own.micro_batch_tokens,
        epoch=session.epoch,
        k=session.k,
        quarantine=session.run.folder / "quarantine.jsonl",
        threads=session.run.recipe.data.threads,
    )


def take_step(session: Session, data: StepData) -> dict:
    """One optimizer step. Returns its figures, the same on all ranks."""
    engine, weights = session.engine, session.run.recipe.loss
    torch.manual_seed(keyed_seed(session.run.recipe.run.seed, session.step, rank()))
    total = torch.zeros(len(Losses._fields), dtype=torch.float64, device=session.run.device)
    for batch in data.microbatches:
        losses = forward(engine, batch.to(session.run.device))
        accumulate(engine, losses, data.text_targets, data.code_targets, weights)
        total += torch.stack([value.detach() for value in losses]).double()
    learning_rate, skipped = engine.get_lr()[0], engine.skipped_steps
    engine.step()
    norm = engine.get_global_grad_norm()
    if engine.skipped_steps > skipped:
        forget_gradients(engine)
    elif session.ema is not None:
        session.ema.update()
    sums = Losses(*summed(*total.tolist(), device=session.run.device))
    figures = {
        "loss": weights.text * sums.text / data.text_targets + weights.codes * sums.codes / data.code_targets,
        "text_loss": sums.text / max(sums.text_targets, 1),
        "code_loss": sums.codes / max(sums.code_targets, 1),
        "code_accuracy": sums.codes_correct / max(sums.code_targets, 1),
        "learning_rate": learning_rate,
        "grad_norm": float(math.nan if norm is None else norm),
        "skipped": engine.skipped_steps - skipped,
        "rows": data.rows,
        "tokens": data.tokens,
        "padding_share": 1 - data.tokens / data.padded_tokens,
    }
    # JSON has no NaN and no infinity: a figure that is not finite is null.
    return {name: value if math.isfinite(value) else None for name, value in figures.items()}


def forget_gradients(engine) -> None:
    """Drops what a skipped step has accumulated.

    With offload and float32 accumulation DeepSpeed 0.19.8 keeps its accumulator after an overflow, so that one NaN
    would spoil every later step (stage_1_and_2.py resets the CPU buffers only).
    """
    accumulated = getattr(engine.optimizer, "averaged_gradients", None)
    if accumulated:
        accumulated.update(dict.fromkeys(accumulated))


def speed(data: StepData, seconds: float) -> dict:
    """Seconds, tokens per second over all ranks, and memory in GB: the GPU's peak, or what this process holds."""
    memory = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else psutil.Process().memory_info().rss
    return {
        "seconds": round(seconds, 4),
        "tokens_per_second": round(data.tokens / seconds, 1),
        "memory_gb": round(memory / 1e9, 3),
    }


def live_line(event: dict) -> str:
    """What the watcher reads beside the bar (which itself shows steps and time left)."""
    loss = "not finite" if event["loss"] is None else f"{event['loss']:.3f}"
    return (
        f"loss {loss}, lr {event['learning_rate']:.1e}, {event['tokens_per_second']:.0f} tok/s, "
        f"padding {event['padding_share']:.0%}, {event['memory_gb']:.1f} GB"
    )


def validate_all(session: Session, log: Callable[[dict], None]) -> float | None:
    """Measures and logs every validation set; returns the mean of their code losses, None without sets. All ranks must
    call it."""
    losses = []
    for name, dataset in session.run.data.validation.items():
        damaged = session.run.folder / f"quarantine-{name}.jsonl"
        figures = validate(session.model, dataset, session.config.own.micro_batch_tokens, session.run.device, damaged)
        log({"event": "validation", "step": session.step, "set": name, **figures})
        losses.append(figures["code_loss"])
        if rank() == 0:
            tqdm.write(
                f"step {session.step:>6}  {name}: code loss {figures['code_loss']:.3f}, "
                f"top-1 {figures['code_accuracy']:.1%}, text loss {figures['text_loss']:.3f}"
            )
    if not session.run.data.validation and session.step == 0:
        say("no validation: data.validation in the recipe names no shards")
    mean = sum(losses) / len(losses) if losses else math.nan
    return mean if math.isfinite(mean) else None
