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
    from amharic_tts.train.session import build_session, machine, open_data, sizes

    recipe = load_recipe(options.recipe, options.set)
    config = load_engine_config(options.deepspeed_config, recipe.optimizer)
    data = open_data(recipe)
    sizes(recipe, data)
    require_precision(config.deepspeed)
    run = Path(recipe.run.directory)
    if rank() == 0:
        lock_run(run)  # before the ranks meet: a refusal must leave none of them waiting for another
    device = connect()

    from amharic_tts.train.loop import train
    from amharic_tts.train.resume import choose, restore

    checkpoint = choose(run, options.resume, device)
    session = build_session(recipe, config, data, device)
    if checkpoint is not None:
        restore(session, checkpoint)
    parameters = sum(p.numel() for p in session.model.parameters())
    say(
        f"{parameters / 1e6:.1f} M parameters, {data.train.info.rows} rows, "
        f"{session.total_steps} steps of {recipe.data.step_tokens} positions, run folder {run}"
    )
    with monitors(session) as log:
        if session.step == 0:
            log({"event": "start", "step": 0, "machine": machine(), "parameters": parameters})
        train(session, log)


@contextlib.contextmanager
def monitors(session):
    """A function that takes events: on rank 0 into every monitor of the recipe, elsewhere into nothing."""
    if rank() != 0:
        yield lambda event: None
        return
    import yaml

    from amharic_tts.publish import publish
    from amharic_tts.train.monitors import JsonLines, TensorBoard, WeightsAndBiases

    run, settings, recipe = session.run, session.recipe.monitors, session.recipe.to_yaml()
    run.mkdir(parents=True, exist_ok=True)
    with publish(run / "recipe.yaml") as file:
        file.write(recipe.encode())
    with publish(run / "deepspeed.json") as file:
        file.write((json.dumps(session.config.deepspeed, indent=1) + "\n").encode())
    active = [JsonLines(run, session.step)]
    if settings.tensorboard:
        active.append(TensorBoard(run, session.step))
    if settings.wandb:
        active.append(WeightsAndBiases(run, settings.wandb_project, yaml.safe_load(recipe)))
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
