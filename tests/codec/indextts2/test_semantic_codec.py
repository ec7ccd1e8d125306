"""The semantic codec computes what the reference computed, and a row of a padded batch what it computes alone."""

import pytest
import torch
from safetensors.torch import save_file

from amharic_tts.codec.indextts2 import semantic_codec
from amharic_tts.codec.indextts2.semantic_codec import UNUSED, SemanticCodec, load_semantic_codec, reference_names
from amharic_tts.codec.indextts2.weights import fill, merge_weight_norm
from amharic_tts.errors import InputError

SMALL = {"width": 24, "dim": 16, "feed": 32, "blocks": 3, "codes": 64, "code_dim": 4}


@pytest.fixture(scope="module")
def codec(seeded):
    codec = SemanticCodec().eval()
    fill(codec, merge_weight_norm(seeded("semantic_codec")), reference_names(), UNUSED, "golden")
    return codec


@pytest.fixture
def small():
    """Weights large enough that every frame in reach of a convolution matters."""
    codec = SemanticCodec(**SMALL).eval()
    generator = torch.Generator().manual_seed(0)
    for parameter in codec.parameters():
        torch.nn.init.normal_(parameter, std=0.5, generator=generator)
    return codec


def as_published(codec: SemanticCodec) -> dict[str, torch.Tensor]:
    """The codec's tensors as the published file has them: reference keys, weight norm, trailing axes, a decoder."""
    ours = codec.state_dict()
    state = {theirs: ours[name].clone() for theirs, name in reference_names(len(codec.blocks)).items()}
    for name in ("in_project", "out_project"):
        weight = state.pop(f"quantizer.quantizers.0.{name}.weight")[..., None]
        state[f"quantizer.quantizers.0.{name}.weight_g"] = 3 * weight.norm(dim=(1, 2), keepdim=True)
        state[f"quantizer.quantizers.0.{name}.weight_v"] = weight / 3
        ours[{"in_project": "to_code.weight", "out_project": "from_code.weight"}[name]].mul_(3)
    return state | {"decoder.1.bias": torch.ones(3)}


@torch.no_grad()
def test_codes_and_quantised_features(codec, chain, relative_error):
    codes = codec.encode(chain["codec_features"])
    assert torch.equal(codes, chain["codec_codes"])
    assert relative_error(codec.embedding(codes), chain["codec_quantized"]) < 2e-4
    assert relative_error(codec.embedding(codes).transpose(1, 2), chain["codec_vq2emb"]) < 2e-4


def test_every_key_of_the_published_file_has_a_place(reference_keys):
    merged = {key.removesuffix("_g") for key in reference_keys["semantic_codec"] if not key.endswith("_v")}
    unused = {key for key in merged if UNUSED.fullmatch(key)}
    assert merged - unused == reference_names().keys()
    assert all(key.startswith("decoder.") for key in unused)
    assert sorted(reference_names().values()) == sorted(SemanticCodec().state_dict())


@torch.no_grad()
def test_a_padded_row_gets_the_codes_it_gets_alone(codec, chain):
    """The full model: recorded features cut to several lengths, with junk behind them."""
    features, lengths = chain["codec_features"], torch.tensor([60, 59, 37, 8, 1, 0])
    batch = 100 * torch.randn(6, 64, 1024, generator=torch.Generator().manual_seed(0))
    for row, length in enumerate(lengths.tolist()):
        batch[row, :length] = features[0, :length]
    together = codec.encode_batch(batch, lengths)
    assert [code.numel() for code in together] == lengths.tolist()
    for row, length in enumerate(lengths[:-1].tolist()):
        assert together[row].tolist() == codec.encode(features[:, :length])[0].tolist()
    assert together[0].tolist() == chain["codec_codes"][0].tolist()


@torch.no_grad()
def test_what_stands_in_the_padding_has_no_influence(small):
    generator = torch.Generator().manual_seed(1)
    features = torch.randn(8, 40, 24, generator=generator)
    lengths = torch.tensor([40, 1, 2, 3, 4, 17, 33, 39])
    expected = [small.encode(row[None, :length])[0] for row, length in zip(features, lengths.tolist())]
    padding = torch.arange(40) >= lengths[:, None]
    for junk in (0.0, 1e4, float("nan"), float("inf")):
        found = small.encode_batch(features.masked_fill(padding[..., None], junk), lengths)
        assert [code.tolist() for code in found] == [code.tolist() for code in expected]
        assert all(code.dtype == torch.int16 for code in found)


@torch.no_grad()
def test_without_lengths_padding_changes_the_codes(small):
    """Why `lengths` must be given: frames that are not cut off are heard by the frames before them."""
    features = torch.randn(1, 40, 24, generator=torch.Generator().manual_seed(1))
    padded = torch.cat([features[:, :20], torch.zeros(1, 20, 24)], 1)
    assert not torch.equal(small.encode(padded)[:, :20], small.encode(features[:, :20]))


def test_half_precision_around_it_does_not_change_the_codes(small):
    features = torch.randn(4, 200, 24, generator=torch.Generator().manual_seed(3)).half()
    with torch.autocast("cpu", torch.bfloat16):
        codes = small.encode(features)
    assert torch.equal(codes, small.encode(features.float()))


def test_a_length_beyond_the_features_is_an_error(small):
    with pytest.raises(ValueError, match="41 frames in a batch of 40"):
        small.encode_batch(torch.zeros(1, 40, 24), torch.tensor([41]))


@torch.no_grad()
def test_codes_are_the_directions_nearest_to_the_features(small):
    """An exhaustive search over the codebook, by distance between unit vectors."""
    features = torch.randn(2, 9, 24, generator=torch.Generator().manual_seed(2))
    points = {}
    small.to_code.register_forward_hook(lambda _, __, out: points.update(x=out))
    codes = small.encode(features)
    unit = lambda x: x / x.norm(dim=-1, keepdim=True)  # noqa: E731
    distances = torch.cdist(unit(points["x"]).flatten(0, 1), unit(small.codebook.weight))
    assert codes.flatten().tolist() == distances.argmin(-1).tolist()
    assert codes.unique().numel() > 1


@torch.no_grad()
def test_the_published_format_loads(small, tmp_path, monkeypatch):
    monkeypatch.setattr(semantic_codec, "SemanticCodec", lambda: SemanticCodec(**SMALL))
    names = reference_names(SMALL["blocks"])
    monkeypatch.setattr(semantic_codec, "reference_names", lambda: names)
    state = as_published(small)
    save_file(state, tmp_path / "model.safetensors")
    loaded = load_semantic_codec(tmp_path / "model.safetensors")
    for name, value in small.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[name], value)
    assert not loaded.training
    assert not any(parameter.requires_grad for parameter in loaded.parameters())

    del state["encoder.0.embed.bias"]
    save_file(state, tmp_path / "model.safetensors")
    with pytest.raises(InputError, match=r"model\.safetensors .* lacks 1 keys: encoder\.0\.embed\.bias"):
        load_semantic_codec(tmp_path / "model.safetensors")
