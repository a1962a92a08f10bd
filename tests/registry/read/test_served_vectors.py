"""A server of OpenAI's protocol finds registered vectors: versions stay, aliases move."""

from dataclasses import replace

import openai
import pytest
import torch
from tests.support.openai_server import TOKEN, openai_server

from steerstack.errors import RegistryError
from steerstack.serving.openai.vectors import VectorShelf
from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import WIDTH
from steerstack_registry.write.outbox import record


@pytest.fixture
def fitting(llama, vector):
    origin = replace(vector.origin, model_fingerprint=llama.fingerprint)
    return SteeringVector({1: torch.randn(WIDTH, generator=torch.Generator().manual_seed(1))}, origin=origin)


def test_a_request_names_a_registered_vector(store, make_run, llama, fitting):
    first = record(make_run(vectors={"base": fitting})).model_uri
    name = first.removeprefix("models:/").rpartition("/")[0]
    with openai_server(llama, {"mine": fitting}) as address, openai.OpenAI(base_url=address, api_key=TOKEN) as client:

        def asked(vector):
            return client.completions.create(
                model="tiny", prompt=[40, 50, 60], max_tokens=4, temperature=0, logprobs=1,
                extra_body={"steering": {"vector": vector, "layer": 1, "scale": 1.5}},
            )  # fmt: skip

        mine, registered, newest = asked("mine"), asked(first), asked(f"models:/{name}@newest")
        assert registered.choices == newest.choices == mine.choices
        assert registered.model_extra["steerstack"]["steering"][0]["fingerprint"] == fitting.fingerprint
        with pytest.raises(openai.NotFoundError, match="champion"):
            asked(f"models:/{name}@champion")


def test_an_alias_is_looked_up_again(store, make_run, llama, fitting):
    shelf = VectorShelf(llama, {})
    first = record(make_run(vectors={"base": fitting})).model_uri
    name = first.rpartition("/")[0]
    assert shelf.get(f"{name}@newest").fingerprint == shelf.get(first).fingerprint == fitting.fingerprint
    doubled = fitting * 2
    record(make_run(vectors={"base": replace(doubled, origin=fitting.origin)}))
    assert shelf.get(f"{name}@newest").fingerprint == doubled.fingerprint
    assert shelf.get(first).fingerprint == fitting.fingerprint
    with pytest.raises(RegistryError):
        shelf.get(f"{name}/7")
