"""Which answer form a model is asked in: the one in which its labels hold the most, and its content decides."""

import re
from collections import Counter
from collections.abc import Sequence

from steerstack.data.answer_form import FORMS, forms_for, shown_form
from steerstack.data.items import LETTERS, DataSet
from steerstack.data.manner import TriedForm
from steerstack.data.prompts import Prompt
from steerstack.data.questions import Question, ScoreMode, ask, words_of
from steerstack.data.splits import Splits, split
from steerstack.engine.decode.generate import Sampling, generate
from steerstack.engine.score import Scores, score
from steerstack.errors import DataError
from steerstack.measure.label_mass import LabelMass, label_mass
from steerstack.measure.scoring import collect
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model

LIMIT = 30
"""Items on which forms are tried: on a few, one form's mass is another's by accident."""
ENOUGH_MASS, ENOUGH_CONSISTENCY = 0.4, 0.9
"""What a form must show to be taken without a remark."""
_LISTENED = 6
_LONGEST = 40


def settle_form(model: Model, data: DataSet, mode: ScoreMode) -> Model:
    """The model, asked in the answer form that was given, or else in the best on :func:`items_for_choice`.

    Nothing that is steered is looked at, nor which answer exhibits the behaviour.

    Parameters
    ----------
    model:
        With or without a form of its own.
    data:
        What :func:`items_for_choice` takes of it.
    mode:
        By text there is nothing to choose.
    """
    if mode == "text" or model.format.manner.form is not None:
        return model
    return asked_best(model, try_forms(model, items_for_choice(data), mode))


def asked_best(model: Model, tried: tuple[TriedForm, ...]) -> Model:
    """The model, asked in the best of the forms that were tried."""
    return model.asked(model.format.manner.with_form(best_form(tried).form, tried))


def forms_of(model: Model) -> tuple[str, ...] | None:
    """The form that was given with the model; None to try all."""
    form = model.format.manner.form
    return None if form is None else (form,)


def items_for_choice(data: DataSet | Splits) -> DataSet:
    """At most :data:`LIMIT` validation items, and training items where there are fewer; never test items.

    They are spread over the set, for a file may be sorted. A set that is not split yet gets the usual split; of
    one that is too small for it, any items serve.
    """
    try:
        parts = data if isinstance(data, Splits) else split(data)
    except DataError:
        assert isinstance(data, DataSet)
        return data.spread(LIMIT)
    validation = parts.validation.spread(LIMIT)
    more = parts.train.spread(LIMIT - len(validation)).items if len(validation) < LIMIT else ()
    return validation.take((*validation.items, *more))


def try_forms(
    model: Model, data: DataSet, mode: ScoreMode, forms: Sequence[str] | None = None
) -> tuple[TriedForm, ...]:
    """Label mass and swap consistency of forms that the tokenizer can write, unsteered, in one run.

    Parameters
    ----------
    model, data, mode:
        What is asked, and how.
    forms:
        Which; None for the usual ones and the model's own.

    Raises
    ------
    DataError
        It can write none of them with labels of one token.
    """
    if forms is None:
        own = own_form(model, data, mode)
        forms = [*forms_for(mode), *([own] if own else [])]
    candidates: dict[str, list[Question]] = {}
    failure: DataError | None = None
    for form in dict.fromkeys(forms):
        format = model.format.asked(model.format.manner.with_form(form))
        try:
            questions = ask(format, data, mode)
        except DataError as error:  # no single token for a label in this form
            failure = failure or error
            continue
        pairs = [question.pair for question in questions]
        if pairs not in (
            [q.pair for q in others] for others in candidates.values()
        ):  # such as A and " A" without a template
            candidates[form] = questions
    if not candidates:
        assert failure is not None
        raise failure
    groups = [[side for question in of for side in question.pair] for of in zip(*candidates.values(), strict=True)]
    (scores,) = score(model, groups, [Plan()])
    return tuple(_tried(form, questions, mode, scores, at) for at, (form, questions) in enumerate(candidates.items()))


