"""Every technique of a study has the same number of choices and the same criterion, and the result says so."""

from dataclasses import replace

import pytest

from steerstack import Efficiency, Frontier, Generalize, Stack
from steerstack.catalog.data import load_data
from steerstack.data.items import SystemPrompts
from steerstack.study.fair_choices import choices_of, compute_told, remarks, unequal
from steerstack.techniques.prompt_variants import prompt_variants
from steerstack.techniques.selection import CRITERION

NAMES = ("mean-difference", "system-prompt", "few-shot", "lora-sft")
GRID = {"layers": (1, 2), "shares": (0.1, 0.3), "position": "response", "data": "kindness"}
TECHNIQUES = {**GRID, "techniques": NAMES, "nulls": False}

STUDIES = [
    (Stack(**GRID, nulls=0, neighbors=0), 4, {"vector", "prompt", "few-shot", "lora-sft"}),
    (Efficiency(**TECHNIQUES, sizes=(16,), seeds=1), 4, set(NAMES)),
    (Generalize(**TECHNIQUES, shift="margin"), 4, set(NAMES)),
    (Frontier(**TECHNIQUES, budgets=(0.05,), knowledge=0), 2, set(NAMES)),  # a layer has one strength at a KL
]


@pytest.mark.parametrize(("study", "choices", "names"), STUDIES, ids=lambda of: getattr(of, "name", ""))
def test_all_techniques_try_as_much_by_the_same_criterion(llama, table, tmp_path, study, choices, names):
    data = replace(load_data(table), prompts=SystemPrompts(("be kind",), ("be cold",)))
    value = study.run(llama, data=data, folder=tmp_path).value
    assert {one["technique"] for one in value["choices"]} == names
    assert {(one["choices_tried"], one["criterion"]) for one in value["choices"]} == {(choices, CRITERION)}
    assert value["choices_warning"] == ""
    assert all(one["flops"] > 0 for one in value["choices"])


def test_unequal_chances_are_told():
    choices = choices_of({"a": {"choices_tried": 4, "criterion": CRITERION}, "b": {}, "null: random": {}})
    assert [one["technique"] for one in choices] == ["a", "b"]
    assert "a 4 by largest mean log-odds" in unequal(choices)
    assert "b 1 by nothing" in unequal(choices)
    assert unequal(choices[:1]) == ""


def test_prompts_are_those_of_the_data_then_two_together_then_with_answers():
    answers = [f"Answer {n}." for n in range(9)]
    prompts = prompt_variants(("Be A.", "Be B."), answers, 10, seed=0)
    assert len(prompts) == len(set(prompts)) == 10
    assert prompts[:4] == ["Be A.", "Be B.", "Be A. Be B.", "Be B. Be A."]
    assert all(any(answer in prompt for answer in answers) for prompt in prompts[4:])
    assert prompts == prompt_variants(("Be A.", "Be B."), answers, 10, seed=0)
    assert prompt_variants(("Be A.", "Be B."), answers, 1, seed=0) == ["Be A.", "Be B."]
    assert prompt_variants((), answers, 10, seed=0) == []


def test_unequal_compute_and_what_techniques_say_of_themselves_are_told():
    records = {"a": {"flops": 1e9, "context_tokens": 0}, "b": {"flops": 3e10, "remark": "Useless here."}, "c": {}}
    choices = choices_of(records)
    assert [set(one) & {"flops", "context_tokens", "remark"} for one in choices] == [
        {"flops", "context_tokens"}, {"flops", "remark"}, set(),
    ]  # fmt: skip
    assert "a 1.0e+09, b 3.0e+10" in compute_told(choices)
    assert compute_told(choices[:1]) == compute_told(choices[2:]) == ""
    assert remarks(choices) == ["b: Useless here."]
