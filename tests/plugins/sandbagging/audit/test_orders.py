"""Questions in balanced orders, and the facts that they are of."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.sandbagging.audit.test_choices import ITEMS

from steerstack.data.items import Item
from steerstack_plugins.sandbagging.audit.orders import balanced, facts_of
from steerstack_plugins.sandbagging.small_world import world as worlds


def _places(items):
    return Counter((item.group, place, text) for item in items for place, text in enumerate(item.options))


@given(st.integers(2, 6), st.integers(0, 5), st.integers(1, 5))
def test_every_option_stands_at_every_place_once(size, right, step):
    right %= size
    item = Item("i", "Which?", tuple(f"o{n}" for n in range(size)), right, (right + 1 + step % (size - 1)) % size)
    orders = balanced([item])
    assert len(orders) == len({order.id for order in orders}) == size
    assert len(_places(orders)) == size**2
    assert {(order.exhibits_text, order.contrast_text) for order in orders} == {
        (item.exhibits_text, item.contrast_text)
    }


def test_two_orders_are_one_anothers_reverse():
    first, second = balanced(ITEMS[:1], both=True)
    assert first.options == second.options[::-1]


def test_what_is_balanced_stays_as_it_is():
    once = balanced(ITEMS[:3])
    assert balanced(once) == once
    items = worlds.questions(worlds.TARGET, "tested", 96)
    assert balanced(items) == items


def test_a_source_that_lists_the_right_answer_first_is_shuffled():
    items = [Item(f"i{n}", f"Which of {n}?", ("a", "b", "c", "d"), 0, 1) for n in range(60)]
    firsts = Counter(balanced([item])[0].exhibits for item in items)
    assert len(firsts) == 4
    assert max(firsts.values()) < 30


@pytest.mark.parametrize(
    ("n", "facts", "each"), [(96, 8, 12), (32, 8, 4), (36, 8, 4), (70, 8, 8), (10, 2, 4), (3, 1, 4)]
)
def test_questions_of_the_small_world_are_whole_rounds(n, facts, each):
    items = worlds.questions(worlds.TARGET, "tested", n, seed=1, world=2)
    assert Counter(Counter(item.group for item in items).values()) == {each: facts}
    assert set(_places(items).values()) == {each // 4}
    assert len(items) == each * facts <= max(n, 4)
    lists = {item.group: frozenset(item.options) for item in items}
    assert len(frozenset.union(*lists.values())) == 4 * facts  # no word in two lists
    assert len({(item.group, item.options) for item in items}) == len(items)


def test_intervals_are_over_facts():
    assert facts_of(balanced(ITEMS[:6])) == tuple(n for n in range(6) for _ in range(4))
    assert facts_of([Item(f"i{n}", f"Q{n}?", ("a", "b"), 0, 1) for n in range(8)]) is None
