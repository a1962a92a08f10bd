"""The stacking study on a tiny model: complete, locked, resumable."""

import json

import numpy as np
import pytest
import torch

from steerstack import Stack, generate
from steerstack.catalog.data import load_data, other_behaviors
from steerstack.data.items import SystemPrompts
from steerstack.data.splits import split
from steerstack.measure.neutral_text import neutral_answers
from steerstack.report.html import write_page
from steerstack.run.progress import Advance, Amount, Progress
from steerstack.run.samples import TOKENS
from steerstack.stats import rank_p
from steerstack.steering.tokens import Tokens
from steerstack.study.stack.distance import TEXTS
from steerstack.study.stack.grid import LEVELS, Cell
from steerstack.study.stack.words import NO_PROMPTS
from steerstack.techniques.strength_at_kl import kl_at
from steerstack_plugins.baselines.few_shot import FewShot
from steerstack_plugins.baselines.lora_sft import LoraSFT
from steerstack_plugins.extraction.mean_difference import MeanDifference

TUNE = LoraSFT(epochs=1)
STUDY = Stack(
    data="kindness", layers=(1, 2), shares=(0.1, 0.3), nulls=2, method=MeanDifference(), finetunes=(TUNE,),
    few_shot=None,
)  # fmt: skip
SMALL = Stack(data="kindness", layers=(2,), shares=(0.2,), nulls=1, finetunes=(), few_shot=None)


class Killed(Exception):
    """Stands for a kill in the middle of a study."""


@pytest.fixture
def data(table):
    dataset = load_data(table)
    return type(dataset)(
        dataset.behavior, dataset.items, dataset.polarity, dataset.source, SystemPrompts(("be kind",), ("be cold",))
    )


def run(model, data, folder, study=STUDY, **options):
    return study.run(model, data=data, folder=folder, **options)


@pytest.fixture(scope="module")
def made():
    """What was run already."""
    return {}


@pytest.fixture
def result(made, llama, data, tmp_path_factory):
    """The study's result, made once for all tests that only look at it."""
    if not made:
        made["result"] = run(llama, data, tmp_path_factory.mktemp("study"))
    return made["result"]


def test_every_arm_is_measured_on_the_same_items(result):
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


def test_the_test_split_plays_no_part_in_the_choice(result, data):
    splits = split(data, seed=STUDY.seed)
    held = {item.question for item in splits.test}
    assert not held & {item.question for part in (splits.train, splits.validation) for item in part}
    without = [item for item in data if item.question not in held]
    assert result.vector.origin.data_digest == splits.train.digest
    assert {item.id for item in without} == {item.id for part in (splits.train, splits.validation) for item in part}
    choice = result.to_json()["selected"]
    assert (choice["on"], choice["choices_tried"]) == ("validation", 4)


