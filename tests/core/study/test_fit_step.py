"""Fits that are measured on the same items are measured together, and give what each gives alone."""

from dataclasses import replace

import pytest

from steerstack.catalog.data import load_data
from steerstack.catalog.lookup import find
from steerstack.data.splits import split
from steerstack.errors import ExtractionError
from steerstack.study.fit_step import Fit
from steerstack.techniques.technique import Steering, technique_of


@pytest.fixture
def fits(table):
    splits = split(load_data(table), seed=0)
    tests = {"test": splits.test}
    named = {
        name: technique_of(
            find("extractor", name)(), position=None, tokens="response", layers=(2,), shares=(0.4,), kl=None
        )
        for name in ("mean-difference", "pca", "logistic")
    }
    return [Fit(name, of, splits.train, splits.validation, tests, "text", 0) for name, of in named.items()]


def test_together_they_give_what_each_gives_alone_with_fewer_passes(llama, fits, passes):
    each = [fit.run(llama, lambda _: None) for fit in fits]
    alone = len(passes)
    together = Fit.run_together(fits, llama, lambda _: None)
    assert len(passes) - alone < alone
    for one, other in zip(each, together, strict=True):
        assert other["values"]["test"] == pytest.approx(one["values"]["test"], abs=1e-6)
        assert (other["vector"], other["record"]) == (one["vector"], one["record"])


class NoDirection(Steering):
    """Finds none."""

    def fit(self, model, train, validation, mode, seed):
        raise ExtractionError("There is no direction.")


def test_a_fit_that_fails_takes_none_with_it(llama, fits):
    without = replace(fits[1], technique=NoDirection(**vars(fits[1].technique)))
    first, failure, last = Fit.run_together([fits[0], without, fits[2]], llama, lambda _: None)
    assert failure["failed"] == "There is no direction."
    assert not failure["values"]
    assert len(first["values"]["test"]) == len(last["values"]["test"]) > 0


def test_only_plans_on_the_same_items_share_a_pass(fits):
    few = {"test": fits[0].tests["test"].limit(2)}
    prompt = technique_of(
        find("baseline", "few-shot")(), position=None, tokens="response", layers=(2,), shares=(0.4,), kl=None
    )
    assert fits[1].shares_with(fits[0])
    assert not replace(fits[1], tests=few).shares_with(fits[0])
    assert not replace(fits[1], mode="letter").shares_with(fits[0])
    assert not replace(fits[1], technique=prompt).shares_with(fits[0])
