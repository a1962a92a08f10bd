"""MLflow's own pages, in a real browser: the vector, its versions and its stacked effects."""

import shutil
import subprocess
from pathlib import Path

import pytest
import torch
from tests.registry.conftest import free_port

from steerstack.events import EffectRecord, RunRecord
from steerstack.vector import Origin, SteeringVector
from steerstack_registry.listing import list_vectors, show_vector
from steerstack_registry.recorder import MLflowRecorder

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.xdist_group("registry"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


def read_page(url: str, folder: Path) -> str:
    """What a person would see of a page, after its scripts have run."""
    assert CHROMIUM is not None
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}"]  # fmt: skip
    done = subprocess.run(
        [CHROMIUM, *flags, "--virtual-time-budget=20000", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.fixture
def server(start):
    """A real MLflow server on this test's own store."""
    port = free_port()
    start(port)
    return f"http://127.0.0.1:{port}"


def record(direction: torch.Tensor, effect: float, uri: str) -> None:
    vector = SteeringVector(
        {3: direction}, origin=Origin("mean-difference", {}, "response", "tiny", "f" * 64, "d" * 64, 9, "kindness")
    )
    effects = [
        EffectRecord("effect/alone", effect, effect - 0.1, effect + 0.1, 40),
        EffectRecord("effect/prompt-positive+vector-positive", 0.5, 0.4, 0.6, 40),
    ]
    run = RunRecord("stack", "kindness", "tiny", "f" * 64, "steerstack:kindness", "d" * 64, "test", 40, {"base": vector}, effects,
                    card="# kindness: mean-difference on tiny\n\nIt adds up.")  # fmt: skip
    MLflowRecorder().record(run, tracking_uri=uri)


def test_the_pages_show_the_vector_its_versions_and_its_effects(server, tmp_path):
    record(torch.ones(8), 0.351, server)
    record(torch.ones(8) * 2, 0.402, server)
    rows = list_vectors(server)
    assert {row["version"] for row in rows} == {1, 2}
    name = rows[0]["name"]
    registered = read_page(f"{server}/#/models/{name}", tmp_path / "a")
    assert name in registered
    assert "Version 1" in registered
    assert "Version 2" in registered
    version = read_page(f"{server}/#/models/{name}/versions/2", tmp_path / "b")
    assert "It adds up." in version
    assert "effect/alone" in version
    assert "0.402" in version
    about = show_vector(f"models:/{name}/2", server)
    model = read_page(f"{server}/#/experiments/1/models/{about['model_id']}", tmp_path / "c")
    assert "effect/prompt-positive+vector-positive" in model
    assert "Not registered" not in model
