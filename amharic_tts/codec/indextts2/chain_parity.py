"""The decoding chain against a recording of the reference's: codec, style, mel, flow, wave, all at full size."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from re import Pattern

import numpy as np
import torch
from torch import Tensor, nn

from amharic_tts.codec.indextts2 import campplus, semantic_codec, vocoder
from amharic_tts.codec.indextts2.campplus import CAMPPlus
from amharic_tts.codec.indextts2.mel22k import log_mel
from amharic_tts.codec.indextts2.s2mel import keys as s2mel_keys
from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig
from amharic_tts.codec.indextts2.s2mel.model import S2Mel, mel_frames
from amharic_tts.codec.indextts2.semantic_codec import SemanticCodec
from amharic_tts.codec.indextts2.vocoder import Vocoder
from amharic_tts.codec.indextts2.weights import fill, merge_weight_norm
from amharic_tts.golden import Finding, apart, seeded

Shapes = Mapping[str, list[int]]
"""Reference key → shape."""

CONSTANT = frozenset(("num_batches_tracked", "filter", "freqs_cis", "causal_mask", "input_pos", "freqs", "pe"))
"""Last components of keys that keep their constructed values: nothing is drawn for them."""
S2MEL_PREFIX = "models."  # the reference's inference holds the parts of s2mel.pth in a dictionary of that name
VOCODER_SCALE = 0.02
RECORDED_STEPS, RECORDED_GUIDANCE = 5, 0.7


@torch.no_grad()
def compare_chain(folder: Path, name: str) -> Iterator[Finding]:
    """Names and shapes of each network, and every output that a recording of the chain holds."""
    keys: dict[str, Shapes] = json.loads((folder / f"{name}_keys.json").read_text(encoding="utf-8"))
    with np.load(folder / f"{name}.npz") as file:
        recorded = {key: torch.from_numpy(file[key]) for key in file.files}
    yield from compare_codec(keys["semantic_codec"], recorded)
    yield from compare_style(keys["campplus"], recorded)
    yield from compare_s2mel(keys["s2mel"], recorded)
    yield from compare_vocoder(keys, recorded)
    yield Finding("mel_spec", apart(log_mel(recorded["mel_wav"]), recorded["mel_spec"]))


def compare_codec(keys: Shapes, recorded: Mapping[str, Tensor]) -> Iterator[Finding]:
    """Features → codes → quantised features."""
    codec, names, unused = SemanticCodec(), semantic_codec.reference_names(), semantic_codec.UNUSED
    yield names_apart("semantic_codec", keys, codec, names, unused)
    fill_seeded(codec, drawn(keys), names, unused)
    codes = codec.encode(recorded["codec_features"])
    theirs = recorded["codec_codes"]
    wrong = int((codes != theirs).sum()) if codes.shape == theirs.shape else theirs.numel()
    yield Finding("codec_codes", wrong, 0)
    quantised = codec.embedding(recorded["codec_codes"])
    yield Finding("codec_quantized", apart(quantised, recorded["codec_quantized"]))
    yield Finding("codec_vq2emb", apart(quantised.transpose(1, 2), recorded["codec_vq2emb"]))


def compare_style(keys: Shapes, recorded: Mapping[str, Tensor]) -> Iterator[Finding]:
    """Filterbank → style."""
    model, names = CAMPPlus(), campplus.reference_names()
    yield names_apart("campplus", keys, model, names, campplus.UNUSED)
    fill_seeded(model, drawn(keys), names, campplus.UNUSED)
    yield Finding("campplus_style", apart(model(recorded["campplus_fbank"]), recorded["campplus_style"]))


def compare_s2mel(keys: Shapes, recorded: Mapping[str, Tensor]) -> Iterator[Finding]:
    """Latents and codes → content → conditions → mel."""
    config = S2MelConfig()
    model, names, unread = S2Mel(config), s2mel_keys.names(config), s2mel_keys.unread(config)
    yield names_apart(
        "s2mel", {key.removeprefix(S2MEL_PREFIX): shape for key, shape in keys.items()}, model, names, unread
    )
    fill_seeded(model, {key.removeprefix(S2MEL_PREFIX): value for key, value in drawn(keys).items()}, names, unread)
    latents, embedding = recorded["s2mel_gpt_latent"], recorded["s2mel_semantic"]
    content, lengths = model.latent(latents), torch.tensor([latents.size(1)])
    frames = mel_frames(lengths)
    yield Finding("s2mel_gpt_layer", apart(content, recorded["s2mel_gpt_layer"]))
    yield Finding("s2mel_target_len", int((frames - recorded["s2mel_target_len"]).abs().max()), 0)
    yield Finding("s2mel_cond", apart(model.condition(content + embedding, lengths, frames), recorded["s2mel_cond"]))
    prompt_mel = recorded["s2mel_ref_mel"]
    prompt = prompt_mel.size(2)
    noise = recorded["s2mel_noise"][:, :, prompt:]
    mel, _ = model.synthesize(
        latents, embedding, lengths, recorded["s2mel_prompt_cond"], prompt_mel, torch.tensor([prompt]),
        recorded["s2mel_style"], steps=RECORDED_STEPS, guidance=RECORDED_GUIDANCE, noise=noise,
    )  # fmt: skip
    whole = recorded["s2mel_mel_5steps"]  # the prompt's place in it is empty
    yield Finding("s2mel_mel_5steps", apart(torch.cat([torch.zeros_like(prompt_mel), mel], 2), whole))
    # With seeded weights most of the sample is still the noise: this is the way that it went.
    yield Finding("s2mel_mel_5steps - noise", apart(mel - noise, whole[:, :, prompt:] - noise))


def compare_vocoder(keys: Mapping[str, Shapes], recorded: Mapping[str, Tensor]) -> Iterator[Finding]:
    """Mel → wave; the names both as published (weight norm) and merged."""
    model, names, computed = Vocoder(), vocoder.reference_names(), vocoder.COMPUTED
    for part in ("bigvgan_weight_norm", "bigvgan"):
        yield names_apart(part, keys[part], model, names, computed)
    fill_seeded(model, drawn(keys["bigvgan"], VOCODER_SCALE), names, computed)
    yield Finding("bigvgan_wav", apart(model(recorded["bigvgan_mel"]), recorded["bigvgan_wav"]))


def names_apart(part: str, keys: Shapes, model: nn.Module, names: Mapping[str, str], known: Pattern) -> Finding:
    """Reference keys and parameters without their place: a key is loaded into a parameter of its shape, or known and not
    loaded; a parameter is filled."""
    shapes = merge_weight_norm({key: torch.empty(shape, device="meta") for key, shape in keys.items()})
    # counters of the training run are never read
    places = {name: value.shape for name, value in model.state_dict().items() if not name.endswith("batches_tracked")}
    wrong = len(places.keys() ^ set(names.values())) + len(names.keys() - shapes.keys())
    for key, value in shapes.items():
        if key not in names:
            wrong += not known.fullmatch(key)
        else:
            place = places.get(names[key], ())
            wrong += value.shape not in (place, (*place, *[1] * (value.dim() - len(place))))
    return Finding(f"{part} keys", wrong, 0)


def drawn(keys: Shapes, scale: float = 0.05) -> dict[str, Tensor]:
    """The seeded tensors of the keys that have one."""
    return {key: seeded(key, shape, scale) for key, shape in keys.items() if key.rsplit(".", 1)[-1] not in CONSTANT}


def fill_seeded(model: nn.Module, tensors: Mapping[str, Tensor], names: Mapping[str, str], known: Pattern) -> None:
    """The model with seeded weights, in evaluation mode."""
    fill(model.eval(), merge_weight_norm(tensors), names, known, "the recorded keys")
