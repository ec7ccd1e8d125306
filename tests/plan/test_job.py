"""A plan of real shards is of what training does with them."""

from dataclasses import replace

import pytest
from data.conftest import corpus, packed  # noqa: F401
from model.indextts2_folder import SMALL, extended_tokenizer, write_folder

from amharic_tts.bases.indextts2 import IndexTTS2
from amharic_tts.codec.indextts2.record import IndexTTS2Codes
from amharic_tts.data.load import load_steps
from amharic_tts.model.config import ModelConfig
from amharic_tts.plan.forecast import forecast
from amharic_tts.plan.job import make_job, sizes_for
from amharic_tts.plan.states import Machine
from amharic_tts.plan.workload import step_shapes
from amharic_tts.train.recipe import load_recipe
from amharic_tts.train.session import base_of, chart, open_data, sizes

RECIPE = """
model: {dim: 32, layers: 2, heads: 2, max_text: 200, max_codes: 1000, dropout: 0.0,
  conditioning: {dim: 16, linear_units: 32, heads: 2, blocks: 1, latents: 4}}
data: {step_tokens: 700}
run: {epochs: 3}
"""


@pytest.fixture(scope="module")
def recipe(packed, tmp_path_factory):  # noqa: F811
    path = tmp_path_factory.mktemp("job") / "recipe.yaml"
    path.write_text(RECIPE)
    return load_recipe(path, [f"data.train={packed}"])


def test_steps_sizes_and_micro_batches_are_those_of_training(project, recipe):
    job = make_job("t4", recipe, Machine(), project / "ds_configs" / "t4.json")
    data = open_data(recipe)
    config = sizes(base_of(recipe), data)
    assert job.model == config
    assert forecast(job).steps == chart(recipe, data, config, 4096).ends[-1]
    shapes = [rank for [rank] in step_shapes(job.work, 1, 300)]
    steps = list(load_steps(data.train, job.work.plan, 0, 1, 300, epochs=1))
    assert len(shapes) == len(steps)
    for planned, taken in zip(shapes, steps, strict=True):
        assert sum(shape.positions for shape in planned) == taken.padded_tokens
        assert sum(shape.text_targets for shape in planned) == taken.text_targets
        assert sum(shape.code_targets for shape in planned) == taken.code_targets
        assert [shape.rows for shape in planned] == [len(batch.uids) for batch in taken.microbatches]


def test_the_base_decides_the_sizes_and_without_it_the_published_ones(project, tmp_path):
    folder = tmp_path / "base"
    write_folder(folder)
    tokenizer = extended_tokenizer()
    codec = IndexTTS2Codes(
        codes="0" * 32, encoders="1" * 32, conditioning="latents", conditioning_width=SMALL.dim,
        conditioning_rows=SMALL.stored_rows, size=SMALL.code_rows - 2,
    )  # fmt: skip
    full = load_recipe(project / "launch" / "recipes" / "full.yaml", [f"base_folder={folder}"])
    assert sizes_for(full, tokenizer, codec) == (IndexTTS2(folder, 0.1).sizes(tokenizer, codec), [])
    found, assumed = sizes_for(replace(full, base_folder=str(tmp_path / "none")), tokenizer, codec)
    assert "published sizes" in assumed[0]
    assert found.layers == ModelConfig().layers
    assert found.text_rows == ModelConfig().text_rows + tokenizer.size - tokenizer.base_size
