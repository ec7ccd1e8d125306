"""A base folder: what belongs to it, what is found missing or wrong, and that nothing in it leads elsewhere."""

import copy
import importlib.util
import json
import re
from pathlib import Path, PurePosixPath

import pytest
import torch
import yaml
from model.indextts2_folder import settings, write_folder, write_settings
from safetensors.torch import save_file

from amharic_tts.codec.indextts2 import base_folder
from amharic_tts.codec.indextts2.base_check import FileState, check
from amharic_tts.codec.indextts2.base_folder import (
    CHAIN,
    LOADERS,
    SOURCES,
    File,
    Source,
    load_matrix,
    load_statistics,
    read_w2v_bert_head,
    require_chain,
    sha256,
)
from amharic_tts.errors import InputError

FILES = [file for source in SOURCES for file in source.files]


# --- what belongs to it -----------------------------------------------------------------------------------------------


def test_every_file_has_a_place_of_its_own_inside_the_folder():
    assert len({file.path for file in FILES}) == len(FILES)
    for file in FILES:
        for path in (file.path, file.remote):
            parts = PurePosixPath(path).parts
            assert parts
            assert ".." not in parts
            assert not PurePosixPath(path).is_absolute()
        assert file.size > 0
        assert file.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", file.sha256)
    for source in SOURCES:
        assert re.fullmatch(r"[0-9a-f]{40}", source.revision)
        assert source.page == f"https://huggingface.co/{source.repository}"
        assert source.licence
        assert source.terms


def test_files_beyond_a_megabyte_have_a_published_hash():
    """The hub's own hash comes from where the file comes; for what holds weights that is not enough."""
    assert [file.path for file in FILES if file.size > 2**20 and file.sha256 is None] == []


def test_the_licence_that_forbids_trade_says_so():
    [source] = (source for source in SOURCES if source.repository == "amphion/MaskGCT")
    assert (source.licence, source.terms) == ("CC BY-NC 4.0", "NOT for commercial use")


def test_every_part_is_loaded_from_its_published_file(tmp_path):
    """Each loader names the file that it misses, and together they miss every file that this package reads."""
    missed = set()
    for load in LOADERS.values():
        with pytest.raises(InputError) as caught:
            load(tmp_path)
        missed |= {file.path for file in FILES if str(tmp_path / file.path) in str(caught.value)}
    above = {"gpt.pth", "bpe.model", "config.yaml"}
    never_read = {"LICENSE.txt", "w2v-bert-2.0/preprocessor_config.json", "w2v-bert-2.0/model.safetensors"}
    assert missed == {file.path for file in FILES} - above - never_read


# --- what is found ----------------------------------------------------------------------------------------------------


def small(content: bytes = b"weights", **change) -> tuple[Source, ...]:
    """One source with one file of this content."""
    values = {"path": "part/a.pth", "remote": "a.pth", "size": len(content)} | change
    return (Source("a model", "someone/model", "0" * 40, "MIT", "free use", (File(**values),)),)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.pth", b"weights", ""),
        ("other", b"weights", "missing"),
        (".a.pth.00000000.part", b"wei", "begun"),
        ("a.pth", b"weight", "has 6 bytes, 7 are published"),
        ("a.pth", b"WEIGHTS", "another file of the same size"),
    ],
)
def test_the_state_of_a_file(tmp_path, name, content, expected):
    (tmp_path / "part").mkdir()
    (tmp_path / "part/sound").write_bytes(b"weights")
    sources = small(sha256=sha256(tmp_path / "part/sound"))
    (tmp_path / "part" / name).write_bytes(content)
    [state] = check(tmp_path, {}, sources)
    assert isinstance(state, FileState)
    assert expected in state.trouble
    assert bool(state.trouble) == bool(expected)
    assert "part/a.pth" in str(state)


def test_without_a_published_hash_the_size_is_compared(tmp_path):
    (tmp_path / "part").mkdir()
    (tmp_path / "part/a.pth").write_bytes(b"WEIGHTS")
    [state] = check(tmp_path, {}, small())
    assert not state.trouble


def test_a_part_that_does_not_load_does_not_hide_the_others(tmp_path):
    def broken(folder: Path) -> None:
        raise InputError(f"{folder}/x is damaged")

    states = list(check(tmp_path, {"one": broken, "two": lambda folder: None}, ()))
    assert [(state.name, bool(state.trouble)) for state in states] == [("one", True), ("two", False)]
    assert "does not load" in str(states[0])
    assert "x is damaged" in str(states[0])
    assert str(states[1]).endswith("loads")


def test_no_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"none is no folder; `python tools/download_base\.py --out"):
        list(check(tmp_path / "none", {}))


# --- the small parts --------------------------------------------------------------------------------------------------


def test_statistics(tmp_path):
    path = tmp_path / "wav2vec2bert_stats.pt"
    mean, variance = torch.randn(1024, dtype=torch.float64), torch.rand(1024) + 0.1
    torch.save({"mean": mean, "var": variance}, path)
    found = load_statistics(path)
    assert torch.equal(found[0], mean.float())
    assert torch.equal(found[1], variance)
    for other, message in (
        ({"mean": mean}, "no var of 1024"),
        ({"mean": mean[:9], "var": variance}, "no mean of 1024"),
        ({"mean": mean, "var": variance * float("nan")}, "no var of 1024 finite"),
        ({"mean": mean, "var": variance - 1}, "not positive"),
        ({"mean": 1.0, "var": variance}, "state dict"),
    ):
        torch.save(other, path)
        with pytest.raises(InputError, match=message):
            load_statistics(path)


