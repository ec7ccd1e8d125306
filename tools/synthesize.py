"""Speaks text with a trained run.

python tools/synthesize.py "ሰላም" --run runs/demo --out hello.wav
python tools/synthesize.py "አንድ" "ሁለት" --run runs/demo --out numbers.wav     (numbers-0.wav, numbers-1.wav)
"""

import argparse
from pathlib import Path

from amharic_tts.audio.files import read_wave, write_wave
from amharic_tts.errors import InputError, run_command
from amharic_tts.model.sampling import SamplingOptions
from amharic_tts.synthesis.synthesizer import Synthesizer


def arguments() -> argparse.Namespace:
    defaults = SamplingOptions()
    parser = argparse.ArgumentParser(description="Speak text with a trained run.")
    parser.add_argument("text", nargs="+", help="one or more texts, spoken as one batch")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", help="folder of the run")
    source.add_argument("--exported", help="folder that tools/export.py wrote; it needs --base")
    parser.add_argument("--out", required=True, help="WAV or FLAC file; with several texts each gets a number")
    parser.add_argument("--step", type=int, help="checkpoint to take (default: the newest)")
    voice = parser.add_mutually_exclusive_group()
    voice.add_argument("--speaker", help="voice of the training data (default: the first)")
    voice.add_argument("--prompt", help="recording of the voice to speak in, a few seconds")
    parser.add_argument("--temperature", type=float, default=defaults.temperature, help="0 is greedy (%(default)s)")
    parser.add_argument("--top-k", type=int, default=defaults.top_k, help="0 is all (%(default)s)")
    parser.add_argument("--top-p", type=float, default=defaults.top_p, help="in (0, 1] (%(default)s)")
    parser.add_argument(
        "--repetition-penalty", type=float, default=defaults.repetition_penalty, help="≥ 1 (%(default)s)"
    )
    parser.add_argument(
        "--max-codes", type=int, default=defaults.max_codes, help="0 is the model's limit (%(default)s)"
    )
    parser.add_argument("--seed", type=int, default=defaults.seed)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--base", help="folder of the pretrained base (default: where it lay while training)")
    parser.add_argument("--weights", choices=("ema", "raw"), help="default: averaged weights where there are any")
    parser.add_argument("--flow-steps", type=int, help="IndexTTS-2: steps from noise to mel (default: 25)")
    return parser.parse_args()


def load(options: argparse.Namespace) -> Synthesizer:
    """The run or the exported folder that was asked for."""
    if options.run:
        return Synthesizer.load(
            options.run, options.step, options.device, options.base, options.flow_steps, options.weights
        )
    if not options.base or options.step is not None or options.weights:
        raise InputError("--exported goes with --base, and without --step and --weights, which are of a run")
    return Synthesizer.load_exported(options.exported, options.base, options.device, options.flow_steps)


def main() -> None:
    options = arguments()
    sampling = SamplingOptions(
        options.temperature, options.top_k, options.top_p, options.repetition_penalty, options.seed, options.max_codes
    )
    out = Path(options.out)
    if out.suffix.lower() not in (".wav", ".flac"):
        raise InputError(f"--out {out}: the name must end in .wav or .flac")
    voice = load(options)
    prompt = read_wave(options.prompt, voice.sound.prompt_rate) if options.prompt else None
    for i, utterance in enumerate(voice.synthesize(options.text, options.speaker, sampling, prompt)):
        path = out if len(options.text) == 1 else out.with_stem(f"{out.stem}-{i}")
        if len(utterance.wave) == 0:
            raise InputError(f"the model said nothing for {options.text[i]!r}: try another --seed")
        write_wave(path, utterance.wave, voice.sound.sample_rate)
        end = "" if utterance.stopped else ", cut at the limit of codes"
        print(f"{path}: {len(utterance.wave) / voice.sound.sample_rate:.2f} s{end}")


if __name__ == "__main__":
    run_command(main)
