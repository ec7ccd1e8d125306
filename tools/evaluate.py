"""Measures error rates of recordings, of the codec and of generated speech on held-out texts.

python tools/evaluate.py --run runs/demo --manifest data/demo/held_out_texts.jsonl --recogniser runs/demo/recogniser
"""

import argparse
import datetime
from dataclasses import fields
from pathlib import Path

from amharic_tts.errors import InputError, run_command


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure error rates of real, coded and generated speech.")
    parser.add_argument("--run", type=Path, required=True, help="folder of the training run")
    parser.add_argument("--manifest", type=Path, required=True, help="held-out recordings with their texts")
    parser.add_argument("--recogniser", type=Path, required=True, help="folder made by tools/train_recogniser.py")
    parser.add_argument("--out", type=Path, help="folder of the results (default: RUN/evaluation)")
    parser.add_argument("--step", type=int, help="checkpoint to evaluate (default: the newest)")
    parser.add_argument("--limit", type=int, help="at most this many rows, spread over the manifest (default: all)")
    parser.add_argument("--waves", type=int, default=12, help="rows whose sound is kept (default: %(default)s)")
    parser.add_argument("--device", default="cpu")
    for name, kind in (("temperature", float), ("top-k", int), ("top-p", float), ("repetition-penalty", float)):
        parser.add_argument(f"--{name}", type=kind, help="of sampling (default: the synthesizer's)")
    parser.add_argument("--seed", type=int, default=0, help="of sampling (default: %(default)s)")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    from amharic_tts.data.manifest import read_manifest
    from amharic_tts.evaluate.evaluation import choose_rows, evaluate, require_embedded_codec, table
    from amharic_tts.evaluate.recogniser import Recogniser, read_description
    from amharic_tts.model.device import usable_device
    from amharic_tts.model.sampling import SamplingOptions
    from amharic_tts.synthesis.synthesizer import Synthesizer, find_checkpoint
    from amharic_tts.text.front_end import TextFrontEnd

    if options.limit is not None and options.limit < 1:
        raise InputError(f"--limit must be at least 1, not {options.limit}")
    usable_device(options.device)
    require_embedded_codec(find_checkpoint(options.run, options.step))
    rows = choose_rows(read_manifest(options.manifest), options.limit)
    recogniser = Recogniser.load(options.recogniser, options.device)
    front_end = TextFrontEnd.from_json(recogniser.front_end_json)
    synthesizer = Synthesizer.load(options.run, step=options.step, device=options.device)
    given = {field.name: getattr(options, field.name, None) for field in fields(SamplingOptions)}
    sampling = SamplingOptions(**{name: value for name, value in given.items() if value is not None})
    judge = read_description(options.recogniser)
    evaluation = evaluate(
        rows,
        options.manifest,
        recogniser,
        front_end,
        synthesizer,
        sampling,
        options.out or options.run / "evaluation",
        keep_waves=options.waves,
        about={
            "made": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "manifest": str(options.manifest),
            "run": str(options.run),
            "step": int(synthesizer.checkpoint.name.removeprefix("step-")),
            "recogniser": {"rows": judge.get("rows"), "identity": judge.get("identity")},
        },
    )
    print(table(evaluation))


if __name__ == "__main__":
    run_command(main)
