"""Fake vectors and runs of width 8, and a SQLite store that is made once and copied."""

import base64
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.registry.serving import Server, postgres
from tests.support.vectors import longer

from steerstack.contracts.recorder import Effect, RunRecord
from steerstack.steering.vector import Origin, SteeringVector
from steerstack_registry.access.connection import quietly

with quietly():  # MLflow's own imports warn
    import mlflow.pyfunc  # noqa: F401

_PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGP4z8AARAwQCgAf7gP9i18U1AAAAABJRU5ErkJggg=="
)
"""A PNG of two by two pixels."""
BEHAVIOR = "myopia"
NAME = "myopia--Tiny-1B--mean-difference"


@pytest.fixture
def vector() -> SteeringVector:
    generator = torch.Generator().manual_seed(0)
    origin = Origin("mean-difference", {"k": 1}, "response", "someone/Tiny-1B", "f" * 64, "d" * 64, 10, BEHAVIOR)
    return SteeringVector({layer: torch.randn(8, generator=generator) for layer in (1, 3)}, "resid_post", origin)


@pytest.fixture
def make_run(vector: SteeringVector, tmp_path: Path) -> Callable[..., RunRecord]:
    """A stacking run with a report, a figure and a result; keywords replace its parts."""

    def make(**parts: object) -> RunRecord:
        files = [tmp_path / "given" / name for name in ("report.html", "arms.png", "grid.csv")]
        for path in files:
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(_PICTURE if path.suffix == ".png" else path.name.encode())
        run = RunRecord(
            kind="stack",
            behavior=BEHAVIOR,
            model_name="someone/Tiny-1B",
            model_fingerprint="f" * 64,
            data_source=BEHAVIOR,
            data_digest="0123456789" * 6 + "abcd",
            data_split="test",
            n_items=20,
            vectors={"base": vector, "refitted on lora-sft": longer(vector, 2.0)},
            effects=[
                Effect("effect/alone", 0.3, 0.1, 0.5, 20),
                Effect("interaction/promptxvector positive", float("nan"), -1.0, 1.0, 20),
            ],
            parameters={"layer": 3, "layers": (1, 3), "score": "log-odds"},
            files=files,
            result={"verdict": "it helps", "odds": float("inf")},
            verdict="it helps",
            card="# A card\n\nIt helps.",
        )
        return replace(run, **parts)  # type: ignore[arg-type]

    return make


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with tables and nothing in them: making one takes seconds."""
    from steerstack_registry.access.connection import reaching

    file = tmp_path_factory.mktemp("store") / "mlflow.db"
    with reaching(f"sqlite:///{file}", make=True) as client:
        client.search_experiments()
    return file


@pytest.fixture
def store(own_home: Path, empty_store: Path) -> str:
    """The default store of this test's home."""
    own_home.mkdir()
    shutil.copy(empty_store, own_home / "mlflow.db")
    return f"sqlite:///{own_home / 'mlflow.db'}"


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``mlflow server`` on PostgreSQL, shared: tests of the group ``registry`` use it, each with behaviours of its own."""
    with postgres() as uri:
        running = Server(uri, tmp_path_factory.mktemp("server"))
        running.start()
        yield running
        running.kill()
