"""Can these items show an effect? What the unsteered model does with them."""

import numpy as np

from steerstack.measure.competence import judge
from steerstack.measure.label_mass import LEAST, label_mass
from steerstack.measure.scoring import share_name
from steerstack.stats.estimates import TOO_FEW
from steerstack.study.why.case import Case
from steerstack.study.why.look import Look

SATURATED = 0.95
"""Mean share of the exhibiting answer beyond which there is little left to raise (or, below 1 - it, to lower)."""

SAME = 1e-4
"""Nats by which a score may differ and count as the same: what rounding does."""


def count(case: Case) -> Look:
    """Whether there are enough items."""
    n = len(case.data)
    if n < TOO_FEW:
        return Look(
            "items",
            f"{n} items; below {TOO_FEW} no effect can be told from chance.",
            "too few items",
            "Give more items: 20 or more, better 100.",
        )
    return Look("items", f"{n} items, of which {len(case.scored)} are scored here.")


def competence(case: Case) -> Look:
    """Whether the model answers by content."""
    if case.mode == "text":
        return Look("competence", "Answers are scored by their own words, which no position can sway.")
    verdict = judge(case.bare, case.model.format.manner.form)
    if verdict.swap_consistency is None:
        return Look("competence", "These items have no second order to compare.")
    clause = (
        f"it keeps its choice in {verdict.swap_consistency.value:.0%} of {verdict.swap_consistency.n} swapped items"
    )
    if verdict.answers_by == "letter":
        do = "Score by text (--score text): a label that follows the position cannot show what a vector does."
        return Look("competence", f"The model answers by position: {clause}.", "by position", do)
    return Look("competence", f"Answers by content: {verdict.answers_by}; {clause}.")


def mass(case: Case) -> Look:
    """Whether the labels are what the model would write."""
    estimate = label_mass(case.bare, case.model.format.manner.form)
    if estimate is None:
        return Look("label mass", "No labels are scored.")
    if estimate.mean < LEAST:
        return Look(
            "label mass",
            f"The labels hold {estimate.mean:.1%} of the probability in the form {estimate.form!r}.",
            "label mass",
            "Try another --form, or --score text.",
        )
    return Look("label mass", f"The labels hold {estimate.mean:.0%} of the probability in the form {estimate.form!r}.")


def saturation(case: Case) -> Look:
    """Whether there is anything left to move in the direction of the scale."""
    mean, up = float(case.bare.squashed.mean()), case.use.scale > 0
    sentence = f"Unsteered, the mean {share_name(case.mode)} is {mean:.2f}"
    if (mean if up else 1 - mean) > SATURATED:
        return Look(
            "saturation",
            f"{sentence}: there is little left to {'raise' if up else 'lower'}.",
            "saturation",
            "Use items on which the model does not behave so already, or steer against the behaviour.",
        )
    return Look("saturation", f"{sentence}.")


def change(case: Case) -> Look:
    """Whether any score moves at all."""
    largest = float(np.abs(case.steered.effect_scale - case.bare.effect_scale).max())
    if largest > SAME:
        return Look("change", f"Scores move by up to {largest:.2g} nats.")
    last = case.model.n_layers - 1
    if set(case.use.layers) == {last} and not case.use.tokens.includes_generated:
        return Look(
            "change",
            f"No score moves: after layer {last}, the last one, nothing reads the edited positions.",
            "never read",
            "Edit an earlier layer, or --tokens response.",
        )
    return Look(
        "change",
        "No score moves, though positions are edited: the edit gives back the activations that it was given.",
        "no change",
        "Check the edit's parameters (a gate's threshold, a clamp's value), or use --edit add.",
    )


ITEM_LOOKS = (competence, mass, change)
"""In turn, once there are enough items."""
