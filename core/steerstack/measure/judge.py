"""Ask a judge, keep what it says, and hold it against labels."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from steerstack.catalog.lookup import find
from steerstack.contracts import Judge, Verdict
from steerstack.errors import JudgeError, StudyError
from steerstack.measure.verdict_cache import VerdictCache
from steerstack.stats.estimates import Estimate, finite
from steerstack.trace.model import Model
from steerstack.util import digest

CHUNK = 16
"""Answers that are judged between two writes to the cache: what a kill can cost."""

_FORMAT = 1  # of the cache's keys


@dataclass(frozen=True)
class Counts:
    """What judging cost.

    Attributes
    ----------
    calls, tokens:
        Answers that were sent to the judge, and what they cost.
    cached:
        Answers whose verdict was there already, or was asked twice in one go.
    unparsable:
        Answers, new or cached, on which the judge said nothing that could be read.
    """

    calls: int = 0
    tokens: int = 0
    cached: int = 0
    unparsable: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        mine, theirs = asdict(self), asdict(other)
        return Counts(**{name: mine[name] + theirs[name] for name in mine})


@dataclass(frozen=True)
class Judged:
    """One verdict for each answer, in order, and what they cost."""

    verdicts: tuple[Verdict, ...]
    counts: Counts = field(default_factory=Counts)

    @property
    def scores(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The scores, NaN where the judge could not be read."""
        return np.array([math.nan if v.score is None else v.score for v in self.verdicts], dtype=np.float64)

    @property
    def said_yes(self) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """1 for a score of 0.5 or more, 0 for less, NaN where the judge could not be read."""
        return np.where(np.isnan(self.scores), math.nan, np.where(self.scores >= 0.5, 1.0, 0.0))


def make_judge(name: str, parameters: Mapping[str, Any] | None = None, model: Model | None = None) -> Judge:
    """The judge of a name, with its parameters.

    Parameters
    ----------
    name, parameters:
        As on the command line.
    model:
        The model that is being measured; some judges may be that model.

    Raises
    ------
    PluginError
        The name is unknown, or a parameter does not fit.
    """
    judge = find("judge", name).make(parameters)
    return judge if model is None else judge.beside(model)


def judged(
    judge: Judge,
    criterion: str,
    questions: Sequence[str],
    answers: Sequence[str],
    references: Sequence[Sequence[str]] | None = None,
    *,
    cache: VerdictCache | None = None,
    chunk: int = CHUNK,
    progress: Callable[[int], None] | None = None,
) -> Judged:
    """Verdicts on all answers; only those that the cache does not hold are asked for.

    Parameters
    ----------
    judge, criterion, questions, answers, references:
        As in :meth:`steerstack.contracts.Judge.judge`.
    cache:
        Where verdicts are kept; None for the user's cache.
    chunk:
        Answers between two writes.
    progress:
        Told how many answers are done.

    Raises
    ------
    JudgeError
        The judge cannot be reached: what it said before is in the cache, and the same call goes on from there.
    """
    store = VerdictCache() if cache is None else cache
    keys = _keys(judge, criterion, questions, answers, references)
    entries = store.get(keys)
    first = {key: index for index, key in reversed(list(enumerate(keys)))}
    todo = sorted(first[key] for key in set(keys) - set(entries))
    if progress and len(keys) > len(todo):
        progress(len(keys) - len(todo))
    tokens = 0
    for at in range(0, len(todo), chunk):
        part = todo[at : at + chunk]
        new = _ask(judge, criterion, questions, answers, references, part, [keys[i] for i in part], store)
        entries |= new
        tokens += sum(verdict.tokens for verdict in new.values())
        if progress:
            progress(len(part))
    verdicts = tuple(entries[key] for key in keys)
    unparsable = sum(verdict.score is None for verdict in verdicts)
    return Judged(verdicts, Counts(len(todo), tokens, len(keys) - len(todo), unparsable))


def _keys(
    judge: Judge,
    criterion: str,
    questions: Sequence[str],
    answers: Sequence[str],
    references: Sequence[Sequence[str]] | None,
) -> list[str]:
    if len({len(questions), len(answers), len(questions) if references is None else len(references)}) > 1:
        raise StudyError(
            "Questions, answers and references are not equally many.",
            seen=f"{len(questions)}, {len(answers)}, {None if references is None else len(references)}",
        )
    who = digest.of_json(dict(judge.identity()))
    right: Sequence[Sequence[str] | None] = [None] * len(answers) if references is None else references
    return [
        digest.of_json([_FORMAT, who, criterion, question, answer, None if refs is None else list(refs)])
        for question, answer, refs in zip(questions, answers, right, strict=True)
    ]


