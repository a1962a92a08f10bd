"""A probe is chosen on validation, reported on test, and held against words and chance."""

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.data.splits import split
from steerstack.engine.data_activations import DataActivations
from steerstack.stats.auroc import auroc
from steerstack.stats.item_clusters import groups_of
from steerstack.study.probe import clusters_of, run_probe


@pytest.fixture
def kindness(table):
    return load_data(table, behavior="kindness")


def test_the_result_states_choice_interval_and_nulls(llama, kindness):
    value = run_probe(find("probe", "logistic").make(), llama, kindness).to_json()
    json.dumps(value, allow_nan=False)
    assert value["selected"]["choices_tried"] == llama.n_layers
    assert value["n"] == {name: len(getattr(split(kindness), name)) for name in ("train", "validation", "test")}
    assert value["auroc"]["ci_low"] <= value["auroc"]["value"] <= value["auroc"]["ci_high"]
    assert value["random_direction_auroc"]["n"] == 20
    # the words alone tell these answers apart, so no probe can be shown to read more
    assert value["text_only_auroc"]["value"] == 1
    assert value["verdict"].startswith("Not shown")


def test_items_in_clusters_widen_the_intervals(llama, kindness):
    topics = [replace(item, topic=f"topic {place % 12}") for place, item in enumerate(kindness)]
    clustered = replace(kindness, items=tuple(topics))
    stream = DataActivations(llama, clustered, position="response", layers=[0])
    labels, groups = clusters_of(stream), groups_of(clustered)
    assert labels == [groups[number] for number in stream.order]
    assert clusters_of(DataActivations(llama, kindness, position="response", layers=[0])) is None
    result = run_probe(find("probe", "logistic").make(), llama, clustered, layers=[2])
    test = split(clustered).test
    assert result.test.clusters == result.text_only.clusters == len(set(groups_of(test) or range(len(test))))


def test_the_logistic_probe_is_scikit_learns(llama, kindness):
    parts = split(kindness)
    result = run_probe(find("probe", "logistic").make({"l2": "2"}), llama, kindness, layers=[2])
    read = {name: DataActivations(llama, getattr(parts, name), position="response", layers=[2]).collect()
            for name in ("train", "test")}  # fmt: skip
    sides = {name: [b.positive[:, 0].numpy(), b.negative[:, 0].numpy()] for name, b in read.items()}
    scaler = StandardScaler().fit(np.concatenate(sides["train"]))
    labels = np.repeat([1, 0], len(sides["train"][0]))
    model = LogisticRegression(C=0.5, max_iter=1000).fit(scaler.transform(np.concatenate(sides["train"])), labels)
    scores = [model.decision_function(scaler.transform(side)) for side in sides["test"]]
    assert result.test.value == pytest.approx(auroc(*scores))
