"""A forecast as a table for people, and as plain values for programs."""

from amharic_tts.plan.advice import advice
from amharic_tts.plan.forecast import CONTEXT, RESERVE, Forecast


def memory_parts(found: Forecast) -> dict[str, float]:
    """Part → bytes on one GPU at the fullest moment. They add up to `Forecast.total`."""
    states, act = found.states, found.activations
    parts = {
        "parameters": states.parameters,
        "gradients": states.gradients,
        "optimizer states": states.optimizer,
        "averaged weights": states.averages,
    }
    if act.peak + states.buffers >= states.step:
        worst = {"logits": act.logits} if act.logits >= act.block else {"one block, backward": act.block}
        parts |= {"buffers": states.buffers, "activations": act.kept, **worst}
    else:
        parts |= {"temporaries of the optimizer": states.step}
    return parts | {"CUDA and libraries": CONTEXT}


def values(found: Forecast) -> dict:
    """Everything in plain values: bytes, seconds, operations."""
    job, states, act = found.job, found.states, found.activations
    return {
        "gpu": job.gpu,
        "card": {"title": job.card.title, "memory": job.card.memory, "source": job.card.source},
        "gpus": job.machine.world,
        "precision": job.precision,
        "parameters": found.parameters.all,
        "trainable": found.parameters.trainable,
        "memory": {name: int(part) for name, part in memory_parts(found).items()},
        "tensors_peak": int(found.peak),
        "total": int(found.total),
        "room": int(found.room),
        "fits": found.fits,
        "host": states.host,
        "host_at_start": found.start_host,
        "deepspeed_estimate": {"gpu": found.estimate[0], "host": found.estimate[1]},
        "activations": {"kept": act.kept, "logits": act.logits, "block": act.block},
        "micro_batch": {
            "budget": job.config.own.micro_batch_tokens,
            "positions": found.shape.positions,
            "rows": found.shape.rows,
            "text_targets": found.shape.text_targets,
            "code_targets": found.shape.code_targets,
        },
        "rows": job.work.rows,
        "hours": job.work.seconds / 3600,
        "positions": job.work.positions,
        "padding": found.padding,
        "steps": found.steps,
        "steps_of_an_epoch": found.epoch_steps,
        "micro_batches_of_a_step": found.micro_batches,
        "step_flops": found.step_flops,
        "fraction_of_peak": found.fraction,
        "step_seconds": found.step_seconds,
        "epoch_seconds": found.epoch_seconds,
        "run_seconds": found.run_seconds,
        "checkpoint": found.checkpoint,
        "disk": found.disk,
        "cost": found.cost,
        "assumed": list(job.assumed),
        "advice": advice(found),
    }


def table(found: Forecast) -> str:
    """One plain table."""
    job, own = found.job, found.job.config.own
    gpus = f"{job.machine.world} × " if job.machine.world > 1 else ""
    lines = [
        f"{gpus}{job.card.title}, {job.precision}, ZeRO-{job.config.deepspeed['zero_optimization']['stage']}, "
        f"budget {own.micro_batch_tokens} positions"
        + (", activations recomputed" if own.activation_checkpointing else "")
    ]
    lines += row(
        "model", f"{found.parameters.all / 1e6:.1f} M parameters, {found.parameters.trainable / 1e6:.1f} M learn"
    )
    lines += ["", f"memory of one GPU, in GB of 1e9 bytes; micro-batch of {found.shape.positions} positions"]
    lines += [line for name, part in memory_parts(found).items() if part for line in row(name, gigabytes(part))]
    lines += row("together", f"{gigabytes(found.total)}  of {found.room / 1e9:.1f} ({1 - RESERVE:.0%} of the card)")
    gpu, host = found.estimate
    lines += row(
        "DeepSpeed's estimate",
        f"{gigabytes(gpu)}  for parameters, gradients, optimizer; on the host {host / 1e9:.1f} with its margin of half",
    )
    if found.states.host:
        lines += row("main memory", f"{gigabytes(found.states.host)}  offloaded, for all GPUs of a node")
    lines += row("while starting", f"{gigabytes(found.start_host)}  of main memory, for all GPUs of a node")
    lines += ["", "data"]
    lines += row("rows", f"{job.work.rows}, {job.work.seconds / 3600:.1f} hours, {job.work.positions} positions")
    lines += row("steps", f"{found.steps}, {found.epoch_steps} in an epoch, of {job.recipe.data.step_tokens} positions")
    lines += row("micro-batches", f"{found.micro_batches:.1f} in a step on each GPU, {found.padding:.1%} padding")
    lines += [
        "",
        f"time, at {found.fraction:.0%} of {job.card.peak[job.precision] / 1e12:.1f} TFLOP/s (assumed; {job.card.source})",
    ]
    lines += row("operations", f"{found.step_flops / 1e12:.1f} TFLOP in a step on each GPU")
    lines += row("step", span(found.step_seconds))
    lines += row("epoch", span(found.epoch_seconds))
    lines += row("run", span(found.run_seconds))
    if job.machine.world > 1:
        lines += row("", "communication between GPUs is not in it")
    if found.cost is not None:
        lines += row("cost", f"{found.cost:.2f} at {found.price:g} for a GPU hour")
    lines += ["", "disk"]
    lines += row("checkpoint", gigabytes(found.checkpoint))
    lines += row(
        "run folder",
        f"{gigabytes(found.disk)}  with {job.recipe.run.keep_checkpoints} checkpoints and one in the making",
    )
    lines += ["", *advice(found)]
    if job.assumed:
        lines += ["", "taken for true: " + "; ".join(job.assumed)]
    return "\n".join(lines)


def row(name: str, text: str) -> list[str]:
    return [f"  {name:<28} {text}".rstrip()]


def gigabytes(count: float) -> str:
    return f"{count / 1e9:7.2f}"


def span(seconds: float) -> str:
    """A duration in the unit that fits it."""
    if seconds < 120:
        return f"{seconds:.2f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