def _tried(form: str, questions: Sequence[Question], mode: ScoreMode, found: Scores, at: int) -> TriedForm:
    mine = Scores([tokens[2 * at : 2 * at + 2] for tokens in found.tokens], found.edited)
    scores = collect(questions, mine, mode)
    mass = label_mass(scores, form)
    assert mass is not None
    both = [float(bool(item.consistent)) for item in scores.items if item.consistent is not None]
    consistency = sum(both) / len(both) if both else None
    return TriedForm(form, mass.mean, consistency, len(scores.items))


def best_form(tried: Sequence[TriedForm]) -> TriedForm:
    """The form with the greatest mass among those with enough mass and consistency, else by both.

    Then it is the mass times ``(1 + consistency) / 2``: labels that hold nothing tell nothing, however consistent.
    """
    enough = [one for one in tried if is_enough(one)]
    if enough:
        return max(enough, key=lambda one: one.mass)
    return max(tried, key=lambda one: one.mass * (1 + (one.swap_consistency or 0)) / 2)


def shown_mass(model: Model, mode: ScoreMode) -> LabelMass | None:
    """The label mass that the form in use showed when it was tried; None where it was not."""
    manner = model.format.manner
    if mode == "text":
        return None
    masses = (one.mass for one in manner.tried if one.form == manner.form)
    return next((LabelMass(mass, shown_form(manner.form, mode), mode) for mass in masses), None)


def is_enough(one: TriedForm) -> bool:
    """Whether a form can be taken without a remark."""
    consistency = 1.0 if one.swap_consistency is None else one.swap_consistency
    return one.mass >= ENOUGH_MASS and consistency >= ENOUGH_CONSISTENCY


def remark_on(model: Model, mode: ScoreMode) -> str | None:
    """What the choice of a form showed, in a sentence; None where there was none."""
    manner = model.format.manner
    if len(manner.tried) < 2:
        return None
    figures = "; ".join(_figures(one, mode) for one in manner.tried)
    met = any(is_enough(one) for one in manner.tried)
    lacking = f"No form has a label mass of {ENOUGH_MASS} and a swap consistency of {ENOUGH_CONSISTENCY}. "
    choice = f"Answers are scored in the form {shown_form(manner.form, mode)!r}, chosen on {manner.tried[0].n} items"
    return f"{'' if met else lacking}{choice} without steering: {figures}."


def _figures(one: TriedForm, mode: ScoreMode) -> str:
    swaps = "" if one.swap_consistency is None else f", swap consistency {one.swap_consistency:.2f}"
    return f"{shown_form(one.form, mode)!r} mass {one.mass:.2f}{swaps}"


def own_form(model: Model, data: DataSet, mode: ScoreMode) -> str | None:
    """How the model itself writes its answer, up to the label; None where it mostly writes none, or a known form.

    It answers a few items freely; the beginning that most of its labels follow is the form.
    """
    items = data.spread(_LISTENED).items
    prompts = [Prompt(words_of(item, mode), item.system) for item in items]
    sampling = Sampling(max_new_tokens=16)
    (continuations,) = generate(model, [model.format.sequence(one) for one in prompts], [Plan()], sampling)
    beginnings = Counter[str]()
    for item, ids in zip(items, continuations.tokens, strict=True):
        labels = LETTERS[: len(item.options)] if mode == "letter" else ("Yes", "No")
        beginning = _beginning(model.tokenizer.decode(list(ids), skip_special_tokens=True), labels)
        if beginning is not None:
            beginnings[beginning] += 1
    if not beginnings:
        return None
    (beginning, count), *_ = beginnings.most_common(1)
    form = f"{beginning}A"
    return None if count * 2 < len(items) or form in FORMS else form


def _beginning(text: str, labels: Sequence[str]) -> str | None:
    """What stands before the first label; a letter that begins a phrase (``A plan``) is none."""
    one = "|".join(map(re.escape, labels))
    match = re.search(rf"(?<![A-Za-z'])(?:{one})(?![A-Za-z'])(?! [a-z])", text)
    return text[: match.start()] if match and match.start() <= _LONGEST else None
