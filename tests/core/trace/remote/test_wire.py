"""Values on their way back: what goes in comes out, and nothing else can be made to come out."""

import math
from contextlib import suppress
from dataclasses import dataclass, field

import numpy
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.support.mutate import mutated, other_values

from steerstack.errors import RemoteError, SiteError, SteerstackError
from steerstack.steering.edits import Add
from steerstack.steering.intervention import Intervention, Plan
from steerstack.steering.site import Site
from steerstack.steering.tokens import Tokens
from steerstack.trace.remote.wire import packed, unpacked

leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    leaves,
    lambda part: st.lists(part) | st.lists(part).map(tuple) | st.dictionaries(st.text() | st.integers(), part),
    max_leaves=12,
)


@given(values)
def test_plain_values_come_back_as_they_were(value):
    assert unpacked(packed(value)) == value


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool])
def test_tensors_come_back(dtype):
    tensor = torch.arange(12).reshape(3, 4).to(dtype)[:, ::2]
    tensors = unpacked(packed({Site("resid_post", 1): (tensor, tensor[0, 0])}), (Site,))[Site("resid_post", 1)]
    assert [part.dtype for part in tensors] == [dtype, dtype]
    assert torch.equal(tensors[0], tensor)
    assert torch.equal(tensors[1], tensor[0, 0])


def test_a_number_of_numpys_and_what_is_no_number():
    numbers = unpacked(packed([numpy.float32(0.5), numpy.int64(3), math.nan, math.inf]))
    assert numbers[:2] == [0.5, 3]
    assert math.isnan(numbers[2])
    assert numbers[3] == math.inf


@dataclass(frozen=True)
class Made:
    """Of a test."""

    x: int
    doubled: int = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "doubled", 2 * self.x)


def test_objects_of_the_classes_that_are_wanted_and_of_their_subclasses():
    plan = Plan((Add(Site("resid_post", 1), torch.ones(3), 2.0, selection=Tokens("all")),))
    copy = unpacked(packed(plan), (Plan, Intervention, Site, Tokens))
    assert copy.fingerprint == plan.fingerprint
    assert unpacked(packed(Made(3)), (Made,)) == Made(3)


def test_no_other_class_is_made():
    with pytest.raises(RemoteError, match="not what was asked for"):
        unpacked(packed(Made(3)), (Site,))
    with pytest.raises(RemoteError):
        unpacked(packed(Site("resid_post", 1)))


def test_what_a_class_refuses_is_refused():
    with pytest.raises(SiteError):
        unpacked(packed(Site("resid_post", 1)).replace(b"resid_post", b"resid_nose"), (Site,))


def test_a_module_is_imported_only_if_it_went_there(tmp_path, monkeypatch):
    (tmp_path / "wire_edits.py").write_text(
        "from dataclasses import dataclass\nfrom steerstack.steering.site import Site\n"
        "@dataclass(frozen=True)\nclass Place(Site):\n    pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    text = b'{"object": "wire_edits:Place", "parts": {"component": "resid_post", "layer": 1}}'
    answer = safetensors.torch.save({"json": torch.frombuffer(bytearray(text), dtype=torch.uint8)})
    with pytest.raises(RemoteError, match="wire_edits"):
        unpacked(answer, (Site,))
    assert type(unpacked(answer, (Site,), ["wire_edits"])).__name__ == "Place"


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes", print, numpy.ones(2), Site])
def test_what_cannot_travel_says_so(value):
    with pytest.raises(TypeError, match="cannot be sent back"):
        packed([value])


ODD = [
    b"{}", b'{"tensor": "nowhere"}', b'{"tensor": []}', b'{"object": "os:system", "parts": {"command": "true"}}', b"[" * 100_000,
    b'{"object": "builtins:eval", "parts": {}}', b'{"dict": [[[], 1]]}', b'{"dict": 3}', b"\xff", b"1" * 5000, b'{"what": 1}',
]  # fmt: skip


@pytest.mark.parametrize("said", ODD, ids=range(len(ODD)))
def test_malformed_answers_are_one_error(said):
    with pytest.raises(RemoteError, match="not what was asked for"):
        unpacked(safetensors.torch.save({"json": torch.frombuffer(bytearray(said), dtype=torch.uint8)}), (Site,))


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, packed([1])[:-3], safetensors.torch.save({})])
def test_what_is_no_file_is_one_error(data):
    with pytest.raises(RemoteError, match="not what was asked for"):
        unpacked(data)


def test_an_object_of_the_wrong_parts_is_one_error():
    text = b'{"object": "steerstack.steering.site:Site", "parts": {"component": "mlp_out", "layer": {"tensor": "0"}}}'
    tensors = {"json": torch.frombuffer(bytearray(text), dtype=torch.uint8), "0": torch.ones(3)}
    with pytest.raises(RemoteError, match="not what was asked for"):
        unpacked(safetensors.torch.save(tensors), (Site,))


def test_damaged_answers_are_values_or_one_error():
    """Fixed seeds: the bytes are damaged, or the values say something else."""
    plan = Plan((Add(Site("resid_post", 1), torch.ones(3), 2.0, selection=Tokens("all")),))
    whole = packed([plan, {Site("resid_post", 1): (torch.ones(2), None)}, {"x": 2.5}])
    tensors = safetensors.torch.load(whole)
    refused = 0
    for seed in range(200):
        text = other_values(tensors["json"].numpy().tobytes(), seed)
        parts = {**tensors, "json": torch.frombuffer(bytearray(text), dtype=torch.uint8)}
        for data in (mutated(whole, seed), safetensors.torch.save(parts)):
            refused += 1
            with suppress(SteerstackError):
                unpacked(data, (Plan, Intervention, Site, Tokens))
                refused -= 1
    assert 100 < refused < 400
