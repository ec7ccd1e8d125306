"""A run's checkpoint → a folder that the base model's own inference loads."""

from dataclasses import dataclass
from pathlib import Path

from amharic_tts.bases.choose import base_of_checkpoint
from amharic_tts.errors import InputError
from amharic_tts.model.export_gpt import require_new_folder
from amharic_tts.model.weights import has_ema, load_state, preferred
from amharic_tts.text.tokenizer import Tokenizer
from amharic_tts.train.checkpoints import best, damage, name_of, newest_valid


@dataclass(frozen=True)
class Exported:
    """What was written, and from what."""

    directory: Path
    checkpoint: Path
    weights: str
    """`ema` or `raw`."""
    passed_over: list[str]
    """Newer checkpoints that are damaged, a line each."""
    missing: list[Path]
    """Files of the base's folder that were not there to be handed on; its inference needs them."""


def export_run(
    run: Path, directory: Path, step: int | None = None, base: Path | None = None, weights: str | None = None
) -> Exported:
    """Exports the checkpoint of `run` with the lowest validation code loss (where none was measured, the newest undamaged
    one), or that of `step`.

    base: where the folder of its base lies now, None: where it lay while training. weights: `ema` or `raw`; None takes
    the averaged ones where the checkpoint has them. Raises InputError when anything is missing, damaged or does not fit.
    """
    require_new_folder(directory)
    checkpoint, passed_over = chosen(run, step)
    kind = weights or preferred(checkpoint)
    if kind == "ema" and not has_ema(checkpoint):
        raise InputError(f"{checkpoint} has no averaged weights (the recipe's section `ema` was off): --weights raw")
    origin = base_of_checkpoint(checkpoint, base)
    state, config = origin.whole(*load_state(checkpoint, kind))
    missing = origin.export(state, config, Tokenizer.load(checkpoint / "tokenizer"), directory)
    return Exported(directory, checkpoint, kind, passed_over, missing)


def chosen(run: Path, step: int | None) -> tuple[Path, list[str]]:
    """The checkpoint to export and what was passed over. Raises InputError when there is none, or it is damaged."""
    folder = run / "checkpoints"
    if step is None:
        found = best(folder)
        wrong = damage(found) if found else None
        if found and not wrong:
            return found, []
        checkpoint, passed_over = newest_valid(folder)
        if wrong and not any(line.startswith(f"passed over {found}:") for line in passed_over):
            passed_over = [f"passed over {found}, the best: {wrong}", *passed_over]
        if checkpoint is None:
            raise InputError(f"{run} has no undamaged checkpoint{'; '.join(['', *passed_over])}: train one first")
        return checkpoint, passed_over
    checkpoint = folder / name_of(step)
    if (wrong := damage(checkpoint)) is not None:
        raise InputError(f"{checkpoint} cannot be exported: {wrong}; leave --step out for a sound one")
    return checkpoint, []
