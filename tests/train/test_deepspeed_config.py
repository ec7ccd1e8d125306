import json

import pytest

from amharic_tts.errors import InputError
from amharic_tts.train.deepspeed_config import load_engine_config
from amharic_tts.train.recipe import OptimizerSection

SOUND = {"zero_optimization": {"stage": 2}, "amharic_tts": {"micro_batch_tokens": 100}}


def load(tmp_path, values):
    path = tmp_path / "ds.json"
    path.write_text(values if isinstance(values, str) else json.dumps(values))
    return load_engine_config(path, OptimizerSection(learning_rate=1e-3, weight_decay=0.5))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"gradient_clippin": 1.0}, r"unknown key 'gradient_clippin' \(did you mean 'gradient_clipping'\?\)"),
        ({"train_batch_size": 8}, "data.step_tokens"),
        ({"scheduler": {"type": "WarmupLR"}}, "'scheduler' does not belong here"),
        ({"zero_optimization": {"stage": 0}}, "stage must be 1, 2 or 3, not 0"),
        (
            {"zero_optimization": {"stage": 2, "offload_param": {"device": "cpu"}}},
            "offload_param works at stage 3 only",
        ),
        ({"zero_optimization": {"stage": 2, "overlap_com": True}}, "overlap_com"),
        ({"fp16": {"enabled": True, "loss_scal": 0}}, "loss_scal"),
        ({"fp16": {"enabled": True}, "bf16": {"enabled": True}}, "bfloat16 and fp16"),
        ({"optimizer": {"type": "AdamW", "params": {"lr": 1}}}, "'optimizer.params.lr' does not belong here"),
        ({"optimizer": {"type": "AdmW"}}, "optimizer.type must be AdamW, not 'AdmW'"),
        ({"optimizer": {"parms": {}}}, r"unknown key 'optimizer.parms' \(did you mean 'params'\?\)"),
        ({"optimizer": {"params": None}}, "optimizer.params: expected an object of settings, found nothing"),
        ({"optimizer": {"params": {"torch_adm": True}}}, r"'optimizer.params.torch_adm' \(did you mean 'torch_adam'"),
        ({"data_types": {"grad_acum_dtype": "fp32"}}, r"'data_types.grad_acum_dtype' \(did you mean"),
        ({"data_types": {"grad_accum_dtype": "fp99"}}, "'fp99' is not one of fp32, fp16, bf16"),
        ({"data_types": 3}, "data_types: expected an object of settings, found int 3"),
        ({"activation_checkpointing": {"partition_activation": True}}, "unknown key 'activation_checkpointing.part"),
        ({"flops_profiler": {"enabld": True}}, r"unknown key 'flops_profiler.enabld' \(did you mean 'enabled'\?\)"),
        ({"gradient_clipping": "x"}, "gradient_clipping: expected a number above 0, found str 'x'"),
        ({"gradient_clipping": None}, "gradient_clipping: expected a number above 0, found nothing"),
        ({"zero_optimization": {"stage": 1, "overlap_comm": True}}, "overlap_comm works at stage 2 only"),
        ({"amharic_tts": {}}, "missing key 'amharic_tts.micro_batch_tokens'"),
        ({"amharic_tts": {"micro_batch_tokens": 1, "micro": 2}}, "unknown key 'amharic_tts.micro'"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, change, message):
    with pytest.raises(InputError, match=f"(?s)ds.json.*{message}"):
        load(tmp_path, SOUND | change)


def test_unreadable_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="not readable JSON"):
        load(tmp_path, "{")
    with pytest.raises(InputError, match="does not exist"):
        load_engine_config(tmp_path / "none.json", OptimizerSection())


def test_the_recipe_decides_what_is_learned(tmp_path):
    config = load(tmp_path, SOUND).deepspeed
    assert config["optimizer"]["params"] == {"lr": 1e-3, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.5}
    assert config["data_types"]["grad_accum_dtype"] == "fp32"
    assert "amharic_tts" not in config


def test_every_shipped_configuration_is_sound(project):
    shipped = sorted((project / "ds_configs").glob("*.json"))
    assert {p.stem for p in shipped} >= {"cpu", "t4"}
    for path in shipped:
        load_engine_config(path, OptimizerSection())
