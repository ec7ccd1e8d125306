"""IndexTTS-2 speaks: each row as it would alone, in the voice of the first 15 s of a prompt, never without one."""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from codec.indextts2.small_decoder import small_decoder
from extract.small_base import sound, write_w2v_bert
from model.indextts2_folder import ADDED, PIECES, SMALL, extended_tokenizer

from amharic_tts.audio.files import resample
from amharic_tts.codec.indextts2.base_folder import FEATURES
from amharic_tts.codec.indextts2.decode import Decoder
from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.codec.indextts2.vocoder import Vocoder
from amharic_tts.codec.indextts2.w2v_bert import W2vBert, load_filterbank, load_model
from amharic_tts.errors import InputError
from amharic_tts.model.generate import Generated
from amharic_tts.model.sampling import SamplingOptions
from amharic_tts.model.speech_lm import SpeechLM
from amharic_tts.synthesis.indextts2 import IndexTTS2Sound
from amharic_tts.synthesis.synthesizer import Synthesizer

RATE = 22_050
TEXTS, CODES = (3, 11, 6, 2), (4, 0, 1, 6)  # lengths of the rows: the longest text is not that of the most codes
STEPS = 2
RECORD = IndexTTS2Codes(
    codes="c", encoders="", conditioning="frames", conditioning_width=FEATURES, conditioning_rows=0, size=32
)


@dataclass(frozen=True)
class HeardDecoder(Decoder):
    """A decoder that keeps what it was given."""

    voices: list = field(default_factory=list)
    rows: list = field(default_factory=list)

    def voice(self, wave, rate, features):
        self.voices.append((wave, rate, features))
        return super().voice(wave, rate, features)

    def decode(self, codes, latents, voices, **options):
        self.rows.append((codes, latents, voices, options))
        return super().decode(codes, latents, voices, **options)


@pytest.fixture(scope="module")
def parts():
    made = vars(small_decoder(FEATURES, SMALL.dim, RECORD.size))
    return made | {"vocoder": Vocoder(64).eval()}  # as it is built: the other one enlarges rounding 1000-fold


@pytest.fixture(scope="module")
def ears(tmp_path_factory):
    folder = tmp_path_factory.mktemp("w2v_bert")
    write_w2v_bert(folder, layers=1)
    filterbank = load_filterbank(folder / "preprocessor_config.json")
    return W2vBert(load_model(folder, layers=1), filterbank, torch.zeros(FEATURES), torch.ones(FEATURES))


@pytest.fixture
def speech(parts, ears):
    """A `Sound` of small networks."""
    made = IndexTTS2Sound(Path("nowhere"), RECORD, steps=STEPS)
    made.__dict__ |= {"decoder": HeardDecoder(**parts), "ears": ears}
    return made


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(1)
    made = SpeechLM(replace(SMALL, text_rows=PIECES + ADDED + 1))
    with torch.no_grad():
        for parameter in made.parameters():  # so large that the codes hear the prompt and the text
            parameter.add_(0.2 * torch.randn_like(parameter))
    return made.eval()


@pytest.fixture(scope="module")
def prompt():
    """A wave longer than what is used of it."""
    return recording(15.7)


def recording(seconds: float) -> torch.Tensor:
    """(samples,) at 22.05 kHz"""
    return resample(sound(seconds, seed=2), 16_000, RATE)


def rows() -> tuple[list[torch.Tensor], list[Generated]]:
    """Texts and what was said for them."""
    g = torch.Generator().manual_seed(0)
    ids = [torch.randint(3, PIECES, (n,), generator=g) for n in TEXTS]
    return ids, [Generated(torch.randint(RECORD.size, (n,), generator=g), stopped=True) for n in CODES]


def test_conditioning_is_a_frame_each_20_ms_of_15_seconds_at_most(speech, prompt):
    for seconds in (0.5, 1.01, 15.7):
        frames = speech.conditioning(recording(seconds))
        assert abs(len(frames) / 50 - min(seconds, 15)) < 0.04
        assert frames.shape[1:] == (FEATURES,)
    heard = resample(prompt[: 15 * RATE], RATE, 16_000)
    torch.testing.assert_close(frames, speech.ears.features([heard])[0][0])


