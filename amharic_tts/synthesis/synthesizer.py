"""Text in, wave out: a trained checkpoint with everything that it needs to speak."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from amharic_tts.bases.choose import base_of_checkpoint
from amharic_tts.codec.load import load_codec, require_codec
from amharic_tts.codec.protocol import Codec
from amharic_tts.errors import InputError
from amharic_tts.model.device import usable_device
from amharic_tts.model.generate import generate
from amharic_tts.model.import_gpt import import_base
from amharic_tts.model.sampling import SamplingOptions
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.model.weights import load_state, model_of, preferred
from amharic_tts.synthesis.indextts2 import IndexTTS2Sound
from amharic_tts.synthesis.sound import Sound, require_wave
from amharic_tts.text.tokenizer import Tokenizer


@dataclass(frozen=True)
class Utterance:
    """One spoken text."""

    wave: Tensor
    """(samples,) float32 at the rate of the synthesizer's sound."""
    codes: Tensor
    """(codes,) int64."""
    stopped: bool
    """The model ended by itself; False: it was cut at the limit of codes."""


@dataclass(frozen=True)
class Synthesizer:
    """A checkpoint that speaks: model, tokenizer, sound, and a prompt for each speaker of its training data."""

    model: SpeechLM
    tokenizer: Tokenizer
    sound: Sound
    prompts: dict[str, Tensor]
    """Speaker → conditioning (rows, width)."""
    checkpoint: Path
    weights: str
    """`raw`, `ema` or `exported`."""

    @classmethod
    def load(
        cls, run: str | Path, step: int | None = None, device: str = "cpu", base: str | Path | None = None,
        flow_steps: int | None = None, weights: str | None = None,
    ) -> "Synthesizer":  # fmt: skip
        """The newest checkpoint of a run, or that of `step`. base: where the folder of its base lies now, None: where it
        lay while training. flow_steps: of IndexTTS-2's S2Mel. weights: `ema` or `raw`, None: as they are exported.
        Raises InputError when something is not there."""
        device = usable_device(device)
        checkpoint = find_checkpoint(Path(run), step)
        origin = base_of_checkpoint(checkpoint, base)
        sound = origin.sound(load_codec(checkpoint / "codec"), device, flow_steps)
        kind = weights or preferred(checkpoint)
        state, config = origin.whole(*load_state(checkpoint, kind))
        prompts = load_file(checkpoint / "prompts.safetensors")
        return cls(
            model=model_of(state, config, device),
            tokenizer=Tokenizer.load(checkpoint / "tokenizer"),
            sound=sound,
            prompts={speaker: rows.float() for speaker, rows in prompts.items()},
            checkpoint=checkpoint,
            weights=kind,
        )

    @classmethod
    def load_exported(
        cls, folder: str | Path, base: str | Path, device: str = "cpu", flow_steps: int | None = None
    ) -> "Synthesizer":
        """An exported folder of IndexTTS-2. base: the folder with the networks around it (tools/download_base.py)."""
        device = usable_device(device)
        tokenizer = Tokenizer.load(folder)
        imported = import_base(folder, tokenizer)
        sound = IndexTTS2Sound(Path(base), None, device, flow_steps)
        model = model_of(imported.state, imported.config, device)
        return cls(model, tokenizer, sound, prompts={}, checkpoint=Path(folder), weights="exported")

    @property
    def codec(self) -> Codec:
        """The codec, where one encodes and decodes by itself. Raises InputError elsewhere."""
        return require_codec(self.sound.codec)

    @property
    def speakers(self) -> list[str]:
        """Names with a stored prompt, sorted."""
        return sorted(self.prompts)

    def synthesize(
        self,
        texts: Sequence[str],
        speaker: str | None = None,
        options: SamplingOptions | None = None,
        prompt: Tensor | None = None,
    ) -> list[Utterance]:
        """Speaks a batch of raw texts in one voice.

        speaker: one of `speakers` (None takes the first), or `prompt`: a wave (samples,) at `sound.prompt_rate` of the
        voice to speak in. Raises InputError for text that cannot be read or is too long, and for an unknown speaker.
        """
        device = next(self.model.parameters()).device
        if self.sound.needs_wave:
            require_wave(prompt)
        rows = self.sound.conditioning(prompt) if prompt is not None else self.prompt_of(speaker)
        ids = [torch.tensor(self.checked_ids(text)) for text in texts]
        if not ids:
            return []
        lengths = torch.tensor([len(row) for row in ids])
        padded = torch.nn.utils.rnn.pad_sequence(ids, batch_first=True)
        results = generate(
            self.model,
            rows.to(device).expand(len(ids), -1, -1),
            torch.full((len(ids),), len(rows), device=device),
            padded.to(device),
            lengths.to(device),
            options or SamplingOptions(),
        )
        waves = self.sound.waves(self.model, rows, ids, results, prompt)
        return [Utterance(wave, r.codes, r.stopped) for wave, r in zip(waves, results, strict=True)]

    def prompt_of(self, speaker: str | None) -> Tensor:
        """Conditioning (rows, width) of a speaker, of the first for None. Raises InputError for an unknown one."""
        if speaker is None and self.prompts:
            speaker = self.speakers[0]
        if speaker not in self.prompts:
            raise InputError(f"{self.checkpoint} knows no speaker {speaker!r}; it has: {', '.join(self.speakers)}")
        return self.prompts[speaker]

    def checked_ids(self, text: str) -> list[int]:
        """Ids of raw text, without start and stop. Raises InputError for none, for too many, for unreadable text."""
        ids = self.tokenizer.encode(text)
        limit = self.model.config.max_text
        if not ids:
            raise InputError(f"there is nothing to say in {text!r}")
        if len(ids) > limit:
            raise InputError(f"the text is {len(ids)} tokens long, the model takes {limit}: split it ({text[:40]!r}…)")
        return ids


def find_checkpoint(run: Path, step: int | None) -> Path:
    """The published checkpoint of `step`, or the newest."""
    found = sorted(p for p in (run / "checkpoints").glob("step-*") if (p / "meta.json").is_file())
    if step is not None:
        found = [p for p in found if int(p.name.removeprefix("step-")) == step]
    if not found:
        which = "checkpoint" if step is None else f"checkpoint of step {step}"
        raise InputError(f"{run} has no {which}; train one with `make demo` or `deepspeed launch/train.py …`")
    return found[-1]
