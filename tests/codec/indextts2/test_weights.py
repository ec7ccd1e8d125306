"""Files that are damaged or hold more than tensors are refused, and every key is accounted for."""

import pickle
import re

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from amharic_tts.codec.indextts2.weights import fill, merge_weight_norm, read_tensors
from amharic_tts.errors import InputError

NOTHING = re.compile(r"(?!)")
STATE = {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.ones(2)}
NAMES = {"weight": "weight", "bias": "bias"}


class RunsOnLoad:
    """Unpickled, it would create the file that it names."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def test_both_formats_give_the_same_tensors(tmp_path):
    torch.save(STATE, tmp_path / "a.bin")
    torch.save(STATE, tmp_path / "old.bin", _use_new_zipfile_serialization=False)
    torch.save({"generator": STATE, "steps": 5}, tmp_path / "b.pt")
    save_file(STATE, tmp_path / "c.safetensors")
    for path, inside in (("a.bin", None), ("old.bin", None), ("b.pt", "generator"), ("c.safetensors", None)):
        found = read_tensors(tmp_path / path, inside)
        assert found.keys() == STATE.keys()
        assert all(torch.equal(found[key], STATE[key]) for key in STATE)


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    trap = tmp_path / "trap"
    torch.save(STATE | {"extra": RunsOnLoad(trap)}, tmp_path / "zip.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(RunsOnLoad(trap), protocol=2))
    for name in ("zip.pt", "plain.pt"):
        with pytest.raises(InputError, match=rf"{name} is damaged or holds more than tensors.*download_base"):
            read_tensors(tmp_path / name)
    assert not trap.exists()


@pytest.mark.parametrize("name", ["a.pt", "old.bin", "a.safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path, name, share):
    path = tmp_path / name
    if name.endswith(".safetensors"):
        save_file(STATE, path)
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=name != "old.bin")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(InputError, match=name):
        read_tensors(path)


@pytest.mark.parametrize("content", [[torch.ones(2)], {"epoch": 3}, {1: torch.ones(2)}, torch.ones(2)])
def test_what_is_no_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(InputError, match="does not hold a state dict"):
        read_tensors(tmp_path / "a.pt")


def test_a_missing_file_is_named(tmp_path):
    for name in ("none.pt", "none.safetensors"):
        with pytest.raises(InputError, match=name):
            read_tensors(tmp_path / name)


def test_weight_norm_is_merged_as_torch_computes_it():
    for layer in (nn.Conv1d(3, 4, 5), nn.ConvTranspose1d(3, 4, 5)):
        normed = nn.utils.parametrizations.weight_norm(layer)
        with torch.no_grad():
            normed.parametrizations.weight.original0.uniform_(0.5, 2)
        state = {
            "x.weight_g": normed.parametrizations.weight.original0,
            "x.weight_v": normed.parametrizations.weight.original1,
            "x.bias": normed.bias,
        }
        merged = merge_weight_norm(state)
        assert merged.keys() == {"x.weight", "x.bias"}
        torch.testing.assert_close(merged["x.weight"], normed.weight)


def test_half_of_a_weight_norm_pair_stays_and_is_refused():
    with pytest.raises(InputError, match="lacks 1 keys: weight"):
        fill(
            nn.Linear(3, 2),
            merge_weight_norm({"weight_g": torch.ones(2, 1), "bias": torch.ones(2)}),
            NAMES,
            NOTHING,
            "f",
        )


def test_fill_loads_every_tensor_and_drops_axes_of_length_one():
    layer = nn.Linear(3, 2)
    fill(layer, {"weight": STATE["weight"][..., None].half(), "bias": STATE["bias"], "step": torch.ones(())}, NAMES, re.compile("step"), "f")  # fmt: skip
    assert torch.equal(layer.weight, STATE["weight"])
    assert torch.equal(layer.bias, STATE["bias"])
    assert layer.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bias": None}, "f is not the file this model takes: it lacks 1 keys: bias"),
        ({"other": torch.ones(1)}, "has unknown 1 keys: other"),
        ({"weight": torch.ones(3, 2)}, r"weight has shape \(3, 2\), \(2, 3\) is needed"),
        ({"weight": torch.ones(6)}, r"weight has shape \(6,\)"),
        ({"bias": torch.ones(2, 2)}, r"bias has shape \(2, 2\)"),
    ],
)
def test_fill_refuses_what_does_not_fit(change, message):
    state = {key: value for key, value in (STATE | change).items() if value is not None}
    with pytest.raises(InputError, match=message):
        fill(nn.Linear(3, 2), state, NAMES, NOTHING, "f")