def test_a_row_in_a_batch_sounds_as_it_does_alone(speech, model, prompt):
    ids, spoken = rows()
    conditioning = speech.conditioning(prompt)
    together = speech.waves(model, conditioning, ids, spoken, prompt)
    assert speech.sample_rate == speech.prompt_rate == RATE
    assert [wave.shape for wave in together] == [(256 * math.floor(1.72 * n),) for n in CODES]
    for row, wave in enumerate(together):
        assert (wave.dtype, wave.device.type) == (torch.float32, "cpu")
        [alone] = speech.waves(model, conditioning, ids[row : row + 1], spoken[row : row + 1], prompt)
        torch.testing.assert_close(wave, alone, rtol=0, atol=1e-5)  # a text of other ids moves it by 3e-5 and more


def test_the_decoder_gets_the_latents_of_each_row_alone_in_the_voice_of_the_prompt(speech, model, prompt):
    ids, spoken = rows()
    conditioning = speech.conditioning(prompt)
    speech.waves(model, conditioning, ids, spoken, prompt)
    [(codes, latents, voices, options)] = speech.decoder.rows
    assert options == {"steps": STEPS}
    assert [row.tolist() for row in codes] == [one.codes.tolist() for one in spoken]
    for text, said, row in zip(ids, codes, latents, strict=True):
        lengths = [torch.tensor([len(part)]) for part in (conditioning, text, said)]
        given = zip((conditioning, text, said), lengths, strict=True)
        alone = model.code_latents(*(value for part, length in given for value in (part[None], length)))
        torch.testing.assert_close(row, alone[0], rtol=1e-4, atol=1e-4)
    [(wave, rate, features)] = speech.decoder.voices
    assert rate == RATE
    assert torch.equal(wave, prompt[: 15 * RATE])
    assert torch.equal(features, conditioning)
    expected = speech.decoder.voice(wave, rate, features)
    for voice in voices:
        for name, value in vars(expected).items():
            assert torch.equal(getattr(voice, name), value)


def test_the_decoder_takes_its_own_steps_where_none_are_given(speech, model, prompt):
    speech.steps = None
    ids, _ = rows()
    silent = [Generated(torch.zeros(0, dtype=torch.int64), stopped=True)] * 2
    waves = speech.waves(model, speech.conditioning(prompt), ids[:2], silent, prompt)
    assert [wave.shape for wave in waves] == [(0,), (0,)]
    assert speech.decoder.rows[0][-1] == {}


def test_a_prompt_too_short_for_a_voice_is_refused_before_the_model_speaks(speech):
    for samples in (1, 500, 980):  # no feature frame; some, and no style
        with pytest.raises(InputError, match="too short for a voice"):
            speech.conditioning(torch.zeros(samples))


def test_networks_come_from_the_base_folder_when_they_are_needed(tmp_path):
    speech = IndexTTS2Sound(tmp_path, RECORD)
    with pytest.raises(InputError, match=f"{tmp_path}/semantic_codec"):
        _ = speech.decoder
    with pytest.raises(InputError, match=f"{tmp_path}/wav2vec2bert_stats"):
        _ = speech.ears


@pytest.fixture(scope="module")
def tokenizer():
    return extended_tokenizer()


def test_without_a_prompt_nothing_is_said(model, tokenizer, tmp_path):
    """Stored prompts hold no voice; nothing is loaded to find that out."""
    stored = {"almaz": torch.randn(20, FEATURES)}
    synthesizer = Synthesizer(model, tokenizer, IndexTTS2Sound(tmp_path, RECORD), stored, tmp_path, "raw")
    for speaker in (None, "almaz"):
        with pytest.raises(InputError, match="--prompt"):
            synthesizer.synthesize(["ሰላም"], speaker)


def test_a_synthesizer_speaks_what_the_model_said_in_the_voice_of_the_prompt(speech, model, tokenizer, tmp_path):
    prompt = recording(0.8)
    synthesizer = Synthesizer(model, tokenizer, speech, {}, tmp_path, "raw")
    spoken = synthesizer.synthesize(["ሰላም", "አንድ ሺህ"], options=SamplingOptions(max_codes=6), prompt=prompt)
    [(codes, latents, _, _)] = speech.decoder.rows
    assert [one.codes.tolist() for one in spoken] == [row.tolist() for row in codes]
    assert [len(one.wave) for one in spoken] == [256 * math.floor(1.72 * len(row)) for row in codes]
    assert any(len(row) for row in codes)
    assert torch.equal(speech.decoder.voices[0][0], prompt)
    given = [Generated(one.codes, one.stopped) for one in spoken]
    ids = [torch.tensor(tokenizer.encode(text)) for text in ("ሰላም", "አንድ ሺህ")]
    speech.waves(model, speech.conditioning(prompt), ids, given, prompt)
    for row, again in zip(latents, speech.decoder.rows[1][1], strict=True):
        torch.testing.assert_close(row, again)
