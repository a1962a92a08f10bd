"""What callers may give where a plan is wanted, and what they are told otherwise."""

from collections.abc import Iterable

from steerstack.errors import ArgumentError
from steerstack.steering.intervention import Intervention, Plan

Applied = Plan | Intervention | None
"""What acts: a plan, a single edit, or nothing."""


def as_plans(plans: Iterable[Applied]) -> list[Plan]:
    """Plans, edits and None as plans; raises ArgumentError for what is none of them."""
    if isinstance(plans, Plan | Intervention) or not isinstance(plans, Iterable):
        raise ArgumentError(
            "The plans are not a list of plans.",
            seen=f"a {type(plans).__name__}",
            fix="Write [plan]; or [None, plan] for the unsteered model beside it.",
        )
    return [as_plan(plan) for plan in plans]


def as_plan(plan: object) -> Plan:
    """A plan, an edit or None as a plan; raises ArgumentError for anything else."""
    if plan is None:
        return Plan()
    if isinstance(plan, Plan):
        return plan
    if isinstance(plan, Intervention):
        return Plan((plan,))
    raise ArgumentError(
        f"A {type(plan).__name__} is no plan.",
        fix="A vector becomes a plan by vector.at(layer, scale); a plan file by load_plan(path, model).",
    )
