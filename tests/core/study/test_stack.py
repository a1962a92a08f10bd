"""The stacking study on a tiny model: complete, locked, resumable."""

import json

import numpy as np
import pytest

from steerstack import digest
from steerstack.catalog import load_data
from steerstack.data import SystemPrompts
from steerstack.recording import stack_effects
from steerstack.report.pages import page_of
from steerstack.report.study_page import write_page
from steerstack.splits import split
from steerstack.study.grid import LEVELS, Cell
from steerstack.study.stack import run_stack
from steerstack.study.stacking import Stacking
from steerstack_plugins.baselines.lora_sft import LoraSFT
from steerstack_plugins.extraction.mean_difference import MeanDifference

STUDY = Stacking("kindness", layers=(1, 2), shares=(0.1, 0.3), nulls=2)
TUNE = LoraSFT(epochs=1)


class Killed(Exception):
    """Stands for a kill in the middle of a study."""


@pytest.fixture
def data(table):
    found = load_data(table)
    return type(found)(
        found.behavior, found.items, found.polarity, found.source, SystemPrompts(("be kind",), ("be cold",))
    )


def run(model, data, folder, **options):
    return run_stack(STUDY, model, data, MeanDifference(), [TUNE], folder=folder, **options)


def test_every_arm_is_measured_on_the_same_items(llama, data, tmp_path):
    result = run(llama, data, tmp_path)
    cells = {Cell(p, v, f, o) for p in LEVELS for v in LEVELS for f, o in
             (("none", "transferred"), ("lora-sft", "transferred"), ("lora-sft", "refitted"))}  # fmt: skip
    assert set(result.grid) == cells
    assert {len(values.log_odds) for values in result.grid.values()} == {len(result.splits.test)}
    for cell, values in result.grid.items():
        assert (values.edited > 0) == (cell.vector != "none")
    tuned = [
        result.grid[Cell("none", v, "lora-sft", o)].log_odds
        for v in ("none", "positive")
        for o in ("transferred", "refitted")
    ]
    assert np.array_equal(tuned[0], tuned[1])
    assert not np.array_equal(tuned[2], tuned[3])
    assert not np.array_equal(tuned[0], result.grid[Cell("none", "none")].log_odds)


def test_the_test_split_plays_no_part_in_the_choice(llama, data, tmp_path):
    result = run(llama, data, tmp_path / "a")
    splits = split(data, seed=STUDY.seed)
    held = {item.question for item in splits.test}
    assert not held & {item.question for part in (splits.train, splits.validation) for item in part}
    without = [item for item in data if item.question not in held]
    assert result.vector.origin.data_digest == splits.train.digest
    assert {item.id for item in without} == {item.id for part in (splits.train, splits.validation) for item in part}
    chosen = result.to_json()["selected"]
    assert (chosen["on"], chosen["choices_tried"]) == ("validation", 4)


def test_json_follows_the_contract_and_the_report_is_whole(llama, data, tmp_path):
    value = run(llama, data, tmp_path).to_json()
    json.dumps(value, allow_nan=False)
    assert {"behavior", "selected", "arms", "interactions", "nulls", "verdict"} <= set(value)
    for arm in value["arms"]:
        assert {"prompt", "vector", "finetune", "vector_origin", "estimate"} <= set(arm)
        assert arm["estimate"]["ci_low"] <= arm["estimate"]["value"] <= arm["estimate"]["ci_high"]
    assert {tuple(entry["of"]) for entry in value["interactions"]} == {
        ("vector", "prompt"), ("prompt", "lora-sft"), ("vector", "lora-sft"),
    }  # fmt: skip
    assert {entry["scale"] for entry in value["interactions"]} == {"log-odds", "probability"}
    assert len(value["nulls"]) == 4
    figures = write_page(page_of(value, {"study": "stack"}), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all(figure.read_bytes().startswith(b"\x89PNG") for figure in figures)
    assert value["verdict"] in page
    assert {figure.stem for figure in figures} == {
        "report-stacked-effects",
        "report-dose-response",
        "report-cost",
        "report-nulls",
    }
    assert all(f"plot-{name}" in page for name in ("stacked-effects", "dose-response", "cost", "nulls"))


def test_effects_of_a_refitted_vector_are_recorded_as_its_own(llama, data, tmp_path):
    value = run(llama, data, tmp_path).to_json()
    roles = {effect.name: effect.role for effect in stack_effects(value)}
    refitted = {name for name, role in roles.items() if role == "refitted on lora-sft"}
    assert refitted == {name for name in roles if name.endswith("refitted")}
    assert {"effect/vector-positive+finetune-lora-sft refitted",
            "interaction/vectorxlora-sft positive refitted",
            "interaction/vectorxprompt positive lora-sft refitted"} <= refitted  # fmt: skip
    assert set(roles.values()) == {"", "refitted on lora-sft"}


class Heard:
    """What a study tells of its evaluations: how many there are, were done earlier, and are done."""

    def __init__(self, kill_at=None):
        self.total, self.earlier, self.done, self.kill_at = 0, 0, 0, kill_at

    def announce(self, what, total, done):
        if what != "pairs":
            self.total, self.earlier = self.total + total, self.earlier + done

    def advance(self, what, done):
        if what != "pairs":
            self.done += done
            if self.kill_at is not None and self.done >= self.kill_at:
                raise Killed


def test_a_killed_study_goes_on_without_redoing_and_gives_the_same(llama, data, tmp_path):
    def told(name, heard):
        found = run(llama, data, tmp_path / name, advance=heard.advance, announce=heard.announce).to_json()
        found["finetunes"]["lora-sft"].pop("seconds")
        return found

    first, resumed, third = Heard(), Heard(), Heard()
    whole = told("whole", first)
    killed = Heard(kill_at=first.total // 2)
    with pytest.raises(Killed):
        told("killed", killed)
    kept = len((tmp_path / "killed" / "ledger.jsonl").read_text().splitlines())
    assert told("killed", resumed) == whole
    assert told("killed", third) == whole
    assert kept >= 5
    assert first.total == first.done == resumed.total == third.total
    assert 0 < resumed.earlier <= killed.done
    assert resumed.earlier + resumed.done == resumed.total
    assert (third.earlier, third.done) == (third.total, 0)


def test_a_tuned_model_leaves_the_given_one_alone_and_lowers_its_loss(llama, data):
    before = llama.fingerprint
    splits = split(data)
    tuned = LoraSFT(epochs=3, learning_rate=5e-3).tune(llama, splits.train, splits.validation, seed=0)
    assert digest.of_tensors(sorted(llama.module.state_dict().items())) == before  # computed afresh
    losses = tuned.record["validation_loss_by_epoch"]
    assert losses[tuned.record["epoch_chosen"]] == min(losses) < losses[0]
    again = LoraSFT(epochs=3, learning_rate=5e-3).tune(llama, splits.train, splits.validation, seed=0)
    assert again.model.fingerprint == tuned.model.fingerprint


@pytest.mark.parametrize("architecture", ["gpt2", "bloom", "falcon", "opt"])
def test_the_study_runs_on_other_architectures(tiny, data, tmp_path, architecture):
    result = run(tiny(architecture), data, tmp_path)
    assert len(result.grid) == 27
    base, steered = (result.grid[Cell("none", v, "lora-sft", "refitted")].log_odds for v in ("none", "positive"))
    assert not np.array_equal(base, steered)
