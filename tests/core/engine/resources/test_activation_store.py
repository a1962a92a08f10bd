"""Activations on disk: the same batches without a model, and nothing that is damaged is believed."""

import os
import shutil
import time
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from steerstack.catalog.data import load_data
from steerstack.data.questions import ContrastPair, contrast_pairs
from steerstack.engine.activations import PairActivations
from steerstack.engine.resources.activation_store import STALE, ActivationStore
from steerstack.errors import SteerstackError
from steerstack.techniques.extract import extract
from steerstack.testing.models import tiny_model, tiny_tokenizer
from steerstack.trace.open import open_model
from steerstack_plugins.extraction.mean_difference import MeanDifference

GB = 1_000_000_000
BEGINNING = 1
"""Passes that a stream makes over what all pairs begin with, where it runs anything."""


@pytest.fixture
def store(tmp_path) -> ActivationStore:
    return ActivationStore(tmp_path / "activations", GB)


@pytest.fixture
def pairs(llama, table):
    return contrast_pairs(llama.format, load_data(table), "response")


def stream(model, pairs, store, **options) -> PairActivations:
    return PairActivations(model, pairs, store=store, **{"tokens": 300, **options})


def same(one, other) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a.positive, b.positive) and torch.equal(a.negative, b.negative)
        for a, b in zip(one, other, strict=True)
    )


def only_set(store) -> Path:
    (folder,) = store.folder.iterdir()
    return folder


def test_a_hit_gives_the_same_batches_bit_for_bit_and_runs_nothing(llama, pairs, store, passes):
    without = list(stream(llama, pairs, None))
    first = list(stream(llama, pairs, store))
    assert len(passes) == 2 * (BEGINNING + len(first)) > 6
    passes.clear()
    counted = []
    second = list(stream(llama, pairs, store, progress=counted.append))
    assert not passes
    assert same(without, first)
    assert same(first, second)
    assert sum(counted) == len(pairs)


@pytest.mark.parametrize("architecture", ["bloom", "mistral", "gpt2"])
def test_the_same_where_each_side_has_its_own_tree(tiny, table, store, architecture, passes):
    model = tiny(architecture)
    pairs = contrast_pairs(model.format, load_data(table), "answer")
    first = list(stream(model, pairs, store))
    passes.clear()
    assert same(first, list(stream(model, pairs, store)))
    assert not passes


@pytest.mark.parametrize("architecture", ["llama", "bloom"])
def test_pairs_whose_labels_were_turned_are_read_once(tiny, table, store, architecture, passes):
    model = tiny(architecture)
    pairs = contrast_pairs(model.format, load_data(table), "response")
    turned = [ContrastPair(p.id, p.negative, p.positive) if i % 3 else p for i, p in enumerate(pairs)]
    first = list(stream(model, pairs, store))
    passes.clear()
    again = list(stream(model, turned, store))
    assert not passes
    assert same(again, list(stream(model, turned, None)))
    assert not same(again, first)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.positive + one.negative, other.positive + other.negative)


def test_names_do_not_matter_and_content_does(llama, pairs, store):
    renamed = [ContrastPair(f"other {i}", pair.positive, pair.negative) for i, pair in enumerate(pairs)]
    key = stream(llama, pairs, store).key
    assert stream(llama, renamed, store).key == key
    others = [
        stream(llama, pairs[::-1], store),
        stream(llama, pairs[:-1], store),
        stream(llama, pairs, store, layers=[1, 2]),
        stream(llama, pairs, store, component="mlp_out"),
        stream(llama, pairs, store, tokens=301),
    ]
    assert len({key, *(other.key for other in others)}) == 6


def test_other_weights_and_another_configuration_have_other_keys(llama, pairs):
    def key(change) -> str:
        module = tiny_model("llama")
        change(module)
        return stream(open_model(module, tokenizer=tiny_tokenizer()), pairs, None).key

    def weights(module):
        module.model.layers[1].mlp.up_proj.weight.data[0, 0] += 1

    def epsilon(module):
        module.config.rms_norm_eps = 0.5

    assert key(lambda _: None) == key(lambda _: None) != key(weights)
    assert key(epsilon) not in (key(lambda _: None), key(weights))


