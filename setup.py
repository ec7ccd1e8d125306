"""Package of amharic_tts. Versions live in constraints.txt alone."""

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
LINES = (HERE / "constraints.txt").read_text(encoding="utf-8").splitlines()
PINS = {name.lower(): version for name, _, version in (line.partition("==") for line in LINES) if version}


def pinned(names: str) -> list[str]:
    return [f"{name}=={PINS[name.lower()]}" for name in names.split()]


setup(
    name="amharic_tts",
    version="0.1.0",
    description="Teach pretrained autoregressive speech models to speak Amharic",
    license="Apache-2.0",
    python_requires=">=3.11",
    packages=find_packages(include=["amharic_tts", "amharic_tts.*"]),
    package_data={"amharic_tts": ["**/*.txt", "**/*.tsv", "**/*.html", "**/*.css"]},
    install_requires=pinned(
        "torch torchaudio deepspeed sentencepiece webdataset pyyaml wandb jiwer ninja "
        "numpy safetensors soundfile tensorboard tqdm psutil pydantic jinja2 protobuf transformers peft"
    ),
    extras_require={
        "demo": pinned("espeakng-loader"),
        "test": pinned("pytest hypothesis ruff espeakng-loader abyssinica"),
    },
)
