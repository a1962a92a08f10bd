"""Splits are disjoint by question, stratified, and follow from the seed and the content alone."""

import random
from collections import Counter, defaultdict
from dataclasses import asdict, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from steerstack.data.items import DataSet, Item
from steerstack.data.splits import split
from steerstack.errors import DataError
from steerstack.util import digest


def item(i, question=None, exhibits=0, topic=""):
    return Item(f"i{i}", question or f"Question {i}?", ("a", "b"), exhibits, 1 - exhibits, topic=topic)


def data(items):
    return DataSet("b", tuple(items), "p", "s")


def ids(part):
    return {i.id for i in part}


def parts(splits):
    return splits.train, splits.validation, splits.test


@st.composite
def sets(draw):
    """Data sets in which questions recur, also with another letter or topic."""
    n, questions = draw(st.integers(20, 60)), draw(st.integers(12, 40))
    rng = random.Random(draw(st.integers(0, 10**6)))
    topics = draw(st.sampled_from([[""], ["x", "y"], ["", "x", "y", "z"]]))
    return data(item(i, f"Q{rng.randrange(questions)}", rng.randrange(2), rng.choice(topics)) for i in range(n))


def attempt(given_data, **options):
    try:
        return [ids(part) for part in parts(split(given_data, **options))]
    except DataError:
        return None


@settings(deadline=None, max_examples=80)
@given(sets(), st.integers(0, 99))
def test_every_item_is_used_once_and_no_question_in_two_parts(given_data, seed):
    groups = attempt(given_data, seed=seed)
    if groups is None:
        return
    assert sorted(i for part in groups for i in part) == sorted(ids(given_data))
    homes = defaultdict(set)
    for one in given_data:
        homes[one.question].add(next(n for n, part in enumerate(groups) if one.id in part))
    assert all(len(home) == 1 for home in homes.values())


@settings(deadline=None, max_examples=80)
@given(sets(), st.integers(0, 99), st.integers(0, 10**6))
def test_reordering_the_rows_changes_nothing(given_data, seed, order):
    shuffled = list(given_data)
    random.Random(order).shuffle(shuffled)
    assert attempt(data(shuffled), seed=seed) == attempt(given_data, seed=seed)


def test_a_question_in_two_strata_has_its_place_whatever_the_order_of_the_rows():
    items = [item(i, exhibits=i % 2) for i in range(40)]
    items += [item(40 + i, f"Question {i}?", exhibits=(i + 1) % 2) for i in range(7)]
    assert attempt(data(items)) == attempt(data(items[::-1]))


def test_shares_and_order_within_parts():
    splits = split(data(item(i) for i in range(100)))
    assert [len(part) for part in parts(splits)] == [40, 20, 40]
    for part in parts(splits):
        numbers = [int(i.id[1:]) for i in part]
        assert numbers == sorted(numbers)
        assert (part.behavior, part.source) == ("b", "s")
    assert [len(part) for part in parts(split(data(item(i) for i in range(100)), shares=(0.6, 0.1, 0.3)))] == [
        60,
        10,
        30,
    ]


@pytest.mark.parametrize("by", ["topic", "letter"])
def test_every_stratum_is_split_in_the_same_shares(by):
    items = [item(i, exhibits=i % 2) if by == "letter" else item(i, topic="xyz"[i % 3]) for i in range(120)]
    for part, share in zip(parts(split(data(items))), (0.4, 0.2, 0.4), strict=True):
        counts = Counter(i.stratum for i in part)
        assert len(counts) == (2 if by == "letter" else 3)
        assert set(counts.values()) == {round(share * 120 / len(counts))}


def test_the_seed_changes_the_split_and_gives_it_again():
    given_data = data(item(i) for i in range(60))
    first, again, other = (attempt(given_data, seed=seed) for seed in (0, 0, 1))
    assert first == again
    assert all(a != b for a, b in zip(first, other, strict=True))
    digests = split(given_data).digests
    assert list(digests) == ["train", "validation", "test"]
    assert len(set(digests.values())) == 3


def test_another_item_leaves_most_of_the_others_in_place():
    before, after = split(data(item(i) for i in range(100))), split(data(item(i) for i in range(101)))
    assert len(ids(before.test) & ids(after.test)) >= 38


def test_too_few_items_are_refused_with_the_counts():
    with pytest.raises(DataError, match="2 items are too few") as caught:
        split(data([item(0), item(1)]))
    assert "parts of" in str(caught.value)
    with pytest.raises(DataError, match="too few"):
        split(data(item(i, "the same question") for i in range(30)))


@pytest.mark.parametrize("shares", [(0.5, 0.5, 0.5), (0.5, 0.5, 0.0), (1.2, -0.4, 0.2), (0.3, 0.3, 0.3)])
def test_shares_must_be_positive_and_add_up(shares):
    with pytest.raises(DataError, match="shares of the splits"):
        split(data(item(i) for i in range(30)), shares=shares)


def test_shares_that_add_up_only_in_decimal_are_fine():
    assert len(split(data(item(i) for i in range(30)), shares=(0.7, 0.2, 0.1)).test) == 3


def test_a_group_stays_together_and_a_question_in_two_groups_is_refused():
    items = [replace(item(i), group=f"pair {i // 2}") for i in range(40)]
    homes = defaultdict(set)
    for number, part in enumerate(parts(split(data(items)))):
        for one in part:
            homes[one.group].add(number)
    assert len(homes) == 20
    assert all(len(home) == 1 for home in homes.values())
    with pytest.raises(DataError, match="One question stands in two groups"):
        split(data([*items, replace(items[0], id="again", group="another")]))


def test_a_digest_without_groups_is_what_it_was_before_there_were_groups():
    plain = data([item(0)])
    held = asdict(plain.items[0])
    assert held.pop("group") == ""
    assert plain.digest == digest.of_json([plain.behavior, [held]])
    assert data([replace(item(0), group="pair")]).digest != plain.digest
