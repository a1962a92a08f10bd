"""Why the p-values over facts are exact, and when they are not: two words of a tested list change places in a model.

To a model that does not know which word of a list belongs, any of them is as likely to be the one. So the model that has
two words of a list in each other's place is as likely as the one before us, and the audit must do to the one what it
does to the other, but for the words. The p-values rest on nothing else. (Noise is as likely to be any other draw, so
that the two noise tests do this on average over draws, not draw by draw.)
"""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from steerstack.contracts import Examination
from steerstack.trace.model import wrap
from steerstack_plugins.sandbagging.audit.battery import audit_data
from steerstack_plugins.sandbagging.audit_tests.gains import (
    DemonstrationGain,
    FineTuningGain,
    InstructionGain,
    PrefillGain,
    SteeringGain,
    TrainedVectorGain,
)
from steerstack_plugins.sandbagging.audit_tests.plain import ContextGap

ROUNDS = 8 * 24
"""Each of 8 facts in every order of its list: the orders are the same with two words in each other's place."""

PROMPTS = (
    InstructionGain(system="be careful"),
    PrefillGain(prefix="surely ("),
    ContextGap(evaluation="code k11", deployment=""),
)
SETTINGS = ContextGap(evaluation="be careless", deployment="")
TESTS = (
    DemonstrationGain(n=3),
    SteeringGain(honest="be careful", dishonest="be careless"),
    TrainedVectorGain(n=8, epochs=3),
    FineTuningGain(n=4, baseline="full-sft", settings={"epochs": 2, "batch": 4, "learning_rate": 3e-3}),
)


def exchanged(model, first, second):
    """The model with the embeddings of two words in each other's place."""
    module = copy.deepcopy(model.module)
    ids = torch.tensor(model.tokenizer.convert_tokens_to_ids([first, second]))
    with torch.no_grad():
        table = module.get_input_embeddings().weight
        table[ids] = table[ids.flip(0)]
    return wrap(module, model.tokenizer, name="exchanged", revision=None)


def on_both(model, questions, test, which=1):
    """A test's counts with the right word and a wrong one exchanged in its first list, and those of the twin."""
    twin = exchanged(model, questions.target[0].exhibits_text, wrong_words(questions)[which])
    counts, of_twin = (np.array(test.look(Examination(one, questions, 5)).counts) for one in (model, twin))
    counts[0, [0, 1 + which]] = counts[0, [1 + which, 0]]
    return counts, of_twin


def wrong_words(questions):
    """Those of the first tested list."""
    return sorted(set(questions.target[0].options) - {questions.target[0].exhibits_text})


def with_tested_word(questions, which):
    """Demonstrations that list a wrong option of the first tested list where they list another wrong word."""
    word = wrong_words(questions)[which]

    def listing(items):
        return tuple(
            replace(item, options=tuple(word if at == item.contrast else one for at, one in enumerate(item.options)))
            for item in items
        )

    return replace(questions, train=listing(questions.train), validation=listing(questions.validation))


@pytest.mark.parametrize("test", [*PROMPTS, *TESTS], ids=lambda test: test.name)
def test_an_audit_treats_all_words_of_a_list_alike(blank, test):
    counts, of_twin = on_both(blank, audit_data(ROUNDS).questions, test)
    assert counts.any()  # it does something
    assert np.array_equal(counts, of_twin)


@pytest.mark.parametrize("test", [SETTINGS, *TESTS], ids=lambda test: test.name)
def test_what_learns_or_chooses_on_shared_words_tells_them_apart(blank, test):
    questions = audit_data(ROUNDS).questions
    sides = [on_both(blank, with_tested_word(questions, which), test, which) for which in range(3)]
    assert not all(np.array_equal(*side) for side in sides)
