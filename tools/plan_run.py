"""Predicts what a run needs before any GPU hour is spent: memory by part, time, steps, disk, cost, and what to change.

    python tools/plan_run.py --gpu t4 --hours 100
    python tools/plan_run.py --gpu a100_80gb --gpus 8 --recipe launch/recipes/full.yaml --data shards/train --price 1.8
    python tools/plan_run.py --gpu t4 --hours 100 --tune        # on a machine with a GPU: measures the token budget

Without --data, --hours of speech are made up. Needs no GPU and no base model. Exit code 0: it fits; 1: it does not.
"""

import argparse
import json
from pathlib import Path

from amharic_tts.errors import InputError, run_command
from amharic_tts.plan.cards import CARDS, RUNS_ON

RECIPES = Path(__file__).resolve().parents[1] / "launch" / "recipes"
CONFIGS = Path(__file__).resolve().parents[1] / "ds_configs"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", required=True, choices=(*CARDS, *RUNS_ON), help="the card: a file of ds_configs/")
    parser.add_argument("--gpus", type=int, default=1, help="GPUs of a node (default: 1)")
    parser.add_argument("--nodes", type=int, default=1, help="nodes (default: 1)")
    parser.add_argument("--config", type=Path, help="another DeepSpeed JSON than the card's own")
    parser.add_argument("--recipe", default=RECIPES / "full.yaml", help="what is learned (default: full.yaml)")
    parser.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="lay on the recipe")
    data = parser.add_mutually_exclusive_group()
    data.add_argument("--data", help="folder of packed shards (default: data.train of the recipe)")
    data.add_argument("--hours", type=float, help="hours of speech, where there are no shards yet")
    parser.add_argument("--text-rows", type=int, help="rows of the text tables, with --hours (default: 24001)")
    parser.add_argument("--fraction", type=float, default=0.35, help="share of the card's peak (default: %(default)s)")
    parser.add_argument("--price", type=float, help="of a GPU hour, in any currency")
    parser.add_argument("--json", action="store_true", help="everything in plain values: bytes, seconds, operations")
    parser.add_argument("--tune", action="store_true", help="find the largest token budget by trying it on this GPU")
    parser.add_argument("--tuned", type=Path, default=Path("runs/tuned"), help="where --tune writes (%(default)s)")
    return parser.parse_args()


def main() -> int:
    """Parses the arguments, plans and prints."""
    options = arguments()
    if not 0 < options.fraction <= 1:
        raise InputError(f"--fraction must be above 0 and at most 1, not {options.fraction}")
    if min(options.gpus, options.nodes) < 1:
        raise InputError("--gpus and --nodes must be at least 1")
    if options.text_rows is not None and (options.hours is None or options.text_rows < 3):
        raise InputError("--text-rows goes with --hours, and must be at least 3; shards bring their own vocabulary")
    from amharic_tts.plan.forecast import forecast
    from amharic_tts.plan.job import make_job
    from amharic_tts.plan.states import Machine
    from amharic_tts.plan.table import table, values
    from amharic_tts.plan.tune import require_gpu, tune
    from amharic_tts.train.processes import set_environment
    from amharic_tts.train.recipe import load_recipe

    set_environment()

    if options.tune:
        require_gpu()
    settings = options.set + ([f"data.train={json.dumps(options.data)}"] if options.data else [])
    recipe = load_recipe(options.recipe, settings)
    config = options.config or CONFIGS / f"{options.gpu}.json"
    machine = Machine(options.gpus, options.nodes)
    job = make_job(options.gpu, recipe, machine, config, options.hours, options.text_rows)
    if options.tune:
        print(tune(job, config, options.tuned))
        return 0
    found = forecast(job, options.fraction, options.price)
    print(json.dumps(values(found), indent=1) if options.json else table(found))
    return 0 if found.fits else 1


if __name__ == "__main__":
    run_command(main)
