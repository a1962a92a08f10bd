"""Shared fixtures: tiny models, the embedded model, and a home of the test's own."""

from functools import cache
from pathlib import Path

import pytest
import torch

from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.model import Model
from steerstack.trace.open import open_model

torch.set_num_threads(1)


@cache
def _tiny(architecture: str, chat: bool) -> Model:
    return open_model(tiny_model(architecture), tokenizer=tiny_tokenizer(chat=chat))


@pytest.fixture
def llama() -> Model:
    """A tiny random Llama, shared by tests: they must not change it."""
    return _tiny("llama", True)


@pytest.fixture
def tiny():  # type: ignore[no-untyped-def]
    """A function from an architecture to its tiny model."""
    return lambda architecture, chat=True: _tiny(architecture, chat)


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test touches the user's studies, registry or activations, or measures this machine."""
    home = tmp_path / "home"
    monkeypatch.setenv("STEERSTACK_HOME", str(home))
    monkeypatch.setenv("STEERSTACK_ACTIVATIONS_GB", "0")
    monkeypatch.setenv("STEERSTACK_BATCH_TOKENS", "2048")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return home


@pytest.fixture(scope="session")
def smollm2() -> Model:
    """The embedded language model."""
    return open_model("smollm2")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama saved as a Hugging Face folder, for the command line."""
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny_model("llama").save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A data file of one's own, 30 items."""
    path = tmp_path / "kindness.csv"
    rows = [f"What about case {i}?,I would help with {i} gladly.,Case {i} is not mine." for i in range(30)]
    path.write_text("question,exhibits,not\n" + "\n".join(rows) + "\n")
    return path
