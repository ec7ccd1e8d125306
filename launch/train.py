"""Trains the speech language model.

    deepspeed launch/train.py --deepspeed_config ds_configs/t4.json
    deepspeed --num_accelerators 2 launch/train.py --deepspeed_config ds_configs/cpu.json --recipe launch/recipes/demo.yaml

The JSON says how a GPU class runs, the recipe what is learned. `python launch/train.py …` is a run of one process.
"""

import argparse
import contextlib
import json
from pathlib import Path

from amharic_tts.errors import InputError, run_command
from amharic_tts.train.processes import connect, let_rank_0_speak, rank, say, set_environment

RECIPES = Path(__file__).resolve().parent / "recipes"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the speech language model with DeepSpeed.")
    parser.add_argument("--deepspeed_config", required=True, help="how this GPU class runs: a file of ds_configs/")
    parser.add_argument("--recipe", default=str(RECIPES / "full.yaml"), help="what is learned (default: %(default)s)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="lay one setting on the recipe"
    )
    parser.add_argument(
        "--resume", choices=("auto", "never"), default="auto",
        help="auto: go on from the newest undamaged checkpoint of the run's folder; never: refuse one that has any",
    )  # fmt: skip
    parser.add_argument("--local_rank", type=int, help="set by the deepspeed launcher")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    set_environment()
    # Everything that a person may have got wrong is checked before processes are connected and models are built.
    from amharic_tts.train.deepspeed_config import load_engine_config, require_precision
    from amharic_tts.train.recipe import load_recipe
    from amharic_tts.train.run_lock import lock_run
    from amharic_tts.train.session import base_of, chart, open_data, sizes

    recipe = load_recipe(options.recipe, options.set)
    configs = [load_engine_config(options.deepspeed_config, phase.optimizer) for phase in recipe.all_phases]
    base, data = base_of(recipe), open_data(recipe)
    course = chart(recipe, data, sizes(base, data), configs[0].own.micro_batch_tokens)
    require_precision(configs[0].deepspeed)
    if rank() == 0:
        # Before the ranks meet: a refusal must leave none of them waiting for another.
        lock_run(Path(recipe.run.directory))
    device = connect()
    run_phases(recipe, configs, data, base, course, options.resume, device)


def run_phases(recipe, configs, data, base, course, resume: str, device) -> None:
    """Every phase that is not over, each with an engine of its own, from the weights of the one before."""
    from amharic_tts.train.resume import checkpoint_of, choose, require_same_run, where_to_begin

    run = Path(recipe.run.directory)
    checkpoint = choose(run, resume, device)
    first, same_phase = where_to_begin(course, checkpoint)
    if checkpoint is not None:
        require_same_run(checkpoint, recipe, configs[first], data, base, course)
    with monitors(recipe, configs[first], checkpoint) as log:
        for number in range(first, len(course.ends)):
            run_phase(recipe, configs[number], data, base, course, number, device, checkpoint, same_phase, log)
            checkpoint, same_phase = checkpoint_of(run, course.ends[number]), False


def run_phase(recipe, config, data, base, course, number, device, checkpoint, same_phase: bool, log) -> None:
    """Phase `number` to its end; nothing of its engine is left."""
    from amharic_tts.train.engine import release
    from amharic_tts.train.loop import train
    from amharic_tts.train.resume import restore, starting_weights
    from amharic_tts.train.session import build_session

    start = starting_weights(recipe, data, base, checkpoint, same_phase)
    session = build_session(recipe, config, data, base, course, number, device, start)
    del start
    if checkpoint is not None:
        restore(session, checkpoint, same_phase)
    announce(session, log)
    train(session, log)
    release(session.engine)


def announce(session, log) -> None:
    """Says and logs what is about to learn."""
    from amharic_tts.train.session import machine
    from amharic_tts.train.trainable import parameter_counts

    counts = parameter_counts(session.model)
    phase = f"phase {session.phase.name}: " if session.phase.name else ""
    say(
        f"{phase}{counts['parameters'] / 1e6:.1f} M parameters, of which {counts['trainable'] / 1e6:.1f} M learn, "
        f"{session.data.train.info.rows} rows, steps {session.step} to {session.last_step} of "
        f"{session.recipe.data.step_tokens} positions, run folder {session.run}"
    )
    if session.step == 0:
        log({"event": "start", "step": 0, "machine": machine(), **counts})
    if session.step == session.first_step:
        log({"event": "phase", "step": session.step, "phase": session.phase.name, **counts})


@contextlib.contextmanager
def monitors(recipe, config, checkpoint):
    """A function that takes events: on rank 0 into every monitor of the recipe, elsewhere into nothing."""
    if rank() != 0:
        yield lambda event: None
        return
    import yaml

    from amharic_tts.publish import publish
    from amharic_tts.train.checkpoints import read_progress
    from amharic_tts.train.monitors import JsonLines, TensorBoard, WeightsAndBiases

    run, settings, step = (
        Path(recipe.run.directory),
        recipe.monitors,
        read_progress(checkpoint).step if checkpoint else 0,
    )
    for name, content in (
        ("recipe.yaml", recipe.to_yaml()),
        ("deepspeed.json", json.dumps(config.deepspeed, indent=1) + "\n"),
    ):
        with publish(run / name) as file:
            file.write(content.encode())
    active = [JsonLines(run, step)]
    if settings.tensorboard:
        active.append(TensorBoard(run, step))
    if settings.wandb:
        active.append(WeightsAndBiases(run, settings.wandb_project, yaml.safe_load(recipe.to_yaml())))
    with contextlib.ExitStack() as stack:
        for monitor in active:
            stack.callback(monitor.close)
        yield lambda event: [monitor.log(event) for monitor in active]


def guarded() -> None:
    """main, with one message for all ranks when something given to it is wrong."""
    try:
        main()
    except InputError:
        let_rank_0_speak()
        raise


if __name__ == "__main__":
    run_command(guarded)
