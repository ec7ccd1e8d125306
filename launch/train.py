"""Trains the speech language model.

    deepspeed launch/train.py --deepspeed_config ds_configs/t4.json
    deepspeed --num_accelerators 2 launch/train.py --deepspeed_config ds_configs/cpu.json --recipe launch/recipes/demo.yaml

The JSON says how a GPU class runs, the recipe what is learned. `python launch/train.py …` is a run of one process.
"""

import argparse
from pathlib import Path

from amharic_tts.errors import InputError, run_command
from amharic_tts.train.processes import connect, let_rank_0_speak, rank, set_environment

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


def main() -> int:
    options = arguments()
    set_environment()
    # Everything that a person may have got wrong is checked before processes are connected and models are built.
    from amharic_tts.train.deepspeed_config import load_engine_config, require_precision
    from amharic_tts.train.recipe import load_recipe
    from amharic_tts.train.run_lock import lock_run
    from amharic_tts.train.session import Run, base_of, chart, open_data, sizes

    recipe = load_recipe(options.recipe, options.set)
    configs = [load_engine_config(options.deepspeed_config, phase.optimizer) for phase in recipe.all_phases]
    base, data = base_of(recipe), open_data(recipe)
    course = chart(recipe, data, sizes(base, data), configs[0].own.micro_batch_tokens)
    identity = base.identity()
    require_precision(configs[0].deepspeed)
    if rank() == 0:
        # Before the ranks meet: a refusal must leave none of them waiting for another.
        lock_run(Path(recipe.run.directory))
    device = connect()

    from amharic_tts.train.phases import run_phases

    return run_phases(Run(recipe, configs, data, base, identity, course, device), options.resume)


def guarded() -> int:
    """main, with one message for all ranks when something given to it is wrong."""
    try:
        return main()
    except InputError:
        let_rank_0_speak()
        raise


if __name__ == "__main__":
    run_command(guarded)
