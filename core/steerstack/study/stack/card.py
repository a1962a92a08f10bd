"""The card of a stacking study's vector: what it does, what it costs, and where it fails."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from steerstack.report.card import study_card
from steerstack.report.failures import of_effect
from steerstack.report.page import interval
from steerstack.report.samples import samples_section
from steerstack.study.stack.grid import GridArm, Interaction
from steerstack.util.text import markdown

if TYPE_CHECKING:
    from steerstack.study.stack.result import StackResult

_WEAK = {"partly redundant", "redundant", "interferes"}


def stack_card(result: StackResult) -> str:
    """All of it, in Markdown."""
    section = list(samples_section(result.samples))
    wrong = [*arm_failures(result.arms), *interaction_failures(result.interactions)]
    if not result.null_test.claims:
        wrong.append(result.null_test.sentence)
    return study_card(result.vector, [*_does(result), *([""] if section else []), *section], wrong)


def _does(result: StackResult) -> Iterator[str]:
    choice, n = result.choice, len(result.splits.test)
    yield from ("## What it does", "", markdown(result.verdict), "")
    yield (
        f"Measured at layer {choice.layer}, multiplier {choice.scale:g} "
        f"({result.share_of_norm:.0%} of the residual norm), chosen on validation among "
        f"{len(choice.tried)} settings; scored by {result.study.score} on {n} locked test items."
    )
    yield ""
    yield "| fine-tune | vector from | prompt | vector | effect and 95 % interval |"
    yield "|---|---|---|---|---|"
    for arm in (arm for arm in result.arms if arm.cell.vector != "none"):
        yield f"| {' | '.join(map(markdown, arm.cell.about.values()))} | {interval(arm.effect)} |"
    yield from ("", "## What it costs", "")
    for cell, cost in result.costs.items():
        yield (
            f"- {cell.vector} on {markdown(cell.finetune)} ({cell.origin}): KL {cost['kl']:.3f} nats per token, "
            f"perplexity {cost['perplexity']:.1f} on neutral text"
        )
    yield from ("", "## Nulls", "")
    for null in result.nulls.nulls:
        yield f"- {null.name}: {interval(null.effect(result.bare_there))}"
    if result.warning:
        yield from ("", f"**Caution.** {result.warning}")


def arm_failures(arms: Iterable[GridArm]) -> Iterator[str]:
    """The vector alone, with either sign: items that it moves the wrong way, and an effect that is none."""
    for arm in arms:
        cell, against = arm.cell, arm.against
        if against is None or not cell.prompt == cell.finetune == "none":
            continue
        if against.value > 0:
            wrong, low, high = (f"{part:.0%}" for part in (against.value, against.ci_low, against.ci_high))
            yield f"Added with a {cell.vector} sign it moves {wrong} of the items the wrong way [{low}, {high}]"
        if sentence := of_effect(f"With a {cell.vector} sign", arm.effect, 1.0 if cell.vector == "positive" else -1.0):
            yield sentence


def interaction_failures(entries: Iterable[Interaction]) -> Iterator[str]:
    """On top of what the vector does little, or the wrong thing."""
    for entry in entries:
        pairing = entry.pairing
        if entry.scale != "log-odds" or pairing.of[0] != "vector":
            continue
        on = f"On top of a {pairing.direction} {pairing.of[1]}"
        on += f" on {pairing.finetune}" if pairing.finetune is not None else ""
        on += f" ({pairing.origin})" if pairing.origin is not None else ""
        if wrong := of_effect(on, entry.first_on_top, 1.0 if pairing.direction == "positive" else -1.0):
            yield wrong
        elif entry.verdict in _WEAK:
            yield f"{on} it is {entry.verdict}: interaction {interval(entry.estimate)}"
        if entry.near_ceiling:
            yield f"{on} the answers are near certainty, so that little is left to gain"
