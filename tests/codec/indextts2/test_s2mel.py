"""S2Mel: it computes what the reference computed, rows do not see each other, and only its own file is loaded."""

import json
import math
import pickle
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from amharic_tts.codec.indextts2.s2mel.config import S2MelConfig
from amharic_tts.codec.indextts2.s2mel.flow_matching import euler, guided
from amharic_tts.codec.indextts2.s2mel.keys import names, unread
from amharic_tts.codec.indextts2.s2mel.length_regulator import nearest_frame
from amharic_tts.codec.indextts2.s2mel.load import load_s2mel
from amharic_tts.codec.indextts2.s2mel.model import S2Mel, mel_frames
from amharic_tts.codec.indextts2.s2mel.rows import drop, join, reflected
from amharic_tts.errors import InputError

GOLDEN = Path(__file__).parents[4] / "shared" / "golden"
needs_golden = pytest.mark.skipif(not GOLDEN.is_dir(), reason="needs ../shared/golden, which is not here")

SMALL = S2MelConfig(
    latent=12, latent_path=(6,), content=10, style=4, bands=8, dim=16, regulator_layers=2, depth=5, heads=2, feed=24,
    wavenet_layers=3, kernel=5,
)  # fmt: skip


def seeded(key: str, shape: list[int]) -> torch.Tensor:
    """The rule of golden/README.md that fills the reference's weights."""
    value = 0.05 * torch.randn(shape, generator=torch.Generator().manual_seed(zlib.crc32(key.encode())))
    return value + 1 if len(shape) == 1 and key.endswith((".weight", ".gamma")) else value