def damage_key(path):
    tensors = load_file(path)
    save_file(tensors, path, {"key": "0" * 64, "number": "1"})


def damage_number(path):
    shutil.copy(path.with_name("00000.safetensors"), path)


def damage_shape(path):
    key = path.parent.name
    save_file({k: v[1:] for k, v in load_file(path).items()}, path, {"key": key, "number": "1"})


def damage_values(path):
    tensors = {k: v.clone() for k, v in load_file(path).items()}
    tensors["negative"][0, 0, 0] = float("nan")
    save_file(tensors, path, {"key": path.parent.name, "number": "1"})


def damage_dtype(path):
    save_file({k: v.half() for k, v in load_file(path).items()}, path, {"key": path.parent.name, "number": "1"})


def damage_by_truncation(path):
    path.write_bytes(path.read_bytes()[:-5])


def damage_everything(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    "damage",
    [
        damage_key,
        damage_number,
        damage_shape,
        damage_values,
        damage_dtype,
        damage_by_truncation,
        damage_everything,
        Path.unlink,
    ],
)
def test_a_damaged_shard_is_run_again_and_repaired(llama, pairs, store, passes, damage):
    first = list(stream(llama, pairs, store))
    damage(only_set(store) / "00001.safetensors")
    for runs in (BEGINNING + 1, 0):
        passes.clear()
        assert same(first, list(stream(llama, pairs, store)))
        assert len(passes) == runs


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_any_truncation_is_noticed(llama, pairs, store, data):
    first = list(stream(llama, pairs, store))
    path = only_set(store) / "00000.safetensors"
    content = path.read_bytes()
    cut = data.draw(st.integers(0, len(content) - 1))
    path.write_bytes(content[:cut])
    assert same(first, list(stream(llama, pairs, store)))


def test_a_set_without_its_index_is_not_complete(llama, pairs, store, passes):
    first = list(stream(llama, pairs, store))
    for content in (None, "", "[]", '{"key": "other"}'):
        index = only_set(store) / "index.json"
        index.unlink() if content is None else index.write_text(content)
        passes.clear()
        assert same(first, list(stream(llama, pairs, store)))
        assert len(passes) == BEGINNING + len(first)


def test_stopping_half_way_leaves_nothing(llama, pairs, store, passes):
    going = iter(stream(llama, pairs, store))
    next(going)
    assert list(store.folder.iterdir())  # a draft
    going.close()
    assert not list(store.folder.iterdir())


def test_an_interrupt_leaves_nothing(llama, pairs, store, watch):
    begun = []

    def interrupt(tokens):
        begun.append(tokens)
        if len(begun) == 4:
            raise KeyboardInterrupt

    watch(llama, interrupt, layers=[llama.n_layers - 1])
    with pytest.raises(KeyboardInterrupt):
        list(stream(llama, pairs, store))
    assert len(begun) == 4
    assert not list(store.folder.iterdir())


def test_a_draft_that_a_kill_left_behind_is_no_set_and_goes_after_a_while(llama, pairs, store):
    going = iter(stream(llama, pairs, store))
    next(going)
    left = store.folder / ".left"
    shutil.copytree(only_set(store), left)
    going.close()
    old = time.time() - STALE - 1
    list(stream(llama, pairs, store))
    assert left.exists()
    os.utime(left, (old, old))
    list(stream(llama, pairs[:5], store))
    assert not left.exists()
    assert len(list(store.folder.iterdir())) == 2


def test_two_streams_of_one_key_at_once(llama, pairs, store):
    one, other = iter(stream(llama, pairs, store)), iter(stream(llama, pairs, store))
    batches = list(zip(one, other, strict=True))
    assert same([a for a, _ in batches], [b for _, b in batches])
    assert not only_set(store).name.startswith(".")


