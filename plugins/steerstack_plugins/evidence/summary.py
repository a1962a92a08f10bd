"""What a sceptic wants to know first: the findings of a programme in a few lines, null results as plain as the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from steerstack.stats.comparisons import corrected
from steerstack.study.null_test import shown
from steerstack.study.stack.answer import StackAnswer
from steerstack.study.stack.grid import Cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from steerstack.report.answer import Answer
    from steerstack.stats.estimates import Estimate

PROMPTED = Cell("positive", "none")


def summary(answers: Mapping[str, Answer], declared: int) -> list[str]:
    """Lines of a list: how many claims were measured, what vectors do alone, and then each other finding.

    Parameters
    ----------
    answers:
        What was found, by what it is about in few words.
    declared:
        Number of claims that were declared, measured or not.
    """
    stacks = {name: of for name, of in answers.items() if isinstance(of, StackAnswer)}
    alone = {name: of for name, of in stacks.items() if of.test.enough}
    rest = {name: of for name, of in answers.items() if name not in alone}
    others = [f"{name[:1].upper()}{name[1:]}: {of.short}" for name, of in rest.items() if of.resolved]
    if unresolved := [name for name, of in rest.items() if not of.resolved]:
        others.append(f"Nothing is resolved of these, whose intervals stand on their pages: {'; '.join(unresolved)}.")
    few = [name for name, of in stacks.items() if name not in alone and of.alone.bears_claim]
    measured = f"{len(answers)} of {declared} declared claims were measured."
    return [measured, *_alone(alone), *others, *_on_top(stacks, few)]


def _alone(answers: Mapping[str, StackAnswer]) -> list[str]:
    """What the vector of each stacking study does, all of them together."""
    alone = {name: of.alone for name, of in answers.items()}
    prompted = {name: effect for name, of in answers.items() if (effect := of.effect(PROMPTED))}
    moved = {name: effect for name, effect in alone.items() if answers[name].resolved}
    unmoved = {name: effect for name, effect in alone.items() if not effect.bears_claim}
    doubtful = {name: effect for name, effect in alone.items() if name not in {*moved, *unmoved}}
    by_prompt = {name: effect for name, effect in prompted.items() if effect.bears_claim}
    lines = [
        _list("The vector alone moves its behaviour further than its nulls do", moved),
        _list("The vector alone has no measurable effect", unmoved),
        *([_list("It has one, but not one that can be told apart from its nulls'", doubtful)] if doubtful else []),
        _list("The positive prompt that was chosen moves the behaviour", by_prompt),
        *_together(answers, moved),
        *_on_top(answers, moved),
    ]
    if alone:
        widest = max((effect.ci_high - effect.ci_low) / 2 for effect in alone.values())
        lines.append(f"The widest of these intervals reaches {widest:.3f} nats per token to either side.")
    return lines


def _list(head: str, effects: Mapping[str, Estimate]) -> str:
    each = "; ".join(f"{name} ({effect}, n = {effect.n})" for name, effect in effects.items())
    return f"{head}: {each or 'none'}."


def _together(answers: Mapping[str, StackAnswer], moved: Mapping[str, Estimate]) -> list[str]:
    """What is left of the claims when all that were measured are taken together."""
    together = {name: one["p_corrected"] for name, one in holm(answers).items() if name in moved}
    if not together:
        return []
    each = "; ".join(f"{name} p = {shown(p)}" for name, p in together.items())
    least = min(len(nulls) for name in moved for nulls in answers[name].test.nulls.values())
    return [
        f"Corrected for all {len(answers)} claims of a vector alone (Holm), the nulls say: {each}. With {least} of a "
        f"family, no p lies below {shown(1 / (least + 1))} before it is corrected."
    ]


def holm(answers: Mapping[str, StackAnswer]) -> dict[str, dict[str, float | bool]]:
    """The p of each claim's nulls, the larger one of its families, corrected for all of them together."""
    return corrected({name: max(of.test.p.values()) for name, of in answers.items()})


def _on_top(answers: Mapping[str, StackAnswer], moved: Iterable[str]) -> list[str]:
    """What each vector adds to one thing more, and how much of its effect it keeps there."""
    lines = []
    for name in moved:
        each = [
            f"{one.adds} to {one.other}, {one.kept} of its effect alone"
            for one in answers[name].combined
            if one.kept and " on " not in one.other  # two things more stand on the claim's page
        ]
        lines += [f"The vector for {name} adds {'; '.join(each)}."] if each else []
    return lines
