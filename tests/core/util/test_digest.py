"""The same content gives the same digest; other content another."""

import hashlib
import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from steerstack.util import digest

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=8,
)


def test_a_known_digest(tmp_path):
    reference = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest.of_bytes(b"abc") == digest.of_file(tmp_path / "abc") == reference
    assert digest.of_json({"b": 1, "a": "ü"}) == hashlib.sha256('{"a":"ü","b":1}'.encode()).hexdigest()


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), values))
def test_the_order_of_keys_does_not_matter(value):
    assert digest.of_json(value) == digest.of_json(dict(reversed(value.items())))


@given(values, values)
def test_json_digests_differ_as_their_canonical_texts_do(a, b):
    texts = [json.dumps(v, sort_keys=True) for v in (a, b)]
    assert (digest.of_json(a) == digest.of_json(b)) == (texts[0] == texts[1])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool])
def test_tensors_of_any_dtype_and_layout(dtype):
    tensor = torch.arange(6).reshape(2, 3).to(dtype)
    assert digest.of_tensors([("a", tensor.T)]) == digest.of_tensors([("a", tensor.T.contiguous())])
    assert digest.of_tensors([("a", tensor)]) != digest.of_tensors([("a", tensor.T)])


def test_name_dtype_shape_order_and_content_all_count():
    t = torch.zeros(4)
    variants = [
        [("a", t)], [("b", t)], [("a", t.int())], [("a", t.reshape(2, 2))], [("a", t + 1)], [("a", t), ("b", t)],
        [("b", t), ("a", t)], [("a", torch.zeros(0))], [("a", torch.tensor(0.0))], [],
    ]  # fmt: skip
    assert len({digest.of_tensors(v) for v in variants}) == len(variants)
