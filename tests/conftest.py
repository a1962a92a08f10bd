"""Shared fixtures: tiny models, the embedded model, and a home of the test's own."""

import gc
import os
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from transformers import GenerationMixin

from steerstack.catalog.manager import GROUP, PluginManager, plugins
from steerstack.steering.site import Site
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.model import Model
from steerstack.trace.open import open_model
from tests.support import logs
from tests.support.browser import browser, chromium
from tests.support.cost import (  # noqa: F401  # hooks of pytest
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_ignore_collect,
    pytest_runtest_logreport,
    pytest_runtest_makereport,
    pytest_runtest_protocol,
    pytest_sessionfinish,
    pytest_terminal_summary,
    pytest_testnodedown,
)
from tests.support.schedule import pytest_xdist_make_scheduler  # noqa: F401  # a hook

__all__ = ["browser", "chromium"]
APART = {"STEERSTACK_REAL_MODEL": "core/test_real_model.py", "STEERSTACK_VLLM": "plugins/backends/test_vllm.py"}
collect_ignore = [file for named, file in APART.items() if not os.environ.get(named)]  # each has a session of nox
torch.set_num_threads(1)
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")  # how long an example takes says more of the machine than of the code


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(logs)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What tests import is kept as bytecode for the next run, and nothing of it is looked through for cycles."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        sys.dont_write_bytecode = before


def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()  # what is imported stays: no collection need look through it again


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


@pytest.fixture
def passes() -> Iterator[list[str]]:
    """Grows by one whenever any causal language model is run."""
    names: list[str] = []

    def count(module: torch.nn.Module, _args: Any) -> None:
        if isinstance(module, GenerationMixin):
            names.append(type(module).__name__)

    hook = torch.nn.modules.module.register_module_forward_pre_hook(count)
    yield names
    hook.remove()


@pytest.fixture
def watch() -> Iterator[Callable[..., None]]:
    """A function that lets another one see how many tokens enter each block of a model; what that raises is raised."""
    hooks = []

    def watch(model: Model, see: Callable[[int], object], layers: Sequence[int] | None = None) -> None:
        def entering(_block: Any, args: Any, kwargs: Any) -> None:
            see((args[0] if args else kwargs["hidden_states"]).shape[:2].numel())

        for layer in range(model.n_layers) if layers is None else layers:
            block = model.module_at(Site("resid_pre", layer))
            hooks.append(block.register_forward_pre_hook(entering, with_kwargs=True))

    yield watch
    for hook in hooks:
        hook.remove()


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., EntryPoint]]:
    """Install a distribution of one module with one entry point, and give the entry point."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    before = set(sys.modules)

    def one(package: str, source: str, entry: str = "extra", version: str = "1.2.3") -> EntryPoint:
        module = f"{package.replace('-', '_')}_module"
        (site / f"{module}.py").write_text(textwrap.dedent(source))
        info = site / f"{package.replace('-', '_')}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[{GROUP}]\n{entry} = {module}\n")
        (distribution,) = distributions(name=package, path=[str(site)])
        (point,) = distribution.entry_points
        return point

    yield one
    for name in set(sys.modules) - before:
        if name.endswith("_module"):
            del sys.modules[name]


@pytest.fixture
def fresh() -> Iterator[Callable[[], PluginManager]]:
    """The manager of all installed plugins, loaded anew, and forgotten afterwards."""
    plugins.cache_clear()
    yield plugins
    plugins.cache_clear()


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
