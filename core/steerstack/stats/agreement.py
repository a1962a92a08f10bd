"""Choice and generation side by side: does what a vector does to choices show in free text?"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from jaxtyping import Float
from scipy import stats as tests

from steerstack.contracts import Measured
from steerstack.errors import StudyError
from steerstack.stats import estimates as stats
from steerstack.stats.estimates import Estimate, finite


@dataclass(frozen=True)
class Effects:
    """The effect of one arm, item by item: its value minus that of the arm it is compared with.

    Attributes
    ----------
    ids:
        Items.
    values:
        Effects, NaN where an item has none.
    """

    ids: tuple[str, ...]
    values: Float[np.ndarray, " item"]

    @classmethod
    def of(cls, after: Measured, before: Measured, name: str, *, sign: int = 1) -> "Effects":
        """The effect on one of a metric's values.

        Parameters
        ----------
        after, before:
            The arm and what it is compared with, on the same items.
        name:
            Of the value.
        sign:
            -1 where a lower value shows more of the behaviour.

        Raises
        ------
        StudyError
            The items differ, or there is no such value.
        """
        if after.ids != before.ids:
            raise StudyError("The two arms were measured on different items.", fix="Measure both in one call.")
        if name not in after.values:
            raise StudyError(f"The metric has no value {name!r}.", fix=f"It has {', '.join(after.values)}.")
        return cls(after.ids, sign * (np.asarray(after.values[name]) - np.asarray(before.values[name])))


@dataclass(frozen=True)
class SideBySide:
    """How far the effects on choices and on generated answers agree, over the items that have both.

    Attributes
    ----------
    choice, generation:
        Mean effects with their intervals, each on its own scale.
    same_sign, opposite_sign, one_is_zero, both_zero:
        Shares of items; they add up to 1.
    sign_agreement:
        ``same_sign`` among the items that have a sign in both, with its interval. 0.5 is expected by chance
        of signs that are balanced and unrelated.
    rank_correlation:
        Spearman's, over items; NaN where one side does not vary.
    left_out:
        Items with one effect only, or with NaN.
    disagree:
        Ids of the items with opposite signs.
    """

    choice: Estimate
    generation: Estimate
    same_sign: float
    opposite_sign: float
    one_is_zero: float
    both_zero: float
    sign_agreement: Estimate
    rank_correlation: float
    left_out: int
    disagree: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of items that have both effects."""
        return self.choice.n

    @property
    def means_disagree(self) -> bool:
        """Whether both mean effects are resolved from zero, with opposite signs."""
        both = self.choice.bears_claim and self.generation.bears_claim
        return both and (self.choice.value > 0) != (self.generation.value > 0)

    def to_json(self) -> dict[str, object]:
        """As a result holds it."""
        plain = {name: finite(value) if isinstance(value, float) else value for name, value in asdict(self).items()}
        estimates = {name: getattr(self, name).to_json() for name in ("choice", "generation", "sign_agreement")}
        return {**plain, **estimates, "n": self.n, "means_disagree": self.means_disagree}


def side_by_side(choice: Effects, generation: Effects, *, noise: float = 0.0) -> SideBySide:
    """Hold the effects on choices against those on generated answers, item by item.

    Parameters
    ----------
    choice, generation:
        Effects of the same arm, both pointing to more of the behaviour; items are matched by id.
    noise:
        Effects on choices up to this size count as zero (in their unit), since a log-probability is never
        exactly the same; those on generated answers are mostly -1, 0 or 1.

    Raises
    ------
    StudyError
        No item has both effects.
    """
    ids, left_out = _matched(choice, generation)
    if not ids:
        raise StudyError(
            "Choice and generation share no item.",
            seen=f"{len(choice.ids)} and {len(generation.ids)} items",
            fix="Measure both on the same data, with the same ids.",
        )
    x, y = (np.array([side[name] for name in ids]) for side in (_by_id(choice), _by_id(generation)))
    signs = np.sign(np.where(np.abs(x) <= noise, 0.0, x)), np.sign(y)
    product = signs[0] * signs[1]
    both_zero = (signs[0] == 0) & (signs[1] == 0)
    return SideBySide(
        choice=stats.mean(x),
        generation=stats.mean(y),
        same_sign=float(np.mean(product > 0)),
        opposite_sign=float(np.mean(product < 0)),
        one_is_zero=float(np.mean((product == 0) & ~both_zero)),
        both_zero=float(np.mean(both_zero)),
        sign_agreement=stats.share(product[product != 0] > 0),
        rank_correlation=_spearman(x, y),
        left_out=left_out,
        disagree=tuple(name for name, sign in zip(ids, product, strict=True) if sign < 0),
    )


def _by_id(effects: Effects) -> dict[str, float]:
    return {name: float(value) for name, value in zip(effects.ids, effects.values, strict=True) if math.isfinite(value)}


def _matched(choice: Effects, generation: Effects) -> tuple[Sequence[str], int]:
    first, second = _by_id(choice), _by_id(generation)
    ids = [name for name in choice.ids if name in first and name in second]
    return ids, len({*choice.ids, *generation.ids}) - len(ids)


def _spearman(x: Float[np.ndarray, " item"], y: Float[np.ndarray, " item"]) -> float:
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return math.nan
    return float(tests.spearmanr(x, y).statistic)