def test_the_least_recently_used_set_is_removed_first(llama, pairs, tmp_path):
    size = 4 * 2 * 10 * llama.n_layers * llama.d_model
    store = ActivationStore(tmp_path / "activations", int(3.3 * size))
    parts = [pairs[:10], pairs[10:20], pairs[20:], pairs[5:15]]
    streams = [stream(llama, part, store, tokens=10_000) for part in parts]
    now = time.time()
    for age, one in enumerate(streams[:3]):
        list(one)
        os.utime(store.folder / one.key / "index.json", (now - 100 + age,) * 2)
    list(streams[0])  # used again: the second is now the oldest
    list(streams[3])
    assert {folder.name for folder in store.folder.iterdir()} == {streams[i].key for i in (0, 2, 3)}
    assert sum(file.stat().st_size for file in store.folder.rglob("*.*")) <= store.limit


def test_what_takes_more_than_half_the_limit_is_not_kept(llama, pairs, tmp_path):
    size = 4 * 2 * len(pairs) * llama.n_layers * llama.d_model
    small, enough = (ActivationStore(tmp_path / str(n), int(n * size)) for n in (1.9, 2.1))
    list(stream(llama, pairs, small))
    list(stream(llama, pairs, enough))
    assert not small.folder.exists()
    assert len(list(enough.folder.iterdir())) == 1


def test_a_full_disk_loses_nothing_and_says_so_once(llama, pairs, store, monkeypatch, caplog):
    expected, handles, plain = list(stream(llama, pairs, None)), [], os.fsync

    def full(handle):
        handles.append(handle)
        if len(handles) == 2:
            raise OSError(28, "No space left on device")
        plain(handle)

    monkeypatch.setattr(os, "fsync", full)
    assert same(expected, list(stream(llama, pairs, store)))
    assert len(handles) == 2
    assert [record.message.split(":")[0] for record in caplog.records] == ["Activations are not kept"]
    assert not list(store.folder.iterdir())


def test_a_folder_that_cannot_be_made_is_no_error(llama, pairs, tmp_path):
    (tmp_path / "file").write_text("")
    assert same(
        list(stream(llama, pairs, None)), list(stream(llama, pairs, ActivationStore(tmp_path / "file" / "a", GB)))
    )


def test_values_that_are_not_finite_are_not_kept(pairs, store):
    model = open_model(tiny_model("llama"), tokenizer=tiny_tokenizer())
    model.module.get_input_embeddings().weight.fill_(torch.inf)
    assert not any(batch.positive.isfinite().any() for batch in stream(model, pairs, store))
    assert not list(store.folder.iterdir())


def test_extract_keeps_activations_unless_told_otherwise(llama, table, tmp_path, monkeypatch, passes):
    monkeypatch.setenv("STEERSTACK_CACHE", str(tmp_path))
    data = load_data(table)
    off = extract(llama, data, MeanDifference())  # the tests' own setting is 0
    assert not (tmp_path / "activations").exists()
    monkeypatch.setenv("STEERSTACK_ACTIVATIONS_GB", "0.5")
    extract(llama, data, MeanDifference(), store=None)
    assert not (tmp_path / "activations").exists()
    extract(llama, data, MeanDifference())
    passes.clear()
    on = extract(llama, data, MeanDifference())
    assert not passes
    assert on.fingerprint == off.fingerprint


def test_the_limit_is_a_number(monkeypatch):
    monkeypatch.setenv("STEERSTACK_ACTIVATIONS_GB", "1.5")
    assert ActivationStore().limit == 1_500_000_000
    monkeypatch.delenv("STEERSTACK_ACTIVATIONS_GB")
    assert ActivationStore().limit == 2 * GB
    monkeypatch.setenv("STEERSTACK_ACTIVATIONS_GB", "much")
    with pytest.raises(SteerstackError, match="not a number"):
        assert ActivationStore().limit
