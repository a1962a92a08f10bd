"""Score plans on items and compare two of them, in one call each."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from steerstack.data.items import DataSet
from steerstack.data.questions import check_mode
from steerstack.data.splits import as_data
from steerstack.errors import ArgumentError
from steerstack.measure.scoring import ArmScores, score_data
from steerstack.stats import estimates
from steerstack.stats.estimates import Estimate
from steerstack.stats.item_clusters import groups_of
from steerstack.steering.plan_argument import Applied, as_plans
from steerstack.trace.model import Model
from steerstack.trace.model_argument import as_model


def score(
    model: Model, data: DataSet, plans: Iterable[Applied] = (None,), *, mode: str = "text", system: str | None = None
) -> list[ArmScores]:
    """Score the same items under every plan: one result a plan.

    ::

        unsteered, steered = steerstack.score(model, data.test, [None, vector.at(14)])
        print(steerstack.difference(steered, unsteered))

    Parameters
    ----------
    model, data:
        What is scored.
    plans:
        Plans or single edits; None for the unsteered model.
    mode:
        ``text``, ``letter`` or ``yes-no``.
    system:
        A system prompt for all items.

    Raises
    ------
    ArgumentError
        Something else than plans.
    DataError
        There is no such mode, or the items cannot be asked in it.
    NothingEditedError
        A plan with edits touched no position.
    """
    return score_data(as_model(model), as_data(data, "test"), check_mode(mode), as_plans(plans), system=system)


def difference(after: ArmScores | ArrayLike, before: ArmScores | ArrayLike) -> Estimate:
    """Mean of the paired differences over the same items, with its 95 % interval (BCa bootstrap).

    Parameters
    ----------
    after, before:
        What :func:`score` gave for two plans, compared on their log-odds (per token for ``text``); or two arrays
        with one value an item.

    Raises
    ------
    ArgumentError
        They are not of the same items, or not scored alike.
    """
    if isinstance(after, ArmScores) and isinstance(before, ArmScores):
        items = [[item.item.id for item in scores.items] for scores in (after, before)]
        if items[0] != items[1] or after.mode != before.mode:
            raise ArgumentError(
                "The two are not of the same items and mode, so they cannot be paired.",
                seen=f"{len(items[0])} items by {after.mode}, {len(items[1])} by {before.mode}",
                fix="Score both in one call: score(model, data, [None, plan]).",
            )
    first, second = (one.effect_scale if isinstance(one, ArmScores) else np.asarray(one) for one in (after, before))
    numbers = all(np.issubdtype(one.dtype, np.number) for one in (first, second))
    if first.shape != second.shape or first.ndim != 1 or not numbers:
        raise ArgumentError(
            "The two cannot be paired item by item.",
            seen=f"shapes {first.shape} and {second.shape}, of {first.dtype} and {second.dtype}",
            fix="Give one number an item, as many in both.",
        )
    groups = groups_of(item.item for item in after.items) if isinstance(after, ArmScores) else None
    return estimates.difference(first, second, groups=groups)
