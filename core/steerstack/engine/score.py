"""Score answers under many arms at once."""

from collections.abc import Sequence
from dataclasses import dataclass

from steerstack.engine.answers import Group as Group
from steerstack.engine.answers import Progress as Progress
from steerstack.engine.answers import read_answers
from steerstack.engine.layout.edited_nodes import Count, count_edited
from steerstack.engine.layout.readout import Readout
from steerstack.engine.limits import check_fits
from steerstack.engine.overflow import check_scores
from steerstack.engine.proof import prove
from steerstack.steering.intervention import Plan
from steerstack.trace.model import Model


@dataclass(frozen=True)
class Scores:
    """Log-probabilities of the answer tokens under one arm.

    Attributes
    ----------
    tokens:
        For each group, for each sequence, the log-probability (nats) of each answer token.
    edited:
        How many positions were edited.
    """

    tokens: list[list[list[float]]]
    edited: Count

    def total(self, group: int, sequence: int) -> float:
        """Summed log-probability of an answer, in nats."""
        return sum(self.tokens[group][sequence])


def score(
    model: Model,
    groups: Sequence[Group],
    arms: Sequence[Plan],
    *,
    tokens: int | None = None,
    progress: Progress | None = None,
    names: Sequence[str] = (),
) -> list[Scores]:
    """Log-probabilities of every answer under every arm.

    Parameters
    ----------
    model:
        The model.
    groups:
        Sequences whose parts from ``answer_start`` on are scored given what precedes them.
    arms:
        Plans; an empty one is the unsteered arm.
    tokens:
        Bound on the tokens of one forward pass; None for what was measured to be fast. It is
        halved where the device runs out of memory.
    progress:
        Told how many evaluations are done.
    names:
        What the reader knows each group by, for errors.

    Returns
    -------
    list[Scores]
        One for each arm, in order.

    Raises
    ------
    NothingEditedError
        A plan with edits touched no position.
    DataError
        A sequence is longer than the model's positions.
    ModelError
        A plan does not fit the model, a single sequence does not fit the device, or numbers overflow under an arm.
    """
    if model.backend is not None:
        of_arms = model.backend.score(groups, arms, names=names)
        if progress:
            progress(len(groups) * len(arms))
        return of_arms
    prove(model)
    labels = names or [str(index + 1) for index in range(len(groups))]
    sequences = [(name, sequence) for name, group in zip(labels, groups, strict=True) for sequence in group]
    check_fits(
        model, [sequence for _, sequence in sequences], lambda index: f"Item {sequences[index][0]!r}", answered=True
    )
    counts = [count_edited(plan, groups).require(plan) for plan in arms]
    results = read_answers(model, groups, arms, Readout.of, tokens=tokens, progress=progress)
    for plan, values in zip(arms, results, strict=True):
        check_scores(model, plan, values)
    return [Scores(values, count) for values, count in zip(results, counts, strict=True)]
