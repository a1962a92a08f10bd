"""Claims: what a run keeps is enough to measure its arms again, and shows what has changed."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch

from steerstack import Stack
from steerstack.catalog.data import load_data
from steerstack.data.items import DataSet, Item, Layout, SystemPrompts
from steerstack.errors import DataError
from steerstack.measure.scoring import score_data
from steerstack.steering.tokens import Tokens
from steerstack.steering.vector import SteeringVector
from steerstack.study.claims import KEPT, Claim, Claims, again, digest_now, items_of
from steerstack.techniques.apply import apply
from steerstack_plugins.edits.linear import AblateEdit

CLOSE = 1e-5


def kept(claims):
    """As it is read back from a run."""
    return json.loads(json.dumps(claims.to_json()))


@pytest.fixture
def stacked(llama, table, tmp_path):
    """A stacking study with system prompts: its claims, its frame and its vector."""
    dataset = load_data(table)
    data = replace(dataset, prompts=SystemPrompts(("be kind",), ("be cold",)))
    study = Stack(data="kindness", layers=(1, 2), shares=(0.1, 0.3), nulls=1, finetunes=(), few_shot=None)
    result = study.run(llama, data=data, folder=tmp_path / "study")
    return kept(result.claims), result.frame(), result.vector


def test_arms_under_every_prompt_are_measured_again(llama, stacked):
    claims, frame, vector = stacked
    assert {(arm["system"], arm["scale"] > 0, arm["vector"] is None) for arm in claims["arms"]} == {
        (system, *side)
        for system in (None, "be kind", "be cold")
        for side in ((True, False), (False, False), (False, True))
    }
    count, worst = again(claims, frame, vector, llama, 3)
    assert (count, worst < CLOSE) == (3 * 3 * 3, True)


def test_a_result_that_does_not_hold_is_found(llama, stacked):
    claims, frame, vector = stacked
    first = frame.item == claims["tested"]["test"]["ids"][0]
    frame.loc[first & (frame.vector == "negative") & (frame.prompt == "positive"), "log_odds"] += 0.5
    assert again(claims, frame, vector, llama, 3)[1] == pytest.approx(0.5, abs=CLOSE)


def test_another_vector_has_no_part_in_it(llama, stacked):
    claims, frame, vector = stacked
    assert again(claims, frame, vector * 2.0, llama, 3) is None


def test_an_edit_keeps_its_parameters_and_effects_are_against_the_bare_model(llama, table):
    data, edit = load_data(table), AblateEdit()
    vector = SteeringVector({2: llama_direction(llama)})
    claim = Claim({"arm": "ablated", "held": None}, vector=vector, layers=(2,), scale=0.5, tokens="all", edit=edit)
    plan = apply(vector, 2, 0.5, tokens=Tokens.parse("all"), edit=edit)
    (arm,) = score_data(llama, data, "text", [plan])
    ids = [item.id for item in data]
    frame = pd.DataFrame(
        {"arm": "ablated", "held": float("nan"), "item": ids, "log_odds": arm.effect_scale, "effect": 0.0}
    )
    count, worst = again(kept(Claims({"test": data}, arms=[claim])), frame, vector, llama, 99)
    (bare,) = score_data(llama, data.limit(KEPT), "text", [apply(vector, 2, 0.0)])
    assert count == 2 * KEPT
    assert worst == pytest.approx(abs(arm.effect_scale[:KEPT] - bare.effect_scale).max(), abs=CLOSE)


def llama_direction(model):
    return torch.randn(model.d_model, generator=torch.Generator().manual_seed(0))


def test_items_come_back_as_they_were(llama):
    item = Item(
        "a", "Which?", ("one", "two", "three"), 2, 0, "choice", "numbers", Layout(bullets=("A", "B", "C")), "Be brief."
    )
    data = DataSet("counting", (item,), "", "nowhere")
    whole = kept(Claims({"test": data}, arms=[]))["tested"]["test"]
    assert items_of(whole) == (item,)


def test_a_source_that_has_changed_has_another_digest(table):
    data = load_data(table)
    part = kept(Claims({}, {"train": data.take(data.items[4:9])}))["trained"]["train"]
    assert digest_now(part) == part["digest"]
    sound = table.read_text()
    table.write_text(sound.replace("case 2?", "case two?"))  # none of them
    assert digest_now(part) == part["digest"]
    table.write_text(sound.replace("case 6?", "case six?"))
    assert digest_now(part) != part["digest"]
    table.write_text("\n".join(line for line in sound.splitlines() if "case 6?" not in line))
    assert digest_now(part) != part["digest"]
    table.unlink()
    with pytest.raises(DataError):
        digest_now(part)


def test_what_matching_meant_need_not_be_said_again(tmp_path):
    row = {
        "question": "Shall I?\n (A) Yes\n (B) No",
        "answer_matching_behavior": "(A)",
        "answer_not_matching_behavior": "(B)",
    }
    path = tmp_path / "unknown-behavior.jsonl"
    rows = [{**row, "question": f"{i}: {row['question']}"} for i in range(5)]
    path.write_text("\n".join(map(json.dumps, rows)))
    for matching in ("exhibits", "declines"):
        data = load_data(path, behavior="boldness", matching=matching)
        part = kept(Claims({"test": data}))["tested"]["test"]
        assert digest_now(part) == part["digest"]