def close(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= 2e-4 * theirs.abs().max()


# --- against the reference -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reference_shapes():
    """Shapes of the file's tensors as the reference's inference holds them, without the `models.` before each name."""
    keys = json.loads((GOLDEN / "decode_chain_keys.json").read_text())["s2mel"]
    return {key.removeprefix("models."): shape for key, shape in keys.items()}


def write(path: Path, tensors: dict[str, torch.Tensor], **entries) -> Path:
    """Tensors in the format of `s2mel.pth`: a dictionary per part under `net`, other entries beside it."""
    net: dict[str, dict] = {}
    for key, value in tensors.items():
        part, _, name = key.partition(".")
        net.setdefault(part, {})[name] = value
    torch.save({"net": net, **entries}, path)
    return path


def cheap(shapes: dict) -> dict[str, torch.Tensor]:
    """Tensors of these shapes that take no room on the disk: each is one number, repeated."""
    return {key: torch.ones(()).expand(shape) for key, shape in shapes.items()}


@pytest.fixture(scope="module")
def model(reference_shapes, tmp_path_factory):
    """The full-size model, read from a file as large and as formed as the real one."""
    path = tmp_path_factory.mktemp("s2mel") / "s2mel.pth"
    tensors = {key: seeded("models." + key, shape) for key, shape in reference_shapes.items()}
    write(path, tensors, epoch=3, optimizer={"state": [torch.zeros(2)]})
    yield load_s2mel(path)
    path.unlink()


@pytest.fixture(scope="module")
def golden():
    if not GOLDEN.is_dir():
        pytest.skip("needs ../shared/golden, which is not here")
    return {key: torch.from_numpy(value) for key, value in np.load(GOLDEN / "decode_chain.npz").items()}


@needs_golden
@torch.no_grad()
def test_content_and_conditions(model, golden):
    latent = model.latent(golden["s2mel_gpt_latent"])
    close(latent, golden["s2mel_gpt_layer"])
    codes = torch.tensor([latent.size(1)])
    assert mel_frames(codes).tolist() == golden["s2mel_target_len"].tolist() == [68]
    close(model.condition(latent + golden["s2mel_semantic"], codes, mel_frames(codes)), golden["s2mel_cond"])


@needs_golden
def test_mel_of_five_steps(model, golden):
    prompt = golden["s2mel_ref_mel"].size(2)
    noise = golden["s2mel_noise"][:, :, prompt:]
    mel, frames = model.synthesize(
        golden["s2mel_gpt_latent"], golden["s2mel_semantic"], torch.tensor([40]), golden["s2mel_prompt_cond"],
        golden["s2mel_ref_mel"], torch.tensor([prompt]), golden["s2mel_style"], steps=5, guidance=0.7, noise=noise,
    )  # fmt: skip
    assert frames.tolist() == [68]
    expected = golden["s2mel_mel_5steps"]
    assert expected[:, :, :prompt].abs().max() == 0  # the reference keeps the prompt's place, and it is empty
    # Most of the sample is still the noise: what is compared is the way it went.
    close(mel - noise, expected[:, :, prompt:] - noise)


@needs_golden
def test_every_key_has_a_place_or_a_reason(reference_shapes):
    """284 keys: loaded (weight-norm halves together), computed, or known and never read; every parameter is filled."""
    config = S2MelConfig()
    assert len(reference_shapes) == 284
    merged = {key.removesuffix("_g").removesuffix("_v") for key in reference_shapes}
    unplaced = merged - names(config).keys()
    assert all(unread(config).fullmatch(key) for key in unplaced)
    assert not any(unread(config).fullmatch(key) for key in names(config))
    assert names(config).keys() <= merged
    with torch.device("meta"):
        ours = S2Mel(config).state_dict()
    assert sorted(names(config).values()) == sorted(ours)
    # 14 of skip layers with nothing to merge, 6 for inputs that the system does not have, 3 tables
    assert len(unplaced) == 23


# --- rows of a batch --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    model = S2Mel(SMALL).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


@pytest.fixture
def batch():
    """Three rows with other numbers of codes, prompt frames and frames; padding is junk on purpose."""
    g = torch.Generator().manual_seed(1)
    rand = lambda *shape: torch.randn(*shape, generator=g)  # noqa: E731
    return {
        "latents": rand(3, 12, 12), "embedding": rand(3, 12, 10), "lengths": torch.tensor([12, 3, 7]),
        "prompt_condition": rand(3, 9, 16), "prompt_mel": rand(3, 8, 9), "prompt_frames": torch.tensor([4, 9, 6]),
        "style": rand(3, 4), "frames": torch.tensor([20, 5, 13]), "noise": rand(3, 8, 20),
    }  # fmt: skip


def row(batch: dict, i: int) -> dict:
    """Row i of the batch, alone and without padding."""
    codes, prompt, frames = (int(batch[key][i]) for key in ("lengths", "prompt_frames", "frames"))
    alone = {key: value[i : i + 1] for key, value in batch.items()}
    for key in ("latents", "embedding"):
        alone[key] = alone[key][:, :codes]
    alone["prompt_condition"] = alone["prompt_condition"][:, :prompt]
    alone["prompt_mel"] = alone["prompt_mel"][:, :, :prompt]
    alone["noise"] = alone["noise"][:, :, :frames]
    return alone


@pytest.mark.parametrize("guidance", [0.7, 0.0])
def test_a_row_comes_out_as_it_would_alone(small, batch, guidance):
    mels, frames = small.synthesize(**batch, steps=3, guidance=guidance)
    assert mels.shape == (3, 8, 20)
    assert frames.tolist() == [20, 5, 13]
    for i in range(3):
        alone, _ = small.synthesize(**row(batch, i), steps=3, guidance=guidance)
        torch.testing.assert_close(mels[i : i + 1, :, : frames[i]], alone, rtol=1e-4, atol=1e-5)
        assert torch.allclose(mels[i, :, frames[i] :], torch.tensor(math.log(1e-5)))  # silence after the end


@torch.no_grad()
def test_conditions_of_a_batch_are_those_of_its_rows(small, batch):
    content, lengths, frames = batch["embedding"], batch["lengths"], batch["frames"]
    together = small.condition(content, lengths, frames)
    for i in range(3):
        alone = small.condition(content[i : i + 1, : lengths[i]], lengths[i : i + 1], frames[i : i + 1])
        torch.testing.assert_close(together[i : i + 1, : frames[i]], alone, rtol=1e-4, atol=1e-5)
        assert not together[i, frames[i] :].any()


def test_every_input_counts(small, batch):
    mel, _ = small.synthesize(**batch, steps=2)
    for key in ("latents", "embedding", "prompt_condition", "prompt_mel", "style", "noise"):
        other, _ = small.synthesize(**{**batch, key: batch[key] + 1}, steps=2)
        assert (other - mel)[0].abs().max() > 1e-3, key
    unguided, _ = small.synthesize(**batch, steps=2, guidance=0.0)
    assert (unguided - mel)[0].abs().max() > 1e-3


def test_the_same_seed_gives_the_same_mel(small, batch):
    del batch["noise"], batch["frames"]
    draw = lambda seed: small.synthesize(**batch, steps=1, generator=torch.Generator().manual_seed(seed))  # noqa: E731
    (a, frames), (b, _), (c, _) = draw(5), draw(5), draw(6)
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    assert frames.tolist() == [20, 5, 12]  # ⌊1.72 · (12, 3, 7)⌋


def test_half_precision_stays_near(small, batch):
    mel, _ = small.synthesize(**batch, steps=3)
    lower = S2Mel(SMALL).eval()
    lower.load_state_dict(small.state_dict())
    of_the_network = ("latents", "embedding", "prompt_condition", "style")  # the mel and the noise are float32
    halved = {key: value.bfloat16() if key in of_the_network else value for key, value in batch.items()}
    ours, _ = lower.bfloat16().synthesize(**halved, steps=3)
    assert ours.dtype == torch.float32  # the sample itself is never rounded
    assert (ours - mel)[:, :, :5].abs().max() < 0.1 * mel[:, :, :5].abs().max()


@pytest.mark.parametrize("change", [{"steps": 0}, {"lengths": torch.tensor([12, 0, 7])}])
def test_what_cannot_be_made_is_refused(small, batch, change):
    with pytest.raises(ValueError, match=r"steps|without codes"):
        small.synthesize(**{**batch, **change})


# --- the parts --------------------------------------------------------------------------------------------------------


def test_stretching_reads_the_codes_that_torch_reads():
    """Frame by frame as torch's nearest-neighbour interpolation, rounding included, up to the longest generation."""
    for codes in [1, 2, 3, 7, 25, 40, 43, 50, 100, 333, 600, 1000, 1815]:
        for frames in {codes, codes * 172 // 100, codes * 86, 43, 68, 301}:
            if frames:
                ours = nearest_frame(torch.tensor([codes]), torch.tensor([frames]))[0]
                theirs = F.interpolate(torch.arange(codes).float()[None, None], size=frames)[0, 0].long()
                assert torch.equal(ours, theirs), (codes, frames)


def test_frames_of_codes_are_exact():
    codes = torch.arange(1, 3000)
    assert mel_frames(codes).tolist() == [math.floor(172 * n / 100) for n in range(1, 3000)]
    assert torch.equal(mel_frames(codes), (codes * 1.72).long())  # as the reference rounds


def test_a_row_is_mirrored_at_its_own_ends():
    places = reflected(torch.tensor([5, 3]), 5, 2)
    assert places.tolist()[0] == [2, 1, 0, 1, 2, 3, 4, 3, 2]
    assert places.tolist()[1][:7] == [2, 1, 0, 1, 2, 1, 0]
    assert places.min() >= 0
    assert (places < torch.tensor([[5], [3]])).all()
    x = torch.randn(1, 1, 5)
    assert torch.equal(x[..., places[0]], F.pad(x, (2, 2), mode="reflect"))


def test_joining_leaves_no_gap_and_dropping_undoes_it():
    a, b = torch.tensor([[[1.0], [2.0]], [[3.0], [9.0]]]), torch.tensor([[[4.0], [5.0]], [[6.0], [7.0]]])
    first, second = torch.tensor([2, 1]), torch.tensor([1, 2])
    joined = join(a, first, b, second)
    assert joined[..., 0].tolist() == [[1, 2, 4], [3, 6, 7]]
    assert drop(joined, first, second, padding=-1.0)[..., 0].tolist() == [[4, -1], [6, 7]]


def test_euler_follows_the_field_and_holds_what_is_still():
    still = torch.tensor([[True, False, False]])
    seen = []

    def field(x, time):
        seen.append(round(float(time), 6))
        assert not x[0, 0].any()
        return x * 0 + 2 * time

    end = euler(torch.ones(1, 3, 2), field, still, 4)
    assert seen == [0, 0.25, 0.5, 0.75]
    # left Riemann sum of 2t: 2 · (0 + ¼ + ½ + ¾) / 4
    torch.testing.assert_close(end, torch.tensor([0.0, 1.75, 1.75])[None, :, None].expand(1, 3, 2))


def test_guidance_moves_away_from_the_unconditional():
    assert guided(torch.tensor(3.0), torch.tensor(1.0), 0.5) == 4.0
    assert guided(torch.tensor(3.0), torch.tensor(1.0), 0.0) == 3.0


# --- the file ---------------------------------------------------------------------------------------------------------


@needs_golden
def test_names_of_parallel_training_are_understood(reference_shapes, tmp_path):
    tensors = cheap(reference_shapes)
    path = tmp_path / "s2mel.pth"
    parts = {part: {} for part in ("cfm", "length_regulator", "gpt_layer")}
    for key, value in tensors.items():
        part, _, name = key.partition(".")
        parts[part]["module." + name] = value
    torch.save({"net": parts}, path)
    state = load_s2mel(path).state_dict()
    # ones everywhere: a merged weight norm is 1 / √(inputs), everything else stays 1
    torch.testing.assert_close(state["velocity.final.weight"], torch.full((512, 512), 512**-0.5))
    assert state["regulator.project.weight"].eq(1).all()


@needs_golden
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda t: t.pop("cfm.estimator.conv1.bias"), "lacks 1 keys: cfm.estimator.conv1.bias"),
        (lambda t: t.pop("gpt_layer.0.weight"), "lacks 1 keys: gpt_layer.0.weight"),
        (lambda t: t.pop("cfm.estimator.final_layer.linear.weight_g"), "final_layer.linear.weight"),
        (lambda t: t.update({"cfm.surprise": torch.ones(1)}), "unknown 1 keys: cfm.surprise"),
        (lambda t: t.update({"gpt_layer.1.bias": torch.ones(127)}), r"gpt_layer.1.bias has shape \(127,\)"),
        (lambda t: [t.pop(k) for k in list(t) if k.startswith("cfm.")], "no part 'cfm'"),
    ],
)
def test_another_file_is_refused(reference_shapes, tmp_path, damage, message):
    tensors = cheap(reference_shapes)
    damage(tensors)
    path = write(tmp_path / "s2mel.pth", tensors)
    with pytest.raises(InputError, match=message):
        load_s2mel(path)


class Code:
    def __reduce__(self):
        return Path.touch, (Path("executed"),)


def test_a_file_with_code_is_refused_and_not_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"net": {"cfm": Code()}}, tmp_path / "s2mel.pth")
    with pytest.raises(InputError, match="holds more than tensors"):
        load_s2mel(tmp_path / "s2mel.pth")
    assert not (tmp_path / "executed").exists()


def test_damaged_and_foreign_files_are_refused(tmp_path):
    path = tmp_path / "s2mel.pth"
    with pytest.raises(InputError, match="cannot be read"):
        load_s2mel(path)
    torch.save({"net": {"cfm": {"a": torch.zeros(1000)}}}, path)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(InputError, match="cannot be read"):
        load_s2mel(path)
    path.write_bytes(pickle.dumps({"net": 1}))
    with pytest.raises(InputError, match=r"cannot be read|more than tensors"):
        load_s2mel(path)
    for content in ({"model": {}}, [torch.zeros(1)], {"net": [1]}):
        torch.save(content, path)
        with pytest.raises(InputError, match="no entry 'net'"):
            load_s2mel(path)
