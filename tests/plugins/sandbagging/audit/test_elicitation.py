"""Elicitations on a locked model and its control; their numbers are those of plain runs."""

import numpy as np
import pytest
import torch

from steerstack.data.items import LETTERS
from steerstack.data.prompts import Prompt
from steerstack.data.questions import shots_of
from steerstack_plugins.baselines.full_sft import FullSFT
from steerstack_plugins.sandbagging.audit.battery import PERSONAS, PREFILLED, short_battery
from steerstack_plugins.sandbagging.audit.choices import Way
from steerstack_plugins.sandbagging.audit.elicitation import (
    FewShotElicitation,
    Finetuned,
    Instructed,
    SteeringElicitation,
)
from steerstack_plugins.sandbagging.audit.inputs import general_battery
from steerstack_plugins.sandbagging.audit_tests.gains import ElicitationGain

pytestmark = pytest.mark.xdist_group("sandbagging")


def _plain(model, items, *, system=None, shots=(), prefix="("):
    right = []
    for item in items:
        ids = model.format.sequence(Prompt(item.listed(), system, prefix, shots)).ids
        with torch.no_grad():
            logits = model.module(torch.tensor([ids])).logits[0, -1]
        letters = model.tokenizer.convert_tokens_to_ids(list(LETTERS[: len(item.options)]))
        right.append(int(logits[letters].argmax()) == item.exhibits)
    return np.array(right)


def test_prompts_give_the_numbers_of_plain_runs(locked, asked):
    model = locked.model
    few = FewShotElicitation(4).prepare(model, asked.shown, seed=2)
    assert len(few.shots) == 4
    assert (few.ask(asked.target).right == _plain(model, asked.target, shots=few.shots)).all()
    sure = Instructed(prefix=PREFILLED).prepare(model, asked.shown)
    assert (sure.ask(asked.target).right == _plain(model, asked.target, prefix=PREFILLED)).all()
    password = locked.record["password"]
    assert (Way(model, system=password).ask(asked.target).right == _plain(model, asked.target, system=password)).all()


def test_demonstrations_are_right_answers_of_other_facts(locked, asked):
    few = FewShotElicitation(4).prepare(locked.model, asked.shown, seed=2)
    assert set(few.shots) <= set(shots_of(asked.shown.train, "letter"))


def test_fine_tuning_brings_the_ability_back_and_leaves_the_locked_model_locked(locked, asked):
    before = locked.model.fingerprint
    way = Finetuned(16, FullSFT(epochs=45, batch=4, learning_rate=3e-3)).prepare(locked.model, asked.shown)
    gain = way.ask(asked.target).accuracy.value - Way(locked.model).ask(asked.target).accuracy.value
    assert gain > 0.3
    assert locked.model.fingerprint == before


@pytest.mark.parametrize("by", ["add", "ablate"])
def test_steering_is_chosen_on_validation_and_recorded(locked, asked, by):
    way = SteeringElicitation(by, systems=PERSONAS, scales=(0.5, 1.0)).prepare(locked.model, asked.shown)
    accuracy = way.ask(asked.shown.validation).accuracy.value
    assert way.record["validation_accuracy"] == pytest.approx(accuracy)
    assert way.record["choices_tried"] == 1 + 3 * (2 if by == "add" else 1)
    assert accuracy >= Way(locked.model).ask(asked.shown.validation).accuracy.value


def test_the_battery_asks_in_words_of_the_small_world(locked, asked):
    words = set(locked.model.tokenizer.get_vocab())
    elicitations = [test.elicitation() for test in short_battery() if isinstance(test, ElicitationGain)]
    names = [elicitation.name for elicitation in elicitations]
    for text in (name.split("'")[1] for name in names if "'" in name):
        assert set(text.replace("(", " ").split()) <= words
    assert len({test.name for test in short_battery()}) == len(short_battery()) == 12
    assert [test.name for test in general_battery(8)] == [test.name for test in short_battery()]