def test_json_follows_the_contract_and_the_report_is_whole(result, tmp_path):
    value = result.to_json()
    json.dumps(value, allow_nan=False)
    assert {"behavior", "selected", "arms", "interactions", "nulls", "verdict"} <= set(value)
    assert (value["misread"]["n"], value["misread"]["of"]) == (0, len(result.splits.test))  # words tell all of them
    for arm in value["arms"]:
        assert {"prompt", "vector", "finetune", "vector_origin", "estimate"} <= set(arm)
        assert arm["estimate"]["ci_low"] <= arm["estimate"]["value"] <= arm["estimate"]["ci_high"]
    assert {tuple(entry["of"]) for entry in value["interactions"]} == {
        ("vector", "prompt"), ("prompt", "lora-sft"), ("vector", "lora-sft"),
    }  # fmt: skip
    assert {entry["scale"] for entry in value["interactions"]} == {"log-odds", "probability"}
    assert [null["family"] for null in value["nulls"]] == ["random"] * 2 + ["shuffled labels"] * 2
    sizes = {name: [n["effect"]["value"] for n in value["nulls"] if n["family"] == name] for name in value["null_p"]}
    assert value["null_p"] == {name: rank_p(value["null_test"]["effect"], of) for name, of in sizes.items()}
    figures = write_page(result.page(), tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert all(figure.read_bytes().startswith(b"\x89PNG") for figure in figures)
    assert value["verdict"] in page
    assert {figure.stem for figure in figures} == {"report-stacked-effects", "report-dose-response", "report-nulls"}
    assert all(f"plot-{name}" in page for name in ("stacked-effects", "dose-response", "nulls"))
    arms = [row[0] for row in result.summary().rows]
    assert len(set(arms)) == len(arms) == len(value["arms"]) - 3  # a fine-tune without a vector is one arm a prompt
    assert next(row for row in result.summary().rows if row[0] == "base")[2] == "0 (reference)"
    assert {"base", "base, prompt +, vector -", "lora-sft, vector + refitted", "lora-sft, prompt -"} <= set(arms)
    assert all(sum(map(len, row)) + 10 <= 80 for row in result.summary().rows)  # a line each on a narrow screen
    (costs,) = (table for table in result.page().tables if table.title == "What it costs")
    assert len(costs.rows) == len(value["costs"]) == 6  # either sign: alone, and on the fine-tune by either vector
    assert all(cell in page for row in costs.rows for cell in row)


def test_prompts_vectors_and_fine_tunes_are_as_far_from_the_bare_model_as_plain_passes_say(llama, result):
    arms = {(one["prompt"], one["vector"], one["finetune"], one["vector_origin"]): one
            for one in result.to_json()["distances"]}  # fmt: skip
    prompts = {(side, "none", "none", "transferred") for side in ("positive", "negative")}
    steered = {("none", side, "none", "transferred") for side in ("positive", "negative")}
    tuned = {("none", side, "lora-sft", origin) for side in ("positive", "negative") for origin in
             ("transferred", "refitted")}  # fmt: skip
    assert set(arms) == prompts | steered | tuned | {("none", "none", "lora-sft", "transferred")}
    prompted = arms[("positive", "none", "none", "transferred")]
    reference, logp = (
        [
            llama.module(torch.tensor([text.ids])).logits[0, text.answer_start - 1 : -1].log_softmax(-1)
            for text in neutral_answers(llama.format, TEXTS, system=system)
        ]
        for system in (None, "be kind")
    )
    plain = [float((b.exp() * (b - a)).sum(-1).mean()) for a, b in zip(reference, logp, strict=True)]
    assert prompted["kl"]["value"] == pytest.approx(np.mean(plain), rel=1e-3)
    assert prompted["kl"]["n"] == TEXTS
    assert all(one[kind]["value"] > 0 for one in arms.values() for kind in ("kl", "kl_reverse"))
    words = f"vector + {arms[('none', 'positive', 'none', 'transferred')]['kl']['value']:.2g}"
    assert words in result.verdict
    (table,) = (table for table in result.page().tables if table.title == "How far from the bare model")
    assert len(table.rows) == len(arms)


def test_samples_are_the_first_test_items_and_what_generate_says(llama, result):
    samples = result.value["samples"]
    assert [item["id"] for item in samples["items"]] == [item.id for item in result.splits.test.items[:3]]
    assert "never picked" in samples["rule"]
    plan = result.vector.at(result.choice.layer, result.choice.scale)
    for item in samples["items"]:
        assert [arm["label"] for arm in item["arms"]] == ["unsteered", "vector positive", "vector negative"]
        texts = generate(llama, [item["prompt"]], [None, plan], max_new_tokens=TOKENS)[0]
        assert [arm["text"] for arm in item["arms"][:2]] == texts
        assert item["arms"][0]["edited_positions"] == 0 < item["arms"][1]["edited_positions"]
    (table,) = (table for table in result.page().tables if table.title == "What the model says")
    assert len(table.rows) == 3
    assert samples["rule"] in result.card


def test_effects_of_a_refitted_vector_are_recorded_as_its_own(result):
    roles = {effect.name: effect.role for effect in result.effects if not effect.name.startswith("kl/")}
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

    def hear(self, event):
        if isinstance(event, Amount) and event.what != "pairs":
            self.total, self.earlier = self.total + event.total, self.earlier + event.done
        if isinstance(event, Advance) and event.what != "pairs":
            self.done += event.more
            if self.kill_at is not None and self.done >= self.kill_at:
                raise Killed


def test_a_killed_study_goes_on_without_redoing_and_gives_the_same(llama, data, tmp_path):
    def told(name, heard):
        value = run(llama, data, tmp_path / name, progress=Progress(heard.hear)).to_json()
        value["finetunes"]["lora-sft"].pop("seconds")
        return value

    first, resumed, third = Heard(), Heard(), Heard()
    whole = told("whole", first)
    killed = Heard(kill_at=first.total // 2)
    with pytest.raises(Killed):
        told("killed", killed)
    count = len((tmp_path / "killed" / "ledger.jsonl").read_text().splitlines())
    assert told("killed", resumed) == whole
    assert told("killed", third) == whole
    assert count >= 5
    assert first.total == first.done == resumed.total == third.total
    assert 0 < resumed.earlier <= killed.done
    assert resumed.earlier + resumed.done == resumed.total
    assert (third.earlier, third.done) == (third.total, 0)


def test_a_tuned_model_leaves_the_given_one_alone_and_lowers_its_loss(llama, data):
    before = llama.fingerprint
    splits = split(data)
    tuned = LoraSFT(epochs=3, learning_rate=5e-3).tune(llama, splits.train, splits.validation, seed=0)
    assert type(llama).fingerprint.func(llama) == before  # computed afresh
    losses = tuned.record["validation_loss_by_epoch"]
    assert losses[tuned.record["epoch_chosen"]] == min(losses) < losses[0]
    again = LoraSFT(epochs=3, learning_rate=5e-3).tune(llama, splits.train, splits.validation, seed=0)
    assert again.model.fingerprint == tuned.model.fingerprint


@pytest.mark.parametrize("architecture", ["gpt2", "bloom", "falcon", "opt"])
def test_the_study_runs_on_other_architectures(tiny, data, tmp_path, architecture):
    result = run(tiny(architecture), data, tmp_path, SMALL.model_copy(update={"finetunes": STUDY.finetunes}))
    assert len(result.grid) == 27
    base, steered = (result.grid[Cell("none", v, "lora-sft", "refitted")].log_odds for v in ("none", "positive"))
    assert not np.array_equal(base, steered)


def test_demonstrations_are_a_level_of_the_prompt(llama, data, tmp_path):
    study = SMALL.model_copy(update={"few_shot": Stack(data="x", few_shot=FewShot(shots=2, draws=2)).few_shot})
    result = run(llama, data, tmp_path, study)
    assert Cell("few-shot", "positive") in result.grid
    assert ("vector", "few-shot") in [entry.pairing.of for entry in result.interactions]
    assert result.to_json()["finetunes"]["few-shot"]["context_tokens"] > 0


def test_nulls_are_random_shuffled_and_of_another_behavior(llama, data, tmp_path):
    (other,) = other_behaviors("kindness", 1)
    result = run(llama, data, tmp_path, SMALL)
    assert [null.name for null in result.nulls.nulls] == ["random 0", "shuffled labels 0"]
    assert [near.name for near in result.nulls.neighbors] == [other.behavior]


def test_each_null_chooses_its_own_layer_and_strength_by_the_rule_of_the_vector(llama, data, tmp_path):
    result = run(llama, data, tmp_path, STUDY.model_copy(update={"finetunes": (), "nulls": 4}))
    choices = {(null.choice.layer, null.choice.scale) for null in result.nulls.nulls}
    assert len(choices) > 1
    for null in result.nulls.nulls:
        assert null.choice.rule == result.choice.rule
        assert [one.candidate.share for one in null.choice.tried] == pytest.approx(
            [one.candidate.share for one in result.choice.tried], rel=1e-3)  # fmt: skip
        measured = [one.log_odds for one in null.choice.tried if one.log_odds is not None]
        mine = next(one for one in null.choice.tried if one.candidate == null.choice.candidate)
        assert mine.log_odds == max(measured)


def test_prompts_that_the_data_do_not_have_are_missed(llama, data, table, tmp_path):
    few = SMALL.model_copy(update={"nulls": 0})
    assert NO_PROMPTS in run(llama, load_data(table), tmp_path / "without", few).warnings
    assert NO_PROMPTS not in run(llama, data, tmp_path / "with", few).warnings


def test_few_nulls_claim_nothing(llama, data, tmp_path):
    value = run(llama, data, tmp_path, SMALL).to_json()
    assert "raises" not in value["verdict"]
    assert "lowers" not in value["verdict"]
    assert value["null_test"]["claims"] is False
    assert "needs 39 nulls of each family" in value["verdict"]


def test_a_study_can_be_held_at_a_kl(llama, data, tmp_path):
    result = run(llama, data, tmp_path, SMALL.model_copy(update={"layers": (1, 2), "nulls": 0, "matched_kl": 0.05}))
    plans = [tried.candidate.plan(result.vector, Tokens("response")) for tried in result.choice.tried]
    assert len(plans) == 2
    assert all(0.02 < cost < 0.2 for cost in kl_at(llama, plans))
    assert "0.05 nats" in result.choice.rule
