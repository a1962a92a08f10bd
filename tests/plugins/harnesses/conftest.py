"""A vector, plan files, and small tasks of the test's own."""

import json
from pathlib import Path

import pytest
import torch
import yaml

from steerstack.steering.vector import SteeringVector
from steerstack.testing.models import WIDTH


@pytest.fixture(scope="session")
def plan_of(tmp_path_factory):
    """A function from a scale and a token selection to a plan file."""
    folder = tmp_path_factory.mktemp("plans")
    SteeringVector({1: torch.randn(WIDTH, generator=torch.Generator().manual_seed(3))}).save(folder / "v.safetensors")

    def write(scale: float, tokens: str = "response") -> str:
        path = folder / f"plan-{scale}-{tokens}.yaml"
        path.write_text(f"edits: [{{vector: v.safetensors, layer: 1, scale: {scale}, tokens: {tokens}}}]\n")
        return str(path)

    return write


ASKED = "Q: {{question}}\nA:"
TASKS = {
    "own_choice": {
        "output_type": "multiple_choice",
        "doc_to_text": ASKED,
        "doc_to_choice": "choices",
        "doc_to_target": "gold",
        "metric_list": [{"metric": "acc"}, {"metric": "acc_norm"}, {"metric": "acc_mutual_info"}],
    },
    "own_text": {
        "output_type": "generate_until",
        "doc_to_text": ASKED,
        "doc_to_target": "{{choices[gold]}}",
        "generation_kwargs": {"until": ["f", "\n"], "max_gen_toks": 24, "do_sample": False},
        "metric_list": [{"metric": "exact_match"}],
    },
    "own_rolling": {
        "output_type": "loglikelihood_rolling",
        "doc_to_text": "",
        "doc_to_target": "{{question}}",
        "metric_list": [{"metric": "word_perplexity"}, {"metric": "bits_per_byte"}],
    },
}


@pytest.fixture(scope="session")
def tasks(tmp_path_factory) -> Path:
    """A folder with a multiple-choice, a generation and a perplexity task over local files."""
    folder = tmp_path_factory.mktemp("tasks")
    rows = [
        {"question": f"What is {i} and {i}?", "choices": [f"{i} odd", "even", "long " * i + "one"], "gold": i % 3}
        for i in range(4)
    ]
    rows[3]["question"] = "a very long story " * 32  # longer than the tiny model's context of 512 tokens
    data = folder / "rows.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    local = {"dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(data)}}, "test_split": "test"}
    for name, task in TASKS.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({"task": name, **local, **task}))
    return folder
