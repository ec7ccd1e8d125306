"""A small base folder and its extractor, made once."""

import pytest
from extract.small_base import write_base

from amharic_tts.extract.extractor import Extractor
from amharic_tts.model.indextts2_config import read_base_config


@pytest.fixture(scope="session")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("base")
    write_base(folder)
    return folder


@pytest.fixture(scope="session")
def extractor(base):
    return Extractor.load(read_base_config(base), "latents")
