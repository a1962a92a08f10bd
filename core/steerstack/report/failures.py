"""Where a vector fails, among what a study measured: the part of a card that is easily left out."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from steerstack.report.page import interval

OPEN = "Not measured, so not known: other behaviours, other data sets, long conversations."
NOTHING = "Nothing that was measured shows a failure, which is not to say that there is none."
_WEAK = {"partly redundant", "redundant", "interferes"}


def section(lines: Iterable[str]) -> str:
    """The section of a card, as Markdown; it says so where nothing failed."""
    found = list(lines) or [NOTHING]
    return "\n".join(["## Where it fails", "", *(f"- {line}" for line in [*found, OPEN])])


def of_effect(name: str, effect: Mapping[str, Any], sign: float = 1.0) -> str:
    """What is wrong with one effect; empty where it points the way it should.

    Parameters
    ----------
    name, effect:
        What it is an effect of, and its estimate.
    sign:
        The way it should point: -1 for a vector that is to suppress.
    """
    low, high = sorted((sign * effect["ci_low"], sign * effect["ci_high"]))
    if high < 0:
        return f"{name} it moves the behaviour the wrong way: {interval(effect)}"
    return f"{name} its effect cannot be told apart from none: {interval(effect)}" if low <= 0 else ""


def of_stack(value: Mapping[str, Any]) -> Iterator[str]:
    """The failures of a stacking result: of each arm, of each combination, against nulls."""
    for arm in (arm for arm in value["arms"] if arm["vector"] != "none"):
        sign = 1.0 if arm["vector"] == "positive" else -1.0
        alone = arm["prompt"] == arm["finetune"] == "none"
        if alone and arm["against"]["value"] > 0:
            share = arm["against"]
            yield (
                f"Added with a {arm['vector']} sign it moves {share['value']:.0%} of the items the wrong way "
                f"[{share['ci_low']:.0%}, {share['ci_high']:.0%}]"
            )
        if alone and (wrong := of_effect(f"With a {arm['vector']} sign", arm["effect"], sign)):
            yield wrong
    yield from of_interactions(value["interactions"])
    yield from _nulls(value)


def of_interactions(entries: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """On top of what the vector does little, or the wrong thing."""
    for entry in entries:
        if entry["scale"] != "log-odds" or entry["of"][0] != "vector":
            continue
        origin = f" ({entry['vector_origin']})" if "vector_origin" in entry else ""
        on = f"On top of a {entry['direction']} {entry['of'][1]}" + (
            f" on {entry['finetune']}" if "finetune" in entry else ""
        )
        sign = 1.0 if entry["direction"] == "positive" else -1.0
        if wrong := of_effect(on + origin, entry["first_on_top"], sign):
            yield wrong
        elif entry["verdict"] in _WEAK:
            yield f"{on}{origin} it is {entry['verdict']}: interaction {interval(entry['estimate'])}"
        if entry["near_ceiling"]:
            yield f"{on}{origin} the answers are near certainty, so that little is left to gain"


def of_sweep(value: Mapping[str, Any]) -> Iterator[str]:
    """The failures of a sweep: arms without effect, items that move against the sign, nulls that move as much."""
    for layer, of in value["steerability"].items():
        share = of["anti_steerable"]
        if share["value"] > 0:
            yield (
                f"At layer {layer} it moves {share['value']:.0%} of the items against the sign "
                f"[{share['ci_low']:.0%}, {share['ci_high']:.0%}]"
            )
    arms = [arm for arm in value["arms"] if arm["scale"]]
    for arm in arms:
        name = f"At layer {arm['layer']} and strength {arm['scale']:g}"
        if wrong := of_effect(name, arm["effect"], 1.0 if arm["scale"] > 0 else -1.0):
            yield wrong
    yield from _nulls(value)


def _nulls(value: Mapping[str, Any]) -> Iterator[str]:
    """That nulls move the behaviour as much as the vector does, or that there are too few to say."""
    test = value["null_test"]
    if not test["claims"]:
        yield test["text"]
