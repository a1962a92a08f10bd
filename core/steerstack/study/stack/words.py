"""How a stacking study puts its arms, its interactions and its answer into words."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from steerstack.measure.competence import Competence
from steerstack.report.page import Table, interval
from steerstack.report.words import share
from steerstack.stats.comparisons import ALPHA
from steerstack.stats.estimate import Estimate
from steerstack.study.null_test import NullTest
from steerstack.study.stack.grid import BARE, Cell, Interaction
from steerstack.util.numbers import signed

if TYPE_CHECKING:
    from steerstack.study.stack.result import StackResult

RESOLVED = ("reinforces", "partly redundant")
"""Verdicts that rest on an interaction that is told from zero, of which there are several."""

REFERENCE = "0 (reference)"
"""The difference of the bare model from itself, which has no interval."""

MANY = 10_000
"""Items from which on a forecast of their number says only that there are more."""

NO_PROMPTS = "The data have no system prompts for or against the behaviour, so nothing is measured on top of one."

_SIDES = {"positive": "+", "negative": "-"}


def arm_words(cell: Cell) -> str:
    """An arm in few words, such as ``lora-sft, prompt +, vector + refitted``."""
    parts = ["base" if cell.finetune == "none" else cell.finetune]
    if cell.prompt != "none":
        parts.append(f"prompt {_SIDES[cell.prompt]}" if cell.prompt in _SIDES else cell.prompt)
    if cell.vector != "none":
        origin = f" {cell.origin}" if cell.finetune != "none" else ""
        parts.append(f"vector {_SIDES[cell.vector]}{origin}")
    return ", ".join(parts)


@dataclass(frozen=True)
class OnTop:
    """What the vector still does on top of something else.

    Attributes
    ----------
    other:
        On top of what.
    adds:
        What it does there.
    kept:
        The share of its effect alone that it keeps; empty where that is not known.
    verdict:
        How the two combine, what is left of that among all interactions, and what would resolve it.
    """

    other: str
    adds: Estimate
    kept: str
    verdict: str

    @classmethod
    def of(cls, entry: Interaction) -> "OnTop":
        """An interaction of the vector."""
        pairing, second = entry.pairing, entry.pairing.of[1]
        other = {"prompt": "a positive prompt", "few-shot": "demonstrations"}.get(second, second)
        if pairing.finetune is not None:
            other += f" on {pairing.finetune}"
        if pairing.origin is not None:
            other += f" ({pairing.origin})"
        verdict = {
            "only the first works alone": f"{second} alone does nothing measurable",
            "only the second works alone": "the vector alone does nothing measurable",
            "neither works alone": "neither does anything measurable alone",
            "oppose each other": f"{second} alone pushes the other way",
        }.get(entry.verdict, entry.verdict)
        if entry.verdict in RESOLVED and entry.p_holm >= ALPHA:
            verdict = f"{verdict} by itself, not among all interactions: p = {entry.p_holm:.2g}, Holm"
        if entry.n_to_resolve:
            verdict += f"; {to_resolve(entry.n_to_resolve)}"
        retention = share(entry.retained) if math.isfinite(entry.retained.ci_low) else ""
        return cls(other, entry.first_on_top, retention, verdict)

    @property
    def sentence(self) -> str:
        """All of it."""
        clause = f", and keeps {self.kept} of its effect" if self.kept else ""
        return f"On top of {self.other} it does {interval(self.adds)}{clause} ({self.verdict})."


def to_resolve(items: int) -> str:
    """How many items would tell; a forecast beyond :data:`MANY` rests on too little for a number."""
    return f"about {items} items would resolve it" if items <= MANY else f"more than {MANY:,} items would be needed"


def on_top(entries: Iterable[Interaction]) -> list[OnTop]:
    """The interactions that an answer names: of the vector, in its direction, on the log-odds scale."""
    return [
        OnTop.of(entry)
        for entry in entries
        if entry.scale == "log-odds" and entry.pairing.direction == "positive" and entry.pairing.of[0] == "vector"
    ]


def alone_words(behavior: str, effect: Estimate, nulls: NullTest, over_samples: Estimate | None = None) -> str:
    """What the vector does alone, and what its nulls bear of that.

    Parameters
    ----------
    behavior, effect, nulls:
        What it is to move, by how much it does, and how it stands beside its nulls.
    over_samples:
        Its mean effect over new training samples, where there are several.
    """
    if not effect.bears_claim:
        head = f"The vector alone has no measurable effect on {behavior}"
    elif over_samples is not None and not over_samples.excludes_zero:
        head = f"An effect of the vector alone on {behavior} is not resolved for new training samples"
    elif not nulls.enough:
        head = f"Nothing is claimed of the vector alone on {behavior}, for want of nulls"
    elif not nulls.claims:
        head = f"The effect of the vector alone on {behavior} cannot be told apart from the nulls"
    elif effect.ci_low > 0:
        head = f"The vector alone raises {behavior}"
    else:
        head = f"The vector alone lowers {behavior}, against its sign"
    return f"{head}: {effect} on the log-odds scale (n = {effect.n}). {nulls.sentence}"


def letters_words(competence: Competence) -> str:
    """Whether the model answers by content."""
    consistency = competence.swap_consistency
    if consistency is None:
        return "The items have no second order of their options."
    meaning = {"content": "it answers by content", "letter": "it answers by position"}
    reading = meaning.get(competence.answers_by, "whether it answers by content is unclear")
    of_labels = competence.mass
    mass = (
        f" The labels hold {of_labels.mean:.0%} of the probability in the form {of_labels.form!r}." if of_labels else ""
    )
    return (
        f"By label the model keeps its choice in {consistency.value:.0%} of {consistency.n} validation items "
        f"when the options change places (a coin: 50 %): {reading}.{mass}"
    )


def stack_summary(result: "StackResult") -> Table:
    """Every arm, a line each, with its effect against the bare model; then nulls, neighbours and misread items."""
    columns = ("arm", "log-odds", "effect and 95 % interval")
    rows = [
        [arm_words(arm.cell), signed(arm.estimate.value), REFERENCE if arm.cell == BARE else interval(arm.effect)]
        for arm in result.arms
        if arm.cell.listed
    ]
    near = [f"neighbour, {one.name}: {one.effect(result.bare_there)}" for one in result.nulls.neighbors]
    notes = [result.null_test.sentence, *near, *(result.misread.lines if result.misread else [])]
    return Table(f"{result.behavior}, n = {result.effect.n}", columns, rows, "\n".join(notes))
