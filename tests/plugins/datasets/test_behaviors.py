"""The data sets of our own writing: enough, balanced, and without a give-away."""

import re
from collections import Counter
from pathlib import Path
from statistics import mean

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, KFold

from steerstack.catalog.data import behaviors, load_data
from steerstack.data.prompts import ChatFormat
from steerstack.data.questions import ask
from steerstack.data.splits import split
from steerstack.data.words import word_guesses
from steerstack.testing.models import tiny_tokenizer

NAMES = ["hallucination", "myopia", "power-seeking", "sycophancy", "truthfulness"]
each = pytest.mark.parametrize("name", NAMES)


def test_all_five_target_behaviours_ship():
    assert sorted(behaviors()) == NAMES


@each
def test_enough_items_of_varied_wording(name):
    data = load_data(name)
    assert len(data) >= 160
    for texts in ([i.question for i in data], [i.exhibits_text for i in data], [i.contrast_text for i in data]):
        assert len({re.sub(r"\W+", " ", text.lower()).strip() for text in texts}) == len(texts)
    openings = Counter(" ".join(item.question.split()[:4]).lower() for item in data)
    assert openings.most_common(1)[0][1] <= 0.04 * len(data)
    topics = Counter(item.topic for item in data)
    assert len(topics) >= 12
    assert min(topics.values()) >= 6


@each
def test_letters_are_balanced_overall_and_in_every_split(name):
    data = load_data(name)
    assert abs(sum(item.exhibits == 0 for item in data) - len(data) / 2) <= 1
    splits = split(data)
    for part in (splits.train, splits.validation, splits.test):
        assert 0.35 < mean(item.exhibits == 0 for item in part) < 0.65


@each
def test_length_does_not_tell(name):
    lengths = [(len(item.exhibits_text), len(item.contrast_text)) for item in load_data(name)]
    assert mean(a for a, _ in lengths) == pytest.approx(mean(b for _, b in lengths), rel=0.04)
    assert 0.45 <= mean(a > b for a, b in lengths if a != b) <= 0.55


@each
def test_yes_and_no_do_not_tell(name):
    for item in load_data(name):
        for text in (item.exhibits_text, item.contrast_text):
            assert not re.match(r"(yes|no|yeah|nope|nah)\b", text, re.IGNORECASE)


@each
def test_no_single_word_tells(name):
    data = load_data(name)
    texts = [item.exhibits_text for item in data], [item.contrast_text for item in data]
    sides = [Counter(w for text in side for w in set(re.findall(r"[a-z']+", text.lower()))) for side in texts]
    for word in set(sides[0]) | set(sides[1]):
        assert abs(sides[0][word] - sides[1][word]) <= 0.22 * len(data), word


READERS = {
    "words": lambda: CountVectorizer(token_pattern=r"\b\w+\b"),
    "words and pairs": lambda: TfidfVectorizer(ngram_range=(1, 2), token_pattern=r"\b\w+\b", sublinear_tf=True),
    "letters": lambda: TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True),
    "openings": lambda: CountVectorizer(preprocessor=lambda text: text.lower()[:15], token_pattern=r"\b\w+\b"),
}
"""What a reader who sees one answer and no question may go by."""


def picked(data, reader, parts):
    """Share of the items of which the answer that a classifier of single answers takes for the likelier is the one."""
    sides = [np.array([item.exhibits_text for item in data]), np.array([item.contrast_text for item in data])]
    right = []
    for learned, held in parts:
        words, model = READERS[reader](), LogisticRegression(max_iter=1000)
        model.fit(words.fit_transform([*sides[0][learned], *sides[1][learned]]), np.repeat([1, 0], len(learned)))
        odds = [model.decision_function(words.transform(side[held])) for side in sides]
        right.extend(np.where(np.isclose(*odds), 0.5, odds[0] > odds[1]))
    return mean(map(float, right))


@pytest.mark.parametrize("reader", READERS)
@each
def test_the_answers_alone_do_not_tell(name, reader):
    data = load_data(name)
    assert picked(data, reader, KFold(5, shuffle=True, random_state=0).split(data.items)) <= 0.65
    assert picked(data, reader, GroupKFold(5).split(data.items, groups=[item.kin for item in data])) <= 0.65


@each
def test_questions_that_exchange_the_roles_of_their_answers_are_never_parted(name):
    splits = split(load_data(name))
    kin = [{item.kin for item in part} for part in (splits.train, splits.validation, splits.test)]
    assert sum(map(len, kin)) == len(set.union(*kin))
    for group in {item.group for item in splits.whole if item.group}:
        first, second = (item for item in splits.whole if item.group == group)
        assert (first.exhibits, first.topic) == (second.contrast, second.topic)


@each
def test_every_item_can_be_asked_in_every_way(name):
    format, data = ChatFormat(tiny_tokenizer()), load_data(name).limit(20)
    for mode, orders in (("letter", 2), ("yes-no", 2), ("text", 1)):
        assert len(ask(format, data, mode)) == 20 * orders


@each
def test_prompts_ask_for_and_against(name):
    prompts = load_data(name).prompts
    assert len(prompts.positive) == len(prompts.negative) == 3
    assert not set(prompts.positive) & set(prompts.negative)


@each
def test_the_page_on_metrics_says_what_the_words_of_each_set_give_away(name):
    page = (Path(__file__).parents[3] / "docs/explanation/metrics.md").read_text(encoding="utf-8")
    data = load_data(name)
    assert f"| `{name}` | {len(data)} | {100 * word_guesses(data).accuracy:.0f} % |" in page
