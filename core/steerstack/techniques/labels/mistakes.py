"""Labels as someone gives them who errs in a way of their own: which items go wrong, at a share of wrong labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from steerstack.catalog.lookup import full_name
from steerstack.errors import StudyError

if TYPE_CHECKING:
    from steerstack.contracts import Labeller
    from steerstack.data.items import DataSet
    from steerstack.run.ledger import Ledger
    from steerstack.trace.model import Model


def wrong(readiness: Sequence[float] | Float[NDArray[np.float64], " n"], share: float, *, seed: int) -> set[int]:
    """Places of the items that go wrong: the readiest ones, equals in an order that is drawn by the seed.

    As many as the share of all items, rounded to whole items; fewer where the labeller never errs on the others.

    Parameters
    ----------
    readiness:
        See :meth:`steerstack.contracts.Labeller.readiness`.
    share:
        Of all items, from 0 to 1.
    """
    ready = np.asarray(readiness, dtype=np.float64)
    order = np.random.default_rng([seed, 1]).permutation(len(ready))
    first = order[np.argsort(-ready[order], kind="stable")]
    return {int(place) for place in first[: round(share * len(ready))] if ready[place] > -math.inf}


def readiness_of(labeller: Labeller, data: DataSet, model: Model, ledger: Ledger) -> dict[str, float]:
    """How readily a labeller gets each item wrong, by the item's id; found once for a study.

    Raises
    ------
    StudyError
        The labeller gives something else than a number an item.
    """
    name = full_name("labeller", labeller)

    def find() -> list[float | None]:
        scores = np.asarray(labeller.readiness(data, model), dtype=np.float64)
        if scores.shape != (len(data),) or np.isnan(scores).any() or (scores == math.inf).any():
            raise StudyError(
                f"The labeller {name} does not say how readily it errs.",
                seen=f"shape {scores.shape} for {len(data)} items",
                fix="One number an item, or minus infinity where it never errs.",
            )
        return [float(one) if one > -math.inf else None for one in scores]  # JSON has no infinity

    key = [model.fingerprint, name, labeller.parameters(), data.digest]
    values = ledger.once(f"where {name} errs", key, find, code=(type(labeller).__module__,))
    return {item.id: -math.inf if one is None else one for item, one in zip(data, values, strict=True)}
