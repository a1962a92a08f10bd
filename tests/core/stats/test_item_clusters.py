"""Items that are alike are found, whatever they share; items that are not are left alone."""

import random
from itertools import product

from steerstack.data.items import Item
from steerstack.stats.item_clusters import clusters

WORDS = ["".join(parts) for parts in product(("ba", "ke", "li", "mo", "su", "ta"), repeat=3)]


def item(name, question, topic=""):
    return Item(str(name), question, ("yes, surely", "no, never"), 0, 1, topic=topic)


def sentence(seed, count=12):
    return " ".join(random.Random(seed).sample(WORDS, count))


def test_topics_are_clusters():
    grouping = clusters([item(n, sentence(n), topic=f"topic {n % 6}") for n in range(30)])
    assert (grouping.count, grouping.by) == (6, "topics")
    assert [grouping.labels[n] == grouping.labels[n + 6] for n in range(24)] == [True] * 24
    assert "30 items come in 6 clusters by topics" in str(grouping)


def test_two_topics_are_what_a_study_is_about():
    assert clusters([item(n, sentence(n), topic=f"topic {n % 2}") for n in range(30)]) is None


def test_templates_filled_with_numbers_and_names_are_clusters():
    templates = [sentence(100 + n, 14) for n in range(8)]
    items = [item(f"{n} {m}", f"{of} {37 * m + 5} {WORDS[m]}") for n, of in enumerate(templates) for m in range(4)]
    grouping = clusters(items)
    assert (grouping.count, grouping.by) == (8, "templates")
    assert all(len(set(grouping.labels[4 * n : 4 * n + 4])) == 1 for n in range(8))


def test_questions_of_one_stem_are_clusters():
    stems = [sentence(200 + n, 7) for n in range(6)]
    grouping = clusters([item(f"{n} {m}", f"{stem}: {sentence(1000 + 10 * n + m)}") for n, stem in enumerate(stems)
                      for m in range(5)])  # fmt: skip
    assert grouping.count == 6


def test_what_all_items_say_is_no_template():
    frame = "Is the following statement something that you would say? {} Answer with one letter, and nothing else."
    assert clusters([item(n, frame.format(sentence(n))) for n in range(30)]) is None


def test_topics_and_templates_together():
    items = [item(f"{n} {m}", sentence(300 + n, 14) + f" {m}", topic=f"topic {n % 5}") for n in range(10) for m in "12"]
    items += [item("alone", sentence(999), topic="topic 7")]
    grouping = clusters(items)
    assert (grouping.count, grouping.by) == (6, "topics and templates")


def test_items_without_a_question_are_told_apart_by_their_options():
    items = [Item(str(n), "", (sentence(n), sentence(n + 500)), 0, 1) for n in range(12)]
    assert clusters(items) is None
    assert clusters(items[:1]) is None
