"""MLflow's own pages, in a real browser: the vector, its versions and its stacked effects."""

import pytest
import torch
from tests.support.browser import needs_chromium

from steerstack.contracts.recorder import Effect, Recorded, RunRecord
from steerstack.steering.vector import Origin, SteeringVector
from steerstack_registry.access.connection import reaching
from steerstack_registry.read.listing import list_vectors, show_vector
from steerstack_registry.recorder import MLflowRecorder

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("registry"), needs_chromium]


def record(direction: torch.Tensor, effect: float, uri: str) -> Recorded:
    vector = SteeringVector(
        {3: direction}, origin=Origin("mean-difference", {}, "response", "tiny", "f" * 64, "d" * 64, 9, "kindness")
    )
    effects = [
        Effect("effect/alone", effect, effect - 0.1, effect + 0.1, 40),
        Effect("effect/prompt-positive+vector-positive", 0.5, 0.4, 0.6, 40),
    ]
    run = RunRecord("stack", "kindness", "tiny", "f" * 64, "steerstack:kindness", "d" * 64, "test", 40, {"base": vector}, effects,
                    card="# kindness: mean-difference on tiny\n\nIt adds up.")  # fmt: skip
    return MLflowRecorder().record(run, tracking_uri=uri)


def test_the_pages_show_the_vector_its_versions_and_its_effects(server, browser):
    record(torch.ones(8), 0.351, server.address)
    recorded = record(torch.ones(8) * 2, 0.402, server.address)
    name = "kindness--tiny--mean-difference"
    assert {row["version"] for row in list_vectors(server.address) if row["name"] == name} == {1, 2}
    registered = browser.open(f"{server.address}/#/models/{name}", "Version 2")
    assert registered.shows(name)
    assert registered.shows("Version 1")
    version = browser.open(f"{server.address}/#/models/{name}/versions/2", "It adds up.")
    assert version.shows("effect/alone")
    assert version.shows("0.402")
    about = show_vector(f"models:/{name}/2", server.address)
    with reaching(server.address) as client:
        experiment = client.get_run(recorded.run_id).info.experiment_id
    address = f"{server.address}/#/experiments/{experiment}/models/{about['model_id']}"
    model = browser.open(address, "effect/prompt-positive+vector-positive")
    assert f"Model versions\n{name}\nv2" in model.text
    assert "Not registered" not in model.text


EVIL = "<img src=x onerror=window.ran=1> ![x](http://127.0.0.1:9/x.png) <script>window.ran=1</script>"


def test_a_browser_shows_what_behaviours_and_effects_say_as_text(server, browser):
    origin = Origin("mean-difference", {}, "response", "tiny", "f" * 64, "d" * 64, 9, EVIL)
    vector = SteeringVector({3: torch.ones(8)}, origin=origin)
    effect = Effect("effect/alone", 0.3, 0.1, 0.5, 20, EVIL)
    run = RunRecord("stack", EVIL, "tiny", "f" * 64, EVIL, "d" * 64, "test", 40, {"base": vector}, [effect], card="",
                    verdict=f"It moves {EVIL}.")  # fmt: skip
    version = MLflowRecorder().record(run, tracking_uri=server.address).model_uri.removeprefix("models:/")
    name, number = version.rsplit("/", 1)
    page = browser.open(f"{server.address}/#/models/{name}/versions/{number}", "It moves")
    assert "<img src=x onerror=window.ran=1>" in page.text
    assert page.value("window.ran") is None
    assert page.value("document.querySelectorAll('img[src*=\"127.0.0.1:9\"], img[src=x]').length") == 0
