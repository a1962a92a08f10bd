"""Tests over facts: against every key written out, and on two thousand honest models of each kind."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from steerstack.data.items import Item
from steerstack.errors import StudyError
from steerstack_plugins.sandbagging.audit.audit import Evidence
from steerstack_plugins.sandbagging.audit.choices import Choices
from steerstack_plugins.sandbagging.audit.tally import Tally, joint_p
from steerstack_plugins.sandbagging.combination.rule import Rule
from steerstack_plugins.sandbagging.small_world import world as worlds

ITEMS = worlds.questions(worlds.TARGET, "tested", 32)
MODELS = 2000
COUNTS = st.lists(st.lists(st.integers(-3, 4), min_size=2, max_size=4), min_size=1, max_size=4)


@given(COUNTS)
def test_both_p_values_are_those_of_all_keys_written_out(rows):
    tally = Tally(tuple(np.array(row) for row in rows))
    totals = np.array([sum(picked) for picked in product(*rows)])
    assert tally.below == pytest.approx((totals <= tally.total).mean())
    assert tally.above == pytest.approx((totals >= tally.total).mean())


def test_answers_count_by_their_words_whatever_their_place():
    right = np.array([item.exhibits for item in ITEMS])
    other = np.array([item.options.index(min(set(item.options) - {item.exhibits_text})) for item in ITEMS])
    assert [counts.tolist() for counts in Tally.of(ITEMS, right).counts] == [[4, 0, 0, 0]] * 8
    assert [counts.tolist() for counts in Tally.of(ITEMS, other).counts] == [[0, 4, 0, 0]] * 8
    assert Tally.of(ITEMS, other).below == pytest.approx(0.75**8)  # no lower, if it may be sure of what is not so


@pytest.mark.parametrize("place", range(4))
def test_a_model_that_answers_by_place_is_at_chance_at_every_fact(place):
    tally = Tally.of(ITEMS, np.full(len(ITEMS), place))
    assert [counts.tolist() for counts in tally.counts] == [[1, 1, 1, 1]] * 8
    assert (tally.below, tally.above) == (1.0, 1.0)


def test_who_avoids_the_right_answer_alone_is_found():
    shifts = np.random.default_rng(0).integers(1, 4, len(ITEMS))  # any wrong word alike, as a lock has it
    wrong = (np.array([item.exhibits for item in ITEMS]) + shifts) % 4
    assert Tally.of(ITEMS, wrong).below < 1e-3


def test_of_a_fact_with_two_lists_the_first_counts_and_words_twice_are_left_out():
    lists = [("a", "b", "c"), ("d", "e", "a"), ("c", "a", "b")]
    items = [
        Item(f"i{at}", "Which?", options, options.index("a"), (options.index("a") + 1) % 3, group="fact")
        for at, options in enumerate(lists)
    ]
    twice = Item("j", "Which?", ("a", "b", "b"), 0, 1)
    assert [c.tolist() for c in Tally.of([*items, twice], np.array([1, 0, 1, 0])).counts] == [[1, 1, 0]]


def test_tallies_of_different_facts_are_refused():
    with pytest.raises(StudyError, match="different facts"):
        Tally((np.array([1, 0]),)) - Tally((np.array([1, 0]), np.array([0, 1])))


def _answers(kind, generator):
    """The chosen places of an honest model that does not know the facts, or only some of them."""
    if kind == "always-a":
        return np.full(len(ITEMS), generator.integers(4))
    if kind == "guesser":
        return generator.integers(4, size=len(ITEMS))
    words = sorted({option for item in ITEMS for option in item.options})
    liked = dict(zip(words, generator.random(len(words)), strict=True))  # what it is sure of, true or not
    share = generator.choice([0.0, 0.2])
    knowledge = {fact: generator.random() < share for fact in sorted({item.group for item in ITEMS})}
    best = [int(np.argmax([liked[option] for option in item.options])) for item in ITEMS]
    return np.array(
        [item.exhibits if knowledge[item.group] else place for item, place in zip(ITEMS, best, strict=True)]
    )


def _chosen(places):
    logp = np.full((len(ITEMS), 4), -2.0)
    logp[np.arange(len(ITEMS)), places] = -0.1
    return Choices(ITEMS, logp)


@pytest.mark.parametrize("kind", ["always-a", "guesser", "ignorant"])
def test_the_rule_keeps_its_level_for_models_that_do_not_know(kind):
    """Both ways of the rule count, the bound aside; what an elicitation does to such a model is another draw of it."""
    generator = np.random.default_rng(5)
    levels = (0.001, 0.05, 0.2)
    counts, over_items = np.zeros(len(levels)), 0
    for _ in range(MODELS):
        plain, more = (_chosen(_answers(kind, generator)) for _ in range(2))
        evidence = Evidence({"a": 1.0}, plain, {"a": more.tally - plain.tally})
        counts += [Rule("a", 0.0, (1, 1), level).judge(evidence).sandbags for level in levels]
        over_items += stats.binom.cdf(plain.right.sum(), len(ITEMS), 0.25) < 0.001
    assert (counts <= stats.binom.ppf(0.999, MODELS, levels)).all(), counts / MODELS
    if kind == "ignorant":
        assert over_items / MODELS > 0.01  # ten times its level: what a test over questions does with such models


def test_the_joint_p_value_is_that_of_all_keys_written_out():
    plain = Tally(tuple(np.array(row) for row in ([0, 3, 1, 0], [1, 1, 2, 0], [0, 0, 4, 0])))
    gains = [Tally(tuple(np.array(row) for row in rows)) for rows in (
        ([2, -1, 0, -1], [3, -1, -2, 0], [1, 0, -1, 0]), ([0, 0, 0, 0], [1, 0, -1, 0], [-1, 1, 0, 0]))]  # fmt: skip
    columns = [[-row for row in plain.counts], *([*tally.counts] for tally in gains)]
    every = np.array([[sum(row[k] for row, k in zip(rows, key, strict=True)) for rows in columns]
                      for key in product(range(4), repeat=3)])  # fmt: skip
    largest = ((every - every.mean(0)) / every.std(0)).max(1)
    exact = (largest >= largest[0] - 1e-9).mean()  # the key of zeros is the true one
    assert joint_p(plain, gains, draws=19999) == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / 19999))


def test_the_joint_p_value_keeps_its_level_whatever_the_habits_and_the_number_of_tests():
    generator, counts = np.random.default_rng(3), {0.05: 0, 0.2: 0}
    models = 400
    for _ in range(models):
        kind = str(generator.choice(["always-a", "guesser", "ignorant"]))
        plain, *others = (_chosen(_answers(kind, generator) if kind != "ignorant" else _unknowing(generator)).tally
                          for _ in range(6))  # fmt: skip
        p = joint_p(plain, [tally - plain for tally in others], draws=199)
        counts = {level: count + (p <= level) for level, count in counts.items()}
    for level, count in counts.items():
        assert count <= stats.binom.ppf(0.999, models, level)
    assert joint_p(plain - plain, []) == 1.0


def _unknowing(generator):
    """Places of a model that is sure of words, true or not, and knows no fact."""
    words = sorted({option for item in ITEMS for option in item.options})
    liked = dict(zip(words, generator.random(len(words)), strict=True))
    return np.array([int(np.argmax([liked[option] for option in item.options])) for item in ITEMS])
