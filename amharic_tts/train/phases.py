"""A run from end to end: every phase that is not over, each with an engine of its own, from the weights of the one before."""

import json
from collections.abc import Callable
from pathlib import Path

from amharic_tts.publish import publish
from amharic_tts.train.engine import release
from amharic_tts.train.loop import train
from amharic_tts.train.preemption import StopRequest
from amharic_tts.train.processes import rank, say
from amharic_tts.train.record import open_record
from amharic_tts.train.resume import (
    checkpoint_of,
    choose,
    require_same_run,
    restore,
    starting_weights,
    where_to_begin,
)
from amharic_tts.train.session import Run, Session, build_session, machine
from amharic_tts.train.trainable import parameter_counts


def run_phases(run: Run, resume: str) -> int:
    """Begins the run, or goes on with it; `resume` as in `choose`. Returns the exit code. All ranks must call it."""
    settings = run.recipe.run
    stop = StopRequest(settings.stop_within, settings.requeue_code)
    checkpoint = choose(run.folder, resume, run.device)
    first, same_phase = where_to_begin(run.course, checkpoint)
    if checkpoint is not None:
        require_same_run(checkpoint, run, run.configs[first])
    with open_record(run, checkpoint) as log:
        for number in range(first, len(run.course.ends)):
            if not run_phase(run, number, checkpoint, same_phase, log, stop):
                return settings.requeue_code
            checkpoint, same_phase = checkpoint_of(run.folder, run.course.ends[number]), False
    return 0


def run_phase(
    run: Run, number: int, checkpoint: Path | None, same_phase: bool, log: Callable[[dict], None], stop: StopRequest
) -> bool:
    """Phase `number` to its end; nothing of its engine is left. False when the run was asked to stop before."""
    start = starting_weights(run, checkpoint, same_phase)
    session = build_session(run, number, start)
    del start
    if checkpoint is not None:
        restore(session, checkpoint, same_phase)
    announce(session, log)
    if checkpoint is not None and same_phase:
        log({"event": "resume", "step": session.step})
    over = train(session, log, stop)
    release(session.engine)
    return over


def announce(session: Session, log: Callable[[dict], None]) -> None:
    """Says and logs what is about to learn, and writes down how."""
    run, counts = session.run, parameter_counts(session.model)
    if rank() == 0:
        with publish(run.folder / "deepspeed.json") as file:  # of the phase at work
            file.write((json.dumps(session.config.deepspeed, indent=1) + "\n").encode())
    phase = f"phase {session.phase.name}: " if session.phase.name else ""
    say(
        f"{phase}{counts['parameters'] / 1e6:.1f} M parameters, of which {counts['trainable'] / 1e6:.1f} M learn, "
        f"{run.data.train.info.rows} rows, steps {session.step} to {session.last_step} of "
        f"{run.recipe.data.step_tokens} positions, run folder {run.folder}"
    )
    if session.step == 0:
        log({"event": "start", "step": 0, "machine": machine(), **counts})
    if session.step == session.first_step:
        log(
            {
                "event": "phase",
                "step": session.step,
                "phase": session.phase.name,
                "last_step": session.last_step,
                **counts,
            }
        )