def _ask(
    judge: Judge,
    criterion: str,
    questions: Sequence[str],
    answers: Sequence[str],
    references: Sequence[Sequence[str]] | None,
    part: Sequence[int],
    keys: Sequence[str],
    cache: VerdictCache,
) -> dict[str, Verdict]:
    right = None if references is None else [references[i] for i in part]
    try:
        verdicts = judge.judge(criterion, [questions[i] for i in part], [answers[i] for i in part], right)
    except JudgeError as error:
        cache.put({keys[i]: _checked(judge, verdict) for i, verdict in error.given.items()})
        again = f"The same command goes on from what is kept in {cache.path}."
        raise JudgeError(error.happened, seen=error.seen, fix=f"{error.fix} {again}".strip()) from error
    if len(verdicts) != len(part):
        raise JudgeError(f"The judge {judge.name} gave {len(verdicts)} verdicts on {len(part)} answers.")
    new = {key: _checked(judge, verdict) for key, verdict in zip(keys, verdicts, strict=True)}
    cache.put(new)
    return new


def _checked(judge: Judge, verdict: Verdict) -> Verdict:
    if verdict.score is None:
        return verdict
    if not 0 <= verdict.score <= 1:  # false for NaN as well
        raise JudgeError(f"The judge {judge.name} gave the score {verdict.score}.", fix="Scores go from 0 to 1.")
    return replace(verdict, score=float(verdict.score))


@dataclass(frozen=True)
class Labelled:
    """An answer of which it is known whether it meets the criterion."""

    question: str
    answer: str
    meets: bool
    references: tuple[str, ...] = ()


@dataclass(frozen=True)
class Agreement:
    """How far a judge agrees with labels.

    Attributes
    ----------
    kappa:
        Cohen's kappa (1960), with the large-sample interval of Fleiss, Cohen & Everitt (1969);
        NaN where judge and labels say one and the same of every item; the interval is not known
        where one of the two always says the same.
    accuracy:
        Share of agreement.
    unparsable:
        Labelled answers without a verdict that could be read; they are left out of the rest.
    """

    kappa: Estimate
    accuracy: float
    unparsable: int

    @property
    def n(self) -> int:
        """Number of answers compared."""
        return self.kappa.n

    def to_json(self) -> dict[str, object]:
        """For the record."""
        return {"kappa": self.kappa.to_json(), "accuracy": finite(self.accuracy), "unparsable": self.unparsable}


def agreement(said: Sequence[bool | None], labels: Sequence[bool]) -> Agreement:
    """Agreement of verdicts with labels; None stands for a verdict that could not be read."""
    from statsmodels.stats.inter_rater import cohens_kappa

    table = np.zeros((2, 2))
    for verdict, label in zip(said, labels, strict=True):
        if verdict is not None:
            table[int(verdict), int(label)] += 1
    n, unparsable = int(table.sum()), sum(verdict is None for verdict in said)
    accuracy = float(np.trace(table) / n) if n else math.nan
    if not n or n in np.diag(table):  # chance alone would agree as well
        return Agreement(Estimate(math.nan, -math.inf, math.inf, n), accuracy, unparsable)
    if n in table.sum(0) or n in table.sum(1):  # one side says always the same: 0 by definition, and no spread
        return Agreement(Estimate(0.0, -math.inf, math.inf, n), accuracy, unparsable)
    statistics = cohens_kappa(table)
    kappa = Estimate(float(statistics.kappa), float(statistics.kappa_low), float(statistics.kappa_upp), n)
    return Agreement(kappa, accuracy, unparsable)


def judge_agreement(
    judge: Judge, criterion: str, items: Sequence[Labelled], *, cache: VerdictCache | None = None
) -> Agreement:
    """Ask the judge about labelled answers, and hold what it says against the labels.

    Raises
    ------
    JudgeError
        The judge cannot be reached.
    """
    references = [item.references for item in items] if any(item.references for item in items) else None
    questions, answers = [item.question for item in items], [item.answer for item in items]
    result = judged(judge, criterion, questions, answers, references, cache=cache)
    decisions = [None if verdict.score is None else verdict.score >= 0.5 for verdict in result.verdicts]
    return agreement(decisions, [item.meets for item in items])
