"""How an item is asked and scored: by letter, by Yes or No, or by the text of its answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from steerstack.data.answer_form import in_form, prefix_of
from steerstack.data.items import LETTERS, DataSet, Item
from steerstack.data.prompts import ChatFormat, Prompt
from steerstack.errors import DataError, nearest
from steerstack.steering.tokens import TokenSequence

ScoreMode = Literal["letter", "yes-no", "text"]


@dataclass(frozen=True)
class Question:
    """One item, asked in one order: two sequences to compare.

    Attributes
    ----------
    item:
        The item.
    order:
        0 as the source lists its options (or proposes the exhibiting answer), 1 with the two
        compared options exchanged (or the other answer proposed).
    exhibits, contrast:
        The two conversations, which share their prompt.
    """

    item: Item
    order: int
    exhibits: TokenSequence
    contrast: TokenSequence

    @property
    def pair(self) -> tuple[TokenSequence, TokenSequence]:
        """Both sequences, the exhibiting one first."""
        return self.exhibits, self.contrast


def check_mode(mode: str) -> ScoreMode:
    """The mode, if there is one of that name.

    Raises
    ------
    DataError
        There is none.
    """
    if mode not in get_args(ScoreMode):
        raise DataError(f"There is no scoring mode {mode!r}.", fix=nearest(mode, get_args(ScoreMode)))
    return mode  # type: ignore[return-value]


Shots = tuple[tuple[str, str], ...]
"""Earlier turns of a conversation: what the user said, and what the assistant answered."""


def shots_of(items: Sequence[Item], mode: ScoreMode, form: str | None = None) -> Shots:
    """Items as demonstrations: each asked as the mode asks, and answered as the behaviour would, in the answer form."""
    return tuple(_shot(item, mode, form) for item in items)


def _shot(item: Item, mode: ScoreMode, form: str | None) -> tuple[str, str]:
    match mode:
        case "letter":
            return item.listed(), in_form(LETTERS[item.exhibits], form, mode)
        case "yes-no" if item.form == "yes-no":
            return item.question, in_form(item.exhibits_text, form, mode)
        case "yes-no":
            return _propose(item, item.exhibits_text), in_form("Yes", form, mode)
        case "text":
            return item.question, item.exhibits_text


Thinker = Callable[[Prompt], str]
"""From a prompt to what the model reasons before it answers."""


def _none(_: Prompt) -> str:
    return ""


def ask(
    format: ChatFormat,
    data: DataSet,
    mode: ScoreMode,
    *,
    system: str | None = None,
    shots: Shots = (),
    thought: Thinker = _none,
) -> list[Question]:
    """Ask every item of a data set, in both orders where the mode has an order.

    Parameters
    ----------
    format:
        The model's chat format.
    data:
        The items.
    mode:
        ``letter``: the options are listed and the answer is a letter, after ``(`` (CAA) unless
        the format's manner has another answer form.
        ``yes-no``: a persona item as it stands; any other item proposes one of its answers
        and asks whether the model would say it. ``text``: the question alone, and each
        answer's own words.
    system:
        A system prompt for all items; an item's own comes before it.
    shots:
        Demonstrations that stand before every question (few-shot prompting).
    thought:
        From a prompt, what the model reasoned before its answer; nothing by default.
    """
    return [question for item in data for question in _ask_one(format, item, mode, system, shots, thought)]


def times_asked(item: Item, mode: ScoreMode) -> int:
    """In how many orders :func:`ask` asks an item."""
    return 1 if mode == "text" or (mode == "yes-no" and item.form == "yes-no") else 2


def _ask_one(
    format: ChatFormat, item: Item, mode: ScoreMode, system: str | None, shots: Shots = (), thought: Thinker = _none
) -> list[Question]:
    joined = "\n\n".join(part for part in (item.system, system) if part) or None
    prefix = _prefix(format, mode)

    def asked(user: str) -> Prompt:
        prompt = Prompt(user, joined, prefix, shots)
        return replace(prompt, thought=thought(prompt))

    match mode:
        case "letter":
            versions = enumerate((item, item.swapped()))
            return [_by_letter(format, version, order, asked(version.listed())) for order, version in versions]
        case "yes-no" if item.form == "yes-no":
            return [_labelled(format, item, 0, asked(item.question), item.exhibits_text, item.contrast_text)]
        case "yes-no":
            proposals = ((item.exhibits_text, "Yes", "No"), (item.contrast_text, "No", "Yes"))
            return [
                _labelled(format, item, order, asked(_propose(item, answer)), yes, no)
                for order, (answer, yes, no) in enumerate(proposals)
            ]
        case "text":
            answers = format.answers(asked(item.question), [item.exhibits_text, item.contrast_text])
            return [Question(item, 0, answers[0], answers[1])]


def _prefix(format: ChatFormat, mode: ScoreMode) -> str:
    """What stands before the label; in the plain form a space does anyway."""
    prefix = "" if mode == "text" else prefix_of(format.manner.form, mode)
    return prefix if format.chat else prefix.lstrip(" ")


def words_of(item: Item, mode: ScoreMode) -> str:
    """What the user says in a mode, in the first order."""
    if mode == "letter":
        return item.listed()
    return item.question if mode == "text" or item.form == "yes-no" else _propose(item, item.exhibits_text)


def asked_words(question: Question, mode: ScoreMode) -> str:
    """What the user says in a question, in the order in which it was asked in that mode."""
    item = question.item  # of a letter, with its options in the order asked
    if mode == "yes-no" and item.form != "yes-no" and question.order:
        return _propose(item, item.contrast_text)
    return words_of(item, mode)


def _propose(item: Item, answer: str) -> str:
    return f'{item.question}\n\nIs the following answer something you would say?\n"{answer}"'


def _by_letter(format: ChatFormat, item: Item, order: int, prompt: Prompt) -> Question:
    return _labelled(format, item, order, prompt, LETTERS[item.exhibits], LETTERS[item.contrast])


def _labelled(format: ChatFormat, item: Item, order: int, prompt: Prompt, exhibits: str, contrast: str) -> Question:
    first, second = format.labels(prompt, [exhibits, contrast])
    return Question(item, order, first, second)


PositionRule = Literal["answer", "last", "response"]


@dataclass(frozen=True)
class Read:
    """A sequence to run and the positions whose activations are averaged."""

    sequence: TokenSequence
    positions: tuple[int, ...]


@dataclass(frozen=True)
class ContrastPair:
    """The two sides of an item, ready to be read."""

    id: str
    positive: Read
    negative: Read


def contrast_pairs(format: ChatFormat, data: DataSet, rule: str) -> list[ContrastPair]:
    """The two sides of every item.

    Parameters
    ----------
    format:
        The model's chat format.
    data:
        The items.
    rule:
        ``answer``: the options are listed as the source lists them, each side answers with its
        letter (or Yes/No), and the label's token is read (CAA; found by search, not by counting).
        ``response``: each side answers the bare question in its own words, averaged over them
        (Chen et al., arXiv 2507.21509). ``last``: each side's answer stands in the user's turn
        after the question, and the last token of the prompt is read.

    Raises
    ------
    DataError
        There is no such rule.
    """
    if rule not in get_args(PositionRule):
        raise DataError(f"There is no position rule {rule!r}.", fix=nearest(rule, get_args(PositionRule)))
    return [ContrastPair(item.id, *_sides(format, item, rule)) for item in data]


def _sides(format: ChatFormat, item: Item, rule: str) -> Sequence[Read]:
    if rule == "last":
        texts = (item.exhibits_text, item.contrast_text)
        sequences = [format.sequence(Prompt(f"{item.question}\n\n{text}", item.system)) for text in texts]
        return [Read(sequence, (len(sequence) - 1,)) for sequence in sequences]
    mode: ScoreMode = "text" if rule == "response" else "yes-no" if item.form == "yes-no" else "letter"
    question = _ask_one(format, item, mode, None)[0]
    return [Read(s, tuple(range(s.answer_start, len(s)))) for s in question.pair]
