"""Nulls go through the vector's own pipeline, and what was read for the vector is not read again for them."""

import pytest
import torch

from steerstack.catalog.lookup import find
from steerstack.steering.site import Site
from steerstack.techniques.extract import extract
from steerstack.techniques.null_vectors import null_vectors
from steerstack.testing.planted import planted_data, planted_model


@pytest.fixture
def passes(tmp_path, monkeypatch):
    """A planted model, and how many forward passes it has made."""
    monkeypatch.setenv("STEERSTACK_CACHE", str(tmp_path))
    monkeypatch.setenv("STEERSTACK_ACTIVATIONS_GB", "1")
    model, count = planted_model(), []
    handle = model.module_at(Site("resid_post", 0)).register_forward_hook(lambda *_: count.append(1))
    yield model, count
    handle.remove()


def test_pairs_that_were_read_for_the_vector_are_not_read_again(passes):
    model, count = passes
    data, method = planted_data(12, first=700), find("extractor", "mean-difference").make()
    vector = extract(model, data, method)
    assert count
    some = vector.keeping([1])
    count.clear()
    nulls = null_vectors(model, data, some, method, position=None, count=3)
    assert not count
    assert [null.family for null in nulls] == ["random"] * 3 + ["shuffled labels"] * 3
    fresh = null_vectors(model, planted_data(12, first=800), some, method, position=None, count=1)
    assert count  # other items have to be read
    assert not torch.equal(fresh[-1].vector[1], nulls[3].vector[1])


def test_they_are_the_same_whether_the_vector_was_read_before_or_not(passes):
    model, _ = passes
    data, method = planted_data(10, first=900), find("extractor", "mean-difference").make()
    some = extract(model, data, method, store=None).keeping([1])
    before = null_vectors(model, data, some, method, position=None, count=2)
    extract(model, data, method)
    after = null_vectors(model, data, some, method, position=None, count=2)
    for one, other in zip(before, after, strict=True):
        torch.testing.assert_close(one.vector[1], other.vector[1])
