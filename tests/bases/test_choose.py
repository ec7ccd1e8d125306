"""Which base a checkpoint was trained on, and what is said when it is not there."""

import json

import pytest
import yaml
from model.indextts2_folder import SMALL, write_folder

from amharic_tts.bases.choose import RECORD, base_of_checkpoint, choose_base
from amharic_tts.errors import InputError
from amharic_tts.model.config import ModelConfig


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("base")
    write_folder(directory, SMALL)
    return directory


@pytest.fixture
def checkpoint(tmp_path, folder):
    """A function that makes what a checkpoint says of its base."""

    def make(identity: dict, base_folder=folder):
        (tmp_path / RECORD).write_text(json.dumps(identity))
        (tmp_path / "recipe.yaml").write_text(
            yaml.safe_dump({"base": identity["name"], "base_folder": str(base_folder)})
        )
        (tmp_path / "model.json").write_text(json.dumps(SMALL.to_dict() | {"lora": None}))
        return tmp_path

    return make


def test_a_checkpoint_knows_its_base_wherever_it_lies_now(checkpoint, folder, tmp_path):
    identity = choose_base("indextts2", folder, ModelConfig()).identity()
    assert base_of_checkpoint(checkpoint(identity)).identity() == identity
    moved = checkpoint(identity, "somewhere/else")
    with pytest.raises(InputError, match=r"is not in .*somewhere/else: say where it lies with --base DIR"):
        base_of_checkpoint(moved)
    assert base_of_checkpoint(moved, folder).identity() == identity


def test_another_base_is_refused(checkpoint):
    with pytest.raises(InputError, match=r"was trained on indextts2 \(gpt 0000.*, not on indextts2 \(gpt"):
        base_of_checkpoint(checkpoint({"name": "indextts2", "gpt": "0" * 64}))


def test_a_base_that_nobody_knows_is_refused(checkpoint):
    with pytest.raises(InputError, match="no base is called 'xtts'; known are scratch, indextts2"):
        base_of_checkpoint(checkpoint({"name": "xtts"}))


def test_a_checkpoint_that_does_not_say_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not say which base"):
        base_of_checkpoint(tmp_path)


def test_without_its_weights_a_base_has_no_identity(tmp_path):
    write_folder(tmp_path, SMALL)
    (tmp_path / "gpt.pth").unlink()
    with pytest.raises(InputError, match=r"gpt.pth cannot be read .*download_base.py"):
        choose_base("indextts2", tmp_path, ModelConfig()).identity()