def test_matrices(tmp_path):
    path = tmp_path / "feat1.pt"
    torch.save(torch.ones(73, 192), path)
    assert load_matrix(path, 192).shape == (73, 192)
    for other in (torch.ones(73, 191), torch.ones(192), {"a": torch.ones(73, 192)}):
        torch.save(other, path)
        with pytest.raises(InputError, match="no matrix of width 192"):
            load_matrix(path, 192)


@pytest.fixture
def w2v_bert(tmp_path):
    """A folder with the real names of tensors, the tensors themselves left out."""
    config = {"model_type": "wav2vec2-bert", "hidden_size": 1024}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(
        {f"encoder.layers.{i}.final_layer_norm.weight": torch.ones(4) for i in range(24)},
        tmp_path / "model.safetensors",
    )
    return tmp_path


def test_the_head_of_w2v_bert(w2v_bert):
    read_w2v_bert_head(w2v_bert)
    weights = w2v_bert / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1])
    with pytest.raises(InputError, match=r"model\.safetensors cannot be read as tensors"):
        read_w2v_bert_head(w2v_bert)
    save_file({f"encoder.layers.{i}.final_layer_norm.weight": torch.ones(4) for i in range(16)}, weights)
    with pytest.raises(InputError, match=r"lacks 1 layers .*encoder\.layers\.16\."):
        read_w2v_bert_head(w2v_bert)
    for text in ("{", "[]", '{"model_type": "bert", "hidden_size": 1024}', '{"model_type": "wav2vec2-bert"}'):
        (w2v_bert / "config.json").write_text(text)
        with pytest.raises(InputError, match=r"config\.json"):
            read_w2v_bert_head(w2v_bert)


# --- what config.yaml says --------------------------------------------------------------------------------------------


def full_settings() -> dict:
    """Every compared setting, nested as in the file."""
    values: dict = {}
    for setting, value in CHAIN.items():
        *sections, name = setting.split(".")
        place = values
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return yaml.safe_load(yaml.safe_dump(values))


def test_the_published_settings_pass_and_absent_ones_are_not_asked():
    require_chain(full_settings())
    require_chain({})
    require_chain(settings())
    require_chain({"s2mel": {"DiT": {}}, "vocoder": {"type": "bigvgan"}})


@pytest.mark.parametrize("setting", CHAIN)
def test_another_size_is_refused_by_name(setting):
    built = CHAIN[setting]
    same_in_another_type = [] if isinstance(built, str) else [int(built) if isinstance(built, bool) else float(built)]
    for other in ("?", -1, None, [1], {"a": 1}, 10**30, 1.5, *same_in_another_type):
        values = full_settings()
        *sections, name = setting.split(".")
        place = values
        for section in sections:
            place = place[section]
        place[name] = other
        with pytest.raises(InputError, match=rf"config\.yaml: {re.escape(setting)} is "):
            require_chain(values)


@pytest.mark.parametrize("section", ["s2mel", "semantic_codec", "vocoder"])
@pytest.mark.parametrize("other", [None, "x", [1], 3])
def test_what_is_no_section_is_refused(section, other):
    with pytest.raises(InputError, match=rf"{section}\."):
        require_chain(full_settings() | {section: other})


class Code:
    """Unpickled, it would create a file."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.fixture
def tool():
    """tools/download_base.py as a module."""
    path = Path(base_folder.__file__).parents[3] / "tools/download_base.py"
    spec = importlib.util.spec_from_file_location("download_base", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file with its content and time of change."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gpt_checkpoint": "../outside/trap.pth"}, "leaves the folder"),
        ({"gpt_checkpoint": "{outside}/trap.pth"}, "leaves the folder"),
        ({"s2mel_checkpoint": "../outside/trap.pth"}, "leaves the folder"),
        ({"w2v_stat": "../outside/trap.pth"}, "leaves the folder"),
        ({"dataset": {"bpe_model": "../outside/trap.pth"}}, "leaves the folder"),
        ({"vocoder": {"name": "../outside"}}, "no owner/name"),
        ({"vocoder": {"name": "someone/other"}}, "is built in"),
        ({"gpt": {"layers": 10**9}}, "layers must be"),
        ({"gpt": {"model_dim": "huge"}}, "model_dim must be"),
        ({"s2mel": {"DiT": {"depth": 10**9}}}, "depth is"),
    ],
)
def test_no_setting_leads_out_of_the_folder(tool, tmp_path, capsys, change, message):
    """A folder whose config.yaml points at a file with code, or asks for sizes that do not exist: it is named in the
    check, the file is neither read nor run, and nothing is written anywhere."""
    base, outside = tmp_path / "base", tmp_path / "outside"
    outside.mkdir()
    torch.save({"weight": Code(tmp_path / "ran")}, outside / "trap.pth")
    write_folder(base)
    values = copy.deepcopy(settings())
    for name, value in change.items():
        if isinstance(value, dict):
            values[name] = values.get(name, {}) | value
        else:
            values[name] = value.format(outside=outside)
    write_settings(base, values)
    before = snapshot(tmp_path)
    assert tool.check_folder(base) == 1
    [line] = (
        line for line in capsys.readouterr().out.splitlines() if line.startswith("config.yaml") and "load" in line
    )
    assert "does not load" in line
    assert message in line
    assert snapshot(tmp_path) == before
    assert not (tmp_path / "ran").exists()


def test_a_sound_small_folder_loads_as_far_as_it_goes(tool, tmp_path, capsys):
    """Its sizes are not the published ones, its language model and settings load all the same."""
    write_folder(tmp_path)
    assert tool.check_folder(tmp_path) == 1
    said = capsys.readouterr().out
    for part in ("config.yaml", "bpe.model", "language model"):
        assert re.search(rf"^{re.escape(part)} +loads$", said, re.MULTILINE), said
    assert re.search(r"^S2Mel +does not load", said, re.MULTILINE)
